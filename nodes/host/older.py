"""What older versions of ComfyUI lack. The pack loads in 0.14.0 and later."""

from __future__ import annotations

import inspect

from comfy_api.latest import io

from ..words import Text

try:
    from comfyui_version import __version__ as version
except ImportError:
    version = "of unknown version"

LEAST = "0.14.0"


class TooOldError(RuntimeError):
    """ComfyUI is older than what the pack can be used in without harm."""


def check() -> None:
    """Refuse to load where the nodes would cost money by themselves.

    Raises:
        TooOldError: This ComfyUI turns every seed to another one after each run (`io.ControlAfterGenerate` came in 0.14.0).
    """
    if hasattr(io, "ControlAfterGenerate"):
        return
    text = Text(
        f"Volc Inpaint needs ComfyUI {LEAST} or newer, and this is {version}: it would change the seed after every run, "
        "so that every run pays. Update ComfyUI. Nothing was loaded.",
        f"Volc Inpaint 需要 ComfyUI {LEAST} 或更高版本，当前为 {version}：该版本会在每次运行后自动更改种子，导致每次运行都付费。"
        "请更新 ComfyUI。未加载任何节点。",
    )
    raise TooOldError(text.lines())


def keeps_preview() -> dict[str, bool]:
    """For `io.Schema`: keep a node's pictures over a reload of the page. Before 0.19.0 the keyword is a TypeError."""
    known = "has_intermediate_output" in inspect.signature(io.Schema).parameters
    return {"has_intermediate_output": True} if known else {}
