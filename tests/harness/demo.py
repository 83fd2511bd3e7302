"""`dev.py demo`: example workflows through a real ComfyUI, and a contact sheet of what came back."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
import webbrowser
from typing import TYPE_CHECKING

from simulated_service import SimulatedService, retouching

from . import examples, launch, showing
from .comfyui import ComfyUIServer
from .contact_sheet import contact_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .showing import Json, Shown

_WORKFLOWS = ("repaint_by_brush", "repaint_subject", "erase")
_FOLDER = launch.ROOT / ".dev" / "demo"
# Fixed where they are free, so that the journal of an earlier demo and an open browser page stay good.
_SERVICE_PORT, _COMFYUI_PORT = 8187, 8186
_LATENCY_S = 1.0
_KEY_VARIABLES = ("VOLC_ACCESSKEY", "VOLCENGINE_ACCESS_KEY")


def main() -> int:
    """Parse the options, run the workflows, say where the pictures are."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument(
        "--workflow",
        action="append",
        choices=[path.stem for path in examples.examples()],
        help=f"which example to run, several times for several; by default {', '.join(_WORKFLOWS)}",
    )
    parser.add_argument(
        "--serve", action="store_true", help="leave the canvas open in the browser to play with"
    )
    parser.add_argument(
        "--colours", action="store_true", help="paint in colours by seed, as the tests do"
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="use the real service and the keys in the environment; costs money, and says how many calls first",
    )
    parser.add_argument("--yes", action="store_true", help="with --live: do not ask")
    parser.add_argument("--seed", type=int, help="another first seed, so other pictures")
    options = parser.parse_args()

    names = options.workflow or list(_WORKFLOWS)
    with _service(options) as (environment, painter):
        _say("starting ComfyUI with the pack in it")
        server = ComfyUIServer(_FOLDER, env=environment, port=_COMFYUI_PORT)
        try:
            _say(f"ComfyUI runs at {server.url}")
            _put_examples(server)
            prompts = {name: showing.prompt_of(server, name, options.seed) for name in names}
            if options.live and not _agreed(prompts, ask=not options.yes):
                return 1
            code = _run(server, prompts, painter)
            _say(f"that took {time.monotonic() - started:.0f} s in all")
            if options.serve:
                _serve(server, names[0])
            return code
        finally:
            server.stop()


def _say(text: str) -> None:
    print(f"[demo] {text}", flush=True)


@contextlib.contextmanager
def _service(options: argparse.Namespace) -> Iterator[tuple[dict[str, str], str]]:
    """The environment in which ComfyUI finds a service, and who paints: the real one, or the simulated one meanwhile."""
    if options.live:
        if not any(os.environ.get(name) for name in _KEY_VARIABLES):
            sys.exit(
                "--live needs keys in the environment: set VOLC_ACCESSKEY and VOLC_SECRETKEY. "
                "They are made at https://console.volcengine.com/iam/keymanage."
            )
        variables = {n: value for n, value in os.environ.items() if n.startswith("VOLC")}
        yield variables, "Painted by Volcengine."
        return
    port = launch.free_port(_SERVICE_PORT)
    artist = None if options.colours else retouching.retoucher()
    with SimulatedService(latency_s=_LATENCY_S, artist=artist, port=port) as service:
        service.web = examples.INPUT  # what the links of an example show
        _say(f"the simulated service listens at {service.endpoint}; nothing leaves this machine")
        _say(f"it answers: {service.artist.message}")
        # a journal for each painter, so that a demo does not show what another one painted
        journal = _FOLDER / f"journal-{type(service.artist).__name__.lower()}"
        journal.mkdir(mode=0o700, parents=True, exist_ok=True)
        variables = {**service.environment, "VOLC_JOURNAL_DIR": str(journal)}
        yield variables, f"Not by Volcengine. The service answered: {service.artist.message}"


def _put_examples(server: ComfyUIServer) -> None:
    """The examples' pictures into the input folder, the examples into the list of workflows."""
    workflows = server.base / "user" / "default" / "workflows"
    workflows.mkdir(parents=True, exist_ok=True)
    examples.put_pictures(server)
    for file in examples.examples():
        shutil.copy(file, workflows)


def _agreed(prompts: dict[str, Json], *, ask: bool) -> bool:
    calls = sum(showing.calls(prompt) for prompt in prompts.values())
    _say(
        f"--live: this sends pictures to Volcengine and buys up to {calls} calls on your account "
        "(fewer where the journal holds a picture already)."
    )
    if not ask:
        return True
    if not sys.stdin.isatty():
        _say("nobody is there to agree; --yes agrees beforehand")
        return False
    return input("[demo] Go on? [y/N] ").strip().lower() in ("y", "yes")


def _run(server: ComfyUIServer, prompts: dict[str, Json], painter: str) -> int:
    folder = _FOLDER / "variants"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rows: list[Shown] = []
    for name, prompt in prompts.items():
        _say(f"running {name}, up to {showing.calls(prompt)} calls")
        shown = showing.run(server, name, prompt)
        if shown.error:
            _say(shown.error)
            return 1
        rows.append(shown)
        for line in (*shown.summaries, *shown.notes):
            _say(f"  {line}")
        for number, file in enumerate(shown.after, 1):
            (folder / f"{name}_{number}.png").write_bytes(file)
        if len(set(shown.after)) < len(shown.after):
            _say("  but some of its pictures are alike")
            return 1
    if not any(row.paid for row in rows):
        _say("all was bought by an earlier demo, so nothing was paid; --seed 100 asks for new ones")
    sheet = _FOLDER / "contact_sheet.png"
    contact_sheet(rows, painter).save(sheet)
    _say(f"the pictures are in {folder.relative_to(launch.ROOT)}; the contact sheet is {sheet}")
    return 0


def _serve(server: ComfyUIServer, name: str) -> None:
    address = f"{server.url}/?template={name}&source={launch.PACK}"
    _say(f"the canvas is at {address}")
    _say("all examples are under Workflows (press w); Ctrl+C here ends it")
    webbrowser.open(address)
    with contextlib.suppress(KeyboardInterrupt):
        assert server.process is not None
        server.process.wait()


if __name__ == "__main__":
    sys.exit(main())
