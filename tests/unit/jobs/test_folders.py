"""What the mount table tells of the journal's folder. The lines were read from such mounts on Linux 6."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from volc_inpaint.nodes.jobs import folders
from volc_inpaint.nodes.jobs.messages import JournalGoneError

ROOT = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw"
RCLONE = "44 27 0:41 / /mnt/bucket rw,nosuid,nodev,relatime - fuse.rclone :s3:bucket rw,user_id=0,group_id=0"
JUICEFS = (
    "42 27 0:39 / /mnt/jfs rw,nosuid,nodev,relatime - fuse.juicefs JuiceFS:vol rw,user_id=0,group_id=0,"
    "default_permissions,allow_other,max_read=131072"
)


def line(kind: str, source: str = "x", options: str = "rw", point: str = "/mnt/x") -> str:
    return f"50 27 0:50 / {point} rw,relatime - {kind} {source} {options}"


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (RCLONE.replace("/mnt/bucket", "/mnt/x"), "rclone"),
        (line("fuse.s3fs", "s3fs"), "s3fs"),
        (line("fuse.sshfs", "me@there:/srv"), "sshfs"),
        (line("fuse.gcsfuse", "bucket"), "gcsfuse"),
        (line("fuse", "mountpoint-s3"), "mountpoint-s3"),
        (line("fuse.blobfuse2", "blobfuse2"), "blobfuse2"),
        (line("fuse", "blobfuse2"), "blobfuse2"),
        (line("nfs4", "nas:/x", "rw,vers=4.2,local_lock=all"), "nfs4 (local_lock=all)"),
        (line("nfs", "nas:/x", "rw,nolock,vers=3"), "nfs (nolock)"),
        (line("cifs", "//nas/x", "rw,nobrl"), "cifs (nobrl)"),
        (line("lustre", "mds@tcp:/x", "rw,localflock"), "lustre (localflock)"),
        (JUICEFS.replace("/mnt/jfs", "/mnt/x"), ""),
        (line("fuse.glusterfs", "host:vol"), ""),
        (line("fuse.mfs", "mfsmaster:9421"), ""),
        (line("nfs4", "nas:/x", "rw,vers=4.2,local_lock=none"), ""),
        (line("cifs", "//nas/x", "rw"), ""),
        (line("lustre", "mds@tcp:/x", "rw,flock"), ""),
        (line("ext4", "/dev/rclone"), ""),
    ],
)
def test_a_file_system_whose_locks_end_at_this_machine_is_named(mount, expected):
    table = f"{ROOT}\n{mount}\n"

    assert expected == folders.this_machine_only(Path("/mnt/x/journal"), table)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/mnt/bucket", "rclone"),
        ("/mnt/bucket/a/b", "rclone"),
        ("/mnt/bucket2", ""),
        ("/mnt", ""),
        ("/srv", ""),
        ("/mnt/bucket/jfs/journal", ""),
    ],
)
def test_the_mount_that_the_folder_lies_on_counts(folder, expected):
    inner = JUICEFS.replace("/mnt/jfs", "/mnt/bucket/jfs")

    # the order of the table is that of mounting, not of depth
    assert expected == folders.this_machine_only(Path(folder), f"{inner}\n{ROOT}\n{RCLONE}\n")


def test_of_two_mounts_at_one_point_the_later_covers_the_earlier():
    covered = f"{ROOT}\n{RCLONE}\n{JUICEFS.replace('/mnt/jfs', '/mnt/bucket')}\n"

    assert "" == folders.this_machine_only(Path("/mnt/bucket"), covered)


def test_a_blank_in_the_name_of_a_mount_point():
    table = f"{ROOT}\n{RCLONE.replace('/mnt/bucket', '/mnt/my' + chr(92) + '040bucket')}\n"

    assert "rclone" == folders.this_machine_only(Path("/mnt/my bucket/journal"), table)


def test_a_link_into_such_a_mount(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    table = f"{ROOT}\n{RCLONE.replace('/mnt/bucket', str(target.resolve()))}\n"

    assert "rclone" == folders.this_machine_only(link, table)


@pytest.mark.parametrize(
    "table",
    ["", "\n", "no table at all\n", "27 1 254:0 / - ext4\n", "27 1 254:0 / /mnt/x rw - rclone\n"],
)
def test_a_table_that_cannot_be_read_tells_nothing(table):
    assert "" == folders.this_machine_only(Path("/mnt/x"), table)


def test_this_system_s_own_table_is_read(tmp_path):
    # a temporary folder of a test run lies on a disk or in memory
    assert "" == folders.this_machine_only(tmp_path)


def test_the_warning_names_the_file_system_and_what_helps_in_both_languages():
    warning = folders.warning(Path("/mnt/bucket/journal"), f"{ROOT}\n{RCLONE}\n")

    assert warning is not None
    assert "on rclone" in warning.english
    assert "paid once on this machine only" in warning.english
    assert "JuiceFS" in warning.english
    assert "位于 rclone" in warning.chinese
    assert "JuiceFS" in warning.chinese


def test_where_the_locks_reach_as_far_as_the_folder_nothing_is_said():
    assert folders.warning(Path("/mnt/jfs/journal"), f"{ROOT}\n{JUICEFS}\n") is None


def test_a_folder_keeps_the_identity_that_its_first_use_gave_it(tmp_path):
    first, second = folders.Identity(tmp_path), folders.Identity(tmp_path)
    first.check()
    given = (tmp_path / "journal.id").read_bytes()
    second.check()
    first.check()

    assert 33 == len(given)
    assert given == (tmp_path / "journal.id").read_bytes()


def test_of_many_servers_that_use_a_new_folder_at_once_all_agree(tmp_path):
    several = [folders.Identity(tmp_path) for _ in range(8)]
    threads = [threading.Thread(target=one.check) for one in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for one in several:
        one.check()


def test_of_several_calls_of_one_server_that_use_a_new_folder_at_once_none_is_refused(tmp_path):
    identity = folders.Identity(tmp_path)
    look = identity._read

    def slowly():
        found, identity._read = look(), look
        another = threading.Thread(target=identity.check)
        another.start()
        another.join()
        return found

    identity._read = slowly
    identity.check()


def test_an_identity_that_nobody_finished_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_WRITING_S", 0.05)
    (tmp_path / "journal.id").touch()
    folders.Identity(tmp_path).check()

    assert 33 == len((tmp_path / "journal.id").read_bytes())


@pytest.mark.parametrize("content", [b"", b"another\n", None])
def test_another_identity_or_none_is_another_journal(tmp_path, content):
    identity = folders.Identity(tmp_path)
    identity.check()
    if content is None:
        (tmp_path / "journal.id").unlink()
    else:
        (tmp_path / "journal.id").write_bytes(content)

    with pytest.raises(JournalGoneError, match="not the one that was there"):
        identity.check()


@pytest.mark.parametrize(
    ("folder", "reached"),
    [
        (r"C:\ComfyUI\user\__volc_inpaint\journal", r"C:\ComfyUI\user\__volc_inpaint\journal"),
        ("C:\\" + "d" * 150, "C:\\" + "d" * 150),
        ("C:\\" + "d" * 170, "\\\\?\\C:\\" + "d" * 170),
        ("\\\\server\\share\\" + "d" * 170, "\\\\?\\UNC\\server\\share\\" + "d" * 170),
        ("\\\\?\\C:\\" + "d" * 300, "\\\\?\\C:\\" + "d" * 300),
    ],
)
def test_a_deep_folder_of_windows_is_named_without_its_limit(folder, reached):
    # https://learn.microsoft.com/en-us/windows/win32/fileio/maximum-file-path-limitation
    assert reached == folders.without_limit(folder)


def test_elsewhere_a_deep_folder_keeps_its_name(tmp_path):
    assert tmp_path / ("d" * 200) == folders.reachable(tmp_path / ("d" * 200))


def test_a_mount_without_options_is_one():
    table = f"{ROOT}\n50 27 0:50 / /mnt/x rw - fuse.rclone bucket:\n"

    assert "rclone" == folders.this_machine_only(Path("/mnt/x"), table)


def test_a_system_without_such_a_table_tells_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_MOUNTS", tmp_path / "none")

    assert "" == folders.this_machine_only(tmp_path)


@pytest.mark.parametrize("known", [False, True])
def test_a_folder_that_is_not_there_is_told_from_another_in_its_place(tmp_path, known):
    identity = folders.Identity(tmp_path / "journal")
    if known:
        (tmp_path / "journal").mkdir()
        identity.check()
        (tmp_path / "journal" / "journal.id").unlink()
        (tmp_path / "journal").rmdir()

    with pytest.raises(JournalGoneError, match="is not there, so nothing was bought"):
        identity.check()
