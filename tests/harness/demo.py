"""`dev.py demo`: the first example workflow through a real ComfyUI, and a contact sheet of what came back."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import time
import webbrowser
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont
from simulated_service import SimulatedService

from . import examples, launch
from .comfyui import ComfyUIServer
from .workflow import to_prompt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORKFLOW = "repaint_by_brush"
_FOLDER = launch.ROOT / ".dev" / "demo"
# Fixed where they are free, so that the journal of an earlier demo and an open browser page stay good.
_SERVICE_PORT, _COMFYUI_PORT = 8187, 8186
_LATENCY_S = 1.0
_KEY_VARIABLES = ("VOLC_ACCESSKEY", "VOLCENGINE_ACCESS_KEY")


def main() -> int:
    """Parse the options, run the workflow, say where the pictures are."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument(
        "--serve", action="store_true", help="leave the canvas open in the browser to play with"
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="use the real service and the keys in the environment; costs money, and says how many calls first",
    )
    parser.add_argument("--yes", action="store_true", help="with --live: do not ask")
    parser.add_argument("--seed", type=int, help="another first seed, so other pictures")
    options = parser.parse_args()

    workflow = json.loads((examples.EXAMPLES / f"{_WORKFLOW}.json").read_text("utf-8"))
    with _service(options) as environment:
        _say("starting ComfyUI with the pack in it")
        server = ComfyUIServer(_FOLDER, env=environment, port=_COMFYUI_PORT)
        try:
            _say(f"ComfyUI runs at {server.url}")
            _put_examples(server)
            prompt = to_prompt(workflow, server.object_info())
            _set_seed(prompt, options.seed)
            if options.live and not _agreed(prompt, ask=not options.yes):
                return 1
            code = _run(server, prompt)
            if options.serve:
                _serve(server)
            return code
        finally:
            server.stop()


def _say(text: str) -> None:
    print(f"[demo] {text}", flush=True)


@contextlib.contextmanager
def _service(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """The environment in which ComfyUI finds the real service, or the simulated one, which runs meanwhile."""
    if options.live:
        if not any(os.environ.get(name) for name in _KEY_VARIABLES):
            sys.exit(
                "--live needs keys in the environment: set VOLC_ACCESSKEY and VOLC_SECRETKEY. "
                "They are made at https://console.volcengine.com/iam/keymanage."
            )
        yield {name: value for name, value in os.environ.items() if name.startswith("VOLC")}
        return
    port = launch.free_port(_SERVICE_PORT)
    with SimulatedService(latency_s=_LATENCY_S, port=port) as service:
        service.web = examples.INPUT  # what the links of an example show
        _say(f"the simulated service listens at {service.endpoint}; nothing leaves this machine")
        yield service.environment


def _put_examples(server: ComfyUIServer) -> None:
    """The examples' pictures into the input folder, the examples into the list of workflows."""
    workflows = server.base / "user" / "default" / "workflows"
    workflows.mkdir(parents=True, exist_ok=True)
    examples.put_pictures(server)
    for file in examples.examples():
        shutil.copy(file, workflows)


def _inpaint(prompt: dict[str, Any]) -> dict[str, Any]:
    return next(node for node in prompt.values() if node["class_type"] == "VolcInpaint")["inputs"]  # type: ignore[no-any-return]


def _set_seed(prompt: dict[str, Any], seed: int | None) -> None:
    if seed is not None:
        _inpaint(prompt)["seed"] = seed


def _agreed(prompt: dict[str, Any], *, ask: bool) -> bool:
    calls = _inpaint(prompt)["variants"]
    _say(
        f"--live: this sends one picture to Volcengine and buys up to {calls} calls on your account "
        "(fewer where the journal holds a picture already)."
    )
    if not ask:
        return True
    if not sys.stdin.isatty():
        _say("nobody is there to agree; --yes agrees beforehand")
        return False
    return input("[demo] Go on? [y/N] ").strip().lower() in ("y", "yes")


def _run(server: ComfyUIServer, prompt: dict[str, Any]) -> int:
    _say(
        f"running {_WORKFLOW}: {_inpaint(prompt)['variants']} variants of “{_inpaint(prompt)['prompt']}”"
    )
    started = time.monotonic()
    result = server.run(prompt, timeout_s=600)
    if result.status != "success":
        _say(f"{result.status}: {result.error_message}")
        return 1
    elapsed_s = time.monotonic() - started
    (run,) = (
        output["volc_inpaint"][0] for output in result.outputs.values() if "volc_inpaint" in output
    )
    _say(f"paid {run['paid']} · from the journal {run['from_journal']} · {elapsed_s:.1f} s")
    if not run["paid"]:
        _say(
            "all were bought by an earlier demo, so nothing was paid; --seed 100 asks for new ones"
        )
    for note in run["notes"]:
        _say(note)

    folder = _FOLDER / "variants"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    variants: list[Path] = []
    for output in result.outputs.values():
        for file in output.get("images", []):
            if file["type"] == "output":
                variants.append(folder / f"variant_{len(variants) + 1}.png")
                variants[-1].write_bytes(server.image(**file))
                _say(f"wrote {variants[-1].relative_to(launch.ROOT)}")
    picture = next(n for n in prompt.values() if n["class_type"] == "LoadImage")["inputs"]["image"]
    sheet = _FOLDER / "contact_sheet.png"
    contact_sheet(server.base / "input" / picture, variants).save(sheet)
    different = len({file.read_bytes() for file in variants})
    _say(f"{len(variants)} variants, {different} different; the contact sheet is {sheet}")
    return 0 if different == len(variants) else 1


def contact_sheet(source: Path, variants: list[Path], side: int = 480) -> Image.Image:
    """The source, its masked part in red, then the variants, each with its caption; three in a row."""
    original = Image.open(source)
    rgb = original.convert("RGB")
    tinted = rgb
    if "A" in original.getbands():
        # LoadImage makes its mask of the alpha channel: transparent is masked
        masked = original.getchannel("A").point(lambda alpha: (255 - alpha) // 2)
        tinted = Image.composite(Image.new("RGB", rgb.size, (255, 30, 30)), rgb, masked)
    tiles = [("input, mask in red", tinted)]
    tiles += [(f"variant {i}", Image.open(file)) for i, file in enumerate(variants, 1)]
    height = round(side * rgb.height / rgb.width)
    gap, caption, columns = 12, 30, min(3, len(tiles))
    rows = -(-len(tiles) // columns)
    size = (columns * (side + gap) + gap, rows * (height + caption + gap) + gap)
    sheet = Image.new("RGB", size, (32, 32, 32))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(18)
    for number, (title, picture) in enumerate(tiles):
        x = gap + number % columns * (side + gap)
        y = gap + number // columns * (height + caption + gap)
        sheet.paste(picture.convert("RGB").resize((side, height), Image.Resampling.LANCZOS), (x, y))
        pen.text((x, y + height + 4), title, fill=(230, 230, 230), font=font)
    return sheet


def _serve(server: ComfyUIServer) -> None:
    address = f"{server.url}/?template={_WORKFLOW}&source={launch.PACK}"
    _say(f"the canvas is at {address}")
    _say("all examples are under Workflows (press w); Ctrl+C here ends it")
    webbrowser.open(address)
    with contextlib.suppress(KeyboardInterrupt):
        assert server.process is not None
        server.process.wait()


if __name__ == "__main__":
    sys.exit(main())
