"""`dev.py pictures`: the examples' thumbnails and README's pictures, all from runs in a real ComfyUI.

What is painted comes from the simulated service, filled from its surroundings, and says so.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from simulated_service import SimulatedService, retouching

from . import chromium, close_up, examples, launch, screenshots, showing, thumbnails
from .browser import QUIET
from .comfyui import ComfyUIServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .showing import Shown

IMAGES = launch.ROOT / ".github" / "images"
_GAP = 8
# Of the four variants of the erasure, the one that a person would pick.
_PICKED = 3


def main() -> int:
    """Make all pictures, or those whose names hold one of the words given."""
    parser = argparse.ArgumentParser(prog="dev.py pictures", description=__doc__)
    parser.add_argument("words", nargs="*", help="e.g. erase, canvas, -zh; all without one")
    options = parser.parse_args()

    def wanted(name: str) -> bool:
        return not options.words or any(word in name for word in options.words)

    artist = retouching.retoucher()
    print(artist.message)
    with SimulatedService(artist=artist) as service, tempfile.TemporaryDirectory() as folder:
        service.web = examples.INPUT
        user = Path(folder) / "base" / "user" / "default"
        user.mkdir(parents=True)
        (user / "comfy.settings.json").write_text(json.dumps(QUIET))
        server = ComfyUIServer(Path(folder), env={"VOLC_ENDPOINT": service.endpoint})
        try:
            keys = {"access_key": service.access_key, "secret_key": service.secret_key}
            server.post("/volc_inpaint/credentials", keys)
            examples.put_pictures(server)
            _make(server, wanted)
        finally:
            server.stop()
    if wanted("close-up"):
        close_up.main()
    return 0


def _make(server: ComfyUIServer, wanted: Callable[[str], bool]) -> None:
    for path in examples.examples():
        if wanted(path.stem):
            shown = _run(server, path.stem)
            _write(path.with_suffix(".jpg"), thumbnails.thumbnail(shown), quality=88)
    if wanted("erased"):
        _write(IMAGES / "erased.jpg", _before_and_after(_run(server, "erase")), quality=90)
    names = [name for name in screenshots.NAMES if wanted(name)]
    if names and chromium.program() is None:
        print(f"no Chromium (CHROMIUM names one), so not made anew: {', '.join(names)}")
        return
    for name, png in screenshots.take(server, names):
        _write(IMAGES / f"{name}.jpg", Image.open(io.BytesIO(png)).convert("RGB"), quality=85)


def _run(server: ComfyUIServer, name: str) -> Shown:
    shown = showing.run(server, name, showing.prompt_of(server, name))
    if shown.error:
        raise RuntimeError(f"{name}: {shown.error}")
    return shown


def _before_and_after(shown: Shown) -> Image.Image:
    before, after = shown.before[0], shown.results()[_PICKED]
    sheet = Image.new("RGB", (before.width * 2 + _GAP, before.height), "white")
    sheet.paste(before, (0, 0))
    sheet.paste(after, (before.width + _GAP, 0))
    return sheet


def _write(path: Path, picture: Image.Image, quality: int) -> None:
    picture.save(path, quality=quality, optimize=True, progressive=True)
    print(f"wrote {path.relative_to(launch.ROOT)}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
