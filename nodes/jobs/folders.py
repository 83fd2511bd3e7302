"""What the journal's folder is: the one that it was, and whether the locks of its file system reach other machines."""

from __future__ import annotations

import os
import re
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..words import Text
from .files import open_private
from .messages import JournalGoneError

if TYPE_CHECKING:
    from collections.abc import Iterable

_IDENTITY = "journal.id"
# How long another server may need to write it once it is made.
_WRITING_S = 5.0
# Of Windows; and what stands in the journal below its folder, `ab/<64 digits>.<8 digits>.partial` the longest.
_MAX_PATH, _LONGEST_NAME = 260, 96
_MOUNTS = Path("/proc/self/mountinfo")

# They keep `flock` to the machine on which it was called, and let it succeed on each:
# https://rclone.org/commands/rclone_mount/, https://github.com/s3fs-fuse/s3fs-fuse, https://github.com/libfuse/sshfs,
# https://github.com/GoogleCloudPlatform/gcsfuse, https://github.com/awslabs/mountpoint-s3,
# https://github.com/Azure/azure-storage-fuse and their like.
_LOCAL = frozenset(
    {
        "rclone",
        "s3fs",
        "sshfs",
        "gcsfuse",
        "mountpoint-s3",
        "blobfuse",
        "blobfuse2",
        "goofys",
        "geesefs",
        "ossfs",
        "cosfs",
        "obsfs",
        "tosfs",
        "curlftpfs",
        "davfs",
        "davfs2",
    }
)
# Those that lock across machines unless a mount option keeps the locks at home: nfs(5), mount.cifs(8), mount.lustre(8).
_LOCAL_BY_OPTION = {
    "nfs": frozenset({"nolock", "local_lock=flock", "local_lock=all"}),
    "nfs4": frozenset({"nolock", "local_lock=flock", "local_lock=all"}),
    "cifs": frozenset({"nobrl"}),
    "smb3": frozenset({"nobrl"}),
    "lustre": frozenset({"localflock"}),
}


class Identity:
    """Tells whether a journal's folder is the one that it was: a share that is not mounted leaves another in its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _IDENTITY
        self._known = b""

    def check(self) -> None:
        """Look whether it still is; at first, learn which it is.

        Raises:
            JournalGoneError: It is not there, or another one.
            OSError: It can be neither read nor written.
        """
        # before the folder is read: another thread may give it an identity meanwhile
        known = self._known
        found = self._read()
        if not known:
            self._known = found or self._give()
        elif found != known:
            raise JournalGoneError(self._folder, there=self._folder.is_dir())

    def _read(self) -> bytes:
        try:
            return self._path.read_bytes().strip()
        except FileNotFoundError:
            if not self._folder.is_dir():
                raise JournalGoneError(self._folder, there=False) from None
            return b""

    def _give(self) -> bytes:
        """Give a new folder an identity, unless another server does so at this moment."""
        given = uuid.uuid4().hex.encode()
        flags = os.O_WRONLY | os.O_CREAT
        try:
            descriptor = open_private(self._path, flags | os.O_EXCL)
        except FileExistsError:
            deadline = time.monotonic() + _WRITING_S
            while time.monotonic() < deadline:
                if found := self._read():
                    return found
                time.sleep(0.01)
            descriptor = open_private(self._path, flags)  # who made it died before it wrote
        try:
            os.write(descriptor, given + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return given


class Mount(NamedTuple):
    """One line of the mount table.

    Attributes:
        point: Where it is mounted.
        kind: Of the file system, such as `ext4` or `fuse.rclone`.
        source: What is mounted.
        options: Those of the file system.
    """

    point: Path
    kind: str
    source: str
    options: frozenset[str]


def mounts(table: str) -> list[Mount]:
    """The mounts of a table in the form of Linux's `/proc/self/mountinfo` (proc(5)); lines of another form are left out."""
    found = []
    for line in table.splitlines():
        here, separator, there = line.partition(" - ")
        fields, of_kind = here.split(), there.split()
        if separator and len(fields) > 4 and len(of_kind) > 1:
            options = of_kind[2].split(",") if len(of_kind) > 2 else []
            found.append(
                Mount(Path(_plain(fields[4])), of_kind[0], _plain(of_kind[1]), frozenset(options))
            )
    return found


def mount_of(folder: Path, table: Iterable[Mount]) -> Mount | None:
    """The mount that `folder`, an absolute path without links, lies on; of several at one point the last one covers the others."""
    above = [mount for mount in table if folder.is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point.parts), default=None)


def locks_end_here(mount: Mount) -> str:
    """The name of a file system whose locks no other machine sees; empty for any other."""
    name = mount.kind.removeprefix("fuse.")
    if name in ("fuse", "fuseblk"):
        name = re.split(r"[^a-z0-9-]", mount.source.lower())[0]
    if name in _LOCAL:
        return name
    kept = _LOCAL_BY_OPTION.get(mount.kind, frozenset()) & mount.options
    return f"{mount.kind} ({', '.join(sorted(kept))})" if kept else ""


def this_machine_only(folder: Path, table: str | None = None) -> str:
    """The file system of `folder`, if its locks end at this machine: what is paid there is paid once on this machine only.

    Args:
        folder: Of the journal; need not exist.
        table: In the form of `/proc/self/mountinfo`; this system's own by default.

    Returns:
        Its name; empty where the locks reach as far as the folder, or where that cannot be known (no such table).
    """
    try:
        table = _MOUNTS.read_text("utf-8", "surrogateescape") if table is None else table
        place = folder.resolve()
    except OSError:
        return ""
    mount = mount_of(place, mounts(table))
    return locks_end_here(mount) if mount else ""


def warning(folder: Path, table: str | None = None) -> Text | None:
    """What to say of a journal's folder whose locks no other machine sees; None where there is nothing to say."""
    name = this_machine_only(folder, table)
    if not name:
        return None
    return Text(
        f"The journal is on {name}, whose locks end at this machine: an equal picture is paid once on this machine only, and "
        "again by every other machine that asks for it at the same time. For several machines take a file system whose "
        "locks reach all of them, such as JuiceFS or MooseFS.",
        f"本地记录位于 {name}，其文件锁仅在本机有效：相同的图片只在本机保证付费一次，其他机器同时请求时会再次付费。"
        "多台机器请使用文件锁对所有机器有效的文件系统，例如 JuiceFS 或 MooseFS。",
    )


def _plain(text: str) -> str:
    r"""A field of the table: blanks, tabs, line ends and backslashes stand in it as `\040` and so on."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def reachable(folder: Path) -> Path:
    """The folder, on Windows by a name that its deepest files can be reached by."""
    return Path(without_limit(str(folder.absolute()))) if os.name == "nt" else folder


def without_limit(folder: str) -> str:
    """An absolute path of Windows, marked as one without limit where names within it could pass 260 characters.

    https://learn.microsoft.com/en-us/windows/win32/fileio/maximum-file-path-limitation
    """
    if len(folder) + _LONGEST_NAME < _MAX_PATH or folder.startswith("\\\\?\\"):
        return folder
    if folder.startswith("\\\\"):
        return "\\\\?\\UNC" + folder[1:]
    return "\\\\?\\" + folder
