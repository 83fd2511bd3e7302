"""Runs an example in a real ComfyUI and brings home what can be shown of it: what went in, what came out, what was said."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PIL import Image

from . import examples
from .workflow import to_prompt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .comfyui import ComfyUIServer, Result

Json = dict[str, Any]
Pictures = list[Image.Image]

PAINTING = ("VolcInpaint", "VolcInpaintURL")
PAYING = (*PAINTING, "VolcSegment")
_RED = (255, 40, 40)
_SHOW_PICTURE, _SHOW_MASK, _MASK = "show_picture", "show_mask", "show_mask_as_picture"


@dataclass
class Shown:
    """One example that was run.

    Attributes:
        name: The example's.
        error: Why it ended, if it did not succeed.
        before: The pictures that were painted on.
        masks: Theirs, L, white is painted.
        after: The files that were saved, in order.
        summaries: What each paying node said under its pictures, in the order of their ends.
        notes: Theirs.
        paid: Calls.
    """

    name: str
    error: str = ""
    before: Pictures = field(default_factory=list)
    masks: Pictures = field(default_factory=list)
    after: list[bytes] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    paid: int = 0

    def inputs(self) -> Pictures:
        """The pictures that were painted on, their masked part in red."""
        return [
            Image.composite(Image.blend(picture, Image.new("RGB", picture.size, _RED), 0.6), picture, mask)
            for picture, mask in zip(self.before, self.masks, strict=True)
        ]  # fmt: skip

    def results(self) -> Pictures:
        """The pictures that were saved."""
        return [_picture(file) for file in self.after]


def prompt_of(server: ComfyUIServer, name: str, seed: int | None = None) -> Json:
    """What the canvas would send to run the example; every painting node with another first seed if one is given."""
    path = examples.EXAMPLES / f"{name}.json"
    prompt = to_prompt(examples.load(path), server.object_info())
    for node in prompt.values():
        if seed is not None and node["class_type"] in PAINTING:
            node["inputs"]["seed"] = seed
    return prompt


def calls(prompt: Json) -> int:
    """How many calls a run buys at most."""
    return sum(
        node["inputs"].get("variants", 1) * _pictures(prompt, node["inputs"].get("image"))
        for node in prompt.values()
        if node["class_type"] in PAYING
    )


def run(server: ComfyUIServer, name: str, prompt: Json) -> Shown:
    """Run an example's prompt, with nodes added that show what the first painting node gets."""
    first = next(node for node in prompt.values() if node["class_type"] in PAINTING)["inputs"]
    linked = "image" in first
    shown = Shown(name)
    result = server.run({**prompt, **(_watching(first) if linked else {})}, timeout_s=600)
    if result.status != "success":
        shown.error = f"{result.status}: {result.error_message}"
        return shown
    if linked:
        shown.before = _saved(server, result, _SHOW_PICTURE)
        masks = _saved(server, result, _SHOW_MASK)
    else:
        shown.before, masks = [_linked(first["image_url"])], [_linked(first["mask_url"])]
    # one mask may serve several pictures
    shown.masks = [mask.convert("L") for mask in masks * (len(shown.before) // len(masks))]
    for identifier, node in prompt.items():
        if node["class_type"] == "SaveImage":
            files = result.outputs[identifier]["images"]
            shown.after += [server.image(**file) for file in files]
    for identifier, seconds in _ends(result):
        kind = prompt[identifier]["class_type"]
        if kind in PAYING:
            runs = result.outputs[identifier]["volc_inpaint"]
            paid, kept = (sum(run[key] for run in runs) for key in ("paid", "from_journal"))
            shown.paid += paid
            words = f"paid {paid} · from the journal {kept} · {seconds:.1f} s"
            shown.summaries.append(f"{kind}: {words}")
            shown.notes += [note["en"] for run in runs for note in run["notes"]]
    return shown


def _watching(inputs: Json) -> Json:
    def node(kind: str, **inputs: Any) -> Json:
        return {"class_type": kind, "inputs": inputs}

    return {
        _SHOW_PICTURE: node("PreviewImage", images=inputs["image"]),
        _MASK: node("MaskToImage", mask=inputs["mask"]),
        _SHOW_MASK: node("PreviewImage", images=[_MASK, 0]),
    }


def _pictures(prompt: Json, link: Any) -> int:
    """How many files a link comes from; a picture given otherwise is one."""
    if not isinstance(link, list):
        return 1
    node = prompt[link[0]]
    if node["class_type"] == "LoadImage":
        return 1
    above = [value for value in node["inputs"].values() if isinstance(value, list)]
    return sum(_pictures(prompt, value) for value in above) or 1


def _ends(result: Result) -> Iterator[tuple[str, float]]:
    """The nodes that showed something, in the order of their ends, with the seconds since they told of their run."""
    began: dict[str, float] = {}
    for message in result.messages:
        node = str(message.data.get("node"))
        if message.type == "volc_inpaint.status":
            began.setdefault(node, message.time)
        elif message.type == "executed" and node in began:
            yield node, message.time - began.pop(node)


def _saved(server: ComfyUIServer, result: Result, node: str) -> Pictures:
    return [_picture(server.image(**file)) for file in result.outputs[node]["images"]]


def _linked(url: str) -> Image.Image:
    name = urlsplit(url).path.rsplit("/", 1)[1]
    return Image.open(examples.INPUT / name).convert("RGB")


def _picture(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file)).convert("RGB")
