"""No message of ours can hurt the host's output.

ComfyUI writes to its console strictly: where the console's encoding lacks a character, writing raises inside `logging`,
ComfyUI's worker thread dies of it, and no later prompt of anybody runs. Our messages are in English and Chinese.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import io
import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOLERANT = frozenset({"backslashreplace", "replace", "xmlcharrefreplace", "namereplace", "ignore"})
_OR = "_or_backslashreplace"
_CONSOLE = (1, 2)
_searched: dict[int, Any] = {}


def guard(package: str) -> None:
    """Have what the console cannot show written by its number, now and whatever wraps the console later.

    Nothing else of anybody's output changes. The loggers of `package` are ours.
    """
    heal()
    ours = [name for name in logging.root.manager.loggerDict if name.startswith(package)]
    # ComfyUI logs a node's error with the root logger; a logger's filters do not see what its children log
    for logger in (logging.root, *map(logging.getLogger, ours)):
        if not any(isinstance(one, _Look) for one in logger.filters):
            logger.addFilter(_Look())


def heal() -> None:
    """Make every stream that a message of ours can reach tolerant of what its encoding lacks."""
    for stream in _streams():
        for inner in _inside(stream):
            _make_tolerant(inner)


class _Look(logging.Filter):
    """Looks at the streams before a record reaches them that some console may not be able to show."""

    def filter(self, record: logging.LogRecord) -> bool:
        # a record that cannot be formatted is its author's matter
        with contextlib.suppress(Exception):
            if record.exc_info or not record.getMessage().isascii():
                heal()
        return True


def _streams() -> Iterator[Any]:
    yield from (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    for handler in (*logging.root.handlers, logging.lastResort):
        # one that buffers hands on to its target
        yield getattr(getattr(handler, "target", None) or handler, "stream", None)


def _inside(stream: Any) -> Iterator[io.TextIOWrapper]:
    """The stream itself, or if somebody's class wraps the console, what that class may write to."""
    if isinstance(stream, io.TextIOWrapper):
        yield stream
    elif not (stream is None or isinstance(stream, io.StringIO) or id(stream) in _searched):
        _searched[id(stream)] = stream  # kept, so that no other gets its number
        for value in getattr(stream, "__dict__", {}).values():
            if isinstance(value, io.TextIOWrapper):
                yield value
        # it may keep the console anywhere: in a closure, a module, another wrapper
        for one in gc.get_objects():
            if isinstance(one, io.TextIOWrapper) and _is_console(one):
                yield one


def _is_console(stream: io.TextIOWrapper) -> bool:
    try:
        return stream.fileno() in _CONSOLE
    except (OSError, ValueError):  # closed, or no file
        return False


def _make_tolerant(stream: io.TextIOWrapper) -> None:
    errors = stream.errors or "strict"
    if errors in _TOLERANT or errors.endswith(_OR):
        return
    with contextlib.suppress(OSError, ValueError):  # closed, or read from only
        stream.reconfigure(errors="backslashreplace" if errors == "strict" else _or(errors))


def _or(errors: str) -> str:
    """The name of a way to handle errors: as `errors` does where it can, else by its number."""

    def handle(error: UnicodeError) -> tuple[str | bytes, int]:
        try:
            return codecs.lookup_error(errors)(error)
        except UnicodeError:
            return codecs.lookup_error("backslashreplace")(error)

    codecs.register_error(errors + _OR, handle)
    return errors + _OR
