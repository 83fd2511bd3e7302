"""What ComfyUI asks of both painting nodes before it runs them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from .checkout import incomplete
from .painting_widgets import check_seed


class PaintingNode(io.ComfyNode):
    """A node with a `seed`: one beyond the widget's range is folded into it, and -1 runs anew each time."""

    @classmethod
    def validate_inputs(cls, seed: int | None) -> bool | str:
        """Stands in for ComfyUI's own check of the seed's range."""
        return check_seed(seed)

    @classmethod
    def fingerprint_inputs(cls, seed: int | None, **_: Any) -> float:
        """ComfyUI runs the node when this differs from what it was at the cached run.

        A seed of -1 runs anew each time. Any other only when an input changed, or to get what its last run missed.
        """
        return float("nan") if seed == -1 else incomplete[cls.hidden.unique_id]
