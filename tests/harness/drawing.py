"""Small masks drawn as text, so that a test's expectation can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np


def drawn(text: str) -> np.ndarray[Any, Any]:
    """[H, W] bool from rows of characters between blanks; `#` is True."""
    return np.array([[character == "#" for character in row] for row in text.split()])
