"""What is sent: one call but for its seed, the watermark and the implicit label."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .models import Model

# https://www.volcengine.com/docs/86081/1804490, field `logo_info`
LOGO_POSITIONS = {"bottom_right": 0, "bottom_left": 1, "top_left": 2, "top_right": 3}
# The longest part of `aigc_meta`: https://www.volcengine.com/docs/85621/2375477
LABEL_CHARACTERS = 256
LOGO_LANGUAGES = {"chinese": 0, "english": 1}


class LogoInfo(NamedTuple):
    """The watermark and the implicit label, field by field as on the wire.

    https://www.volcengine.com/docs/86081/1804490 and https://www.volcengine.com/docs/85621/1976207

    Attributes:
        add_logo: Whether to draw it.
        position: 0 bottom right, 1 bottom left, 2 top left, 3 top right.
        language: 0 Chinese, 1 English.
        opacity: 0..1, 1 = opaque.
        logo_text_content: Own text; empty for the standard text, and then not sent.
        content_producer: Of the implicit label: who makes the content. Each of the four is sent only if given.
        producer_id: The picture's number there; the label needs it.
        content_propagator: Who distributes it.
        propagate_id: Its number there.
    """

    add_logo: bool = True
    position: int = 0
    language: int = 0
    opacity: float = 0.3
    logo_text_content: str = ""
    content_producer: str = ""
    producer_id: str = ""
    content_propagator: str = ""
    propagate_id: str = ""

    def wire(self, *, opacity: bool = True) -> dict[str, object]:
        """The value of the field `logo_info`; with `opacity` only if the interface takes it."""
        fields: dict[str, object] = {
            "add_logo": self.add_logo,
            "position": self.position,
            "language": self.language,
        }
        if opacity:
            fields["opacity"] = self.opacity
        if self.logo_text_content:
            fields["logo_text_content"] = self.logo_text_content
        return fields

    def label(self) -> dict[str, str]:
        """The value of the field `aigc_meta`; empty if no part of the label is given."""
        names = ("content_producer", "producer_id", "content_propagator", "propagate_id")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


@dataclass(frozen=True)
class Request:
    """One call but for its seed, which is all that differs between variants.

    Attributes:
        model: Its row in the table.
        parameters: Further fields by their wire names.
        pictures: Encoded files: the image, then the mask.
        urls: The same two as links; instead of `pictures`.
        on_query: Further fields of the question for a submitted task.
        size: Width and height of the image, px; None if nobody knows.
    """

    model: Model
    parameters: Mapping[str, object] = field(default_factory=dict)
    pictures: tuple[bytes, ...] = ()
    urls: tuple[str, ...] = ()
    on_query: Mapping[str, object] = field(default_factory=dict)
    size: tuple[int, int] | None = None

    def as_task(self) -> Request | None:
        """The same as a submitted task, with those of its fields that go with the question; None if it cannot be one."""
        pair = self.model.as_pair
        if pair is None:
            return None
        later = {n: value for n, value in self.parameters.items() if n in pair.takes_on_query}
        now = {n: value for n, value in self.parameters.items() if n not in later}
        return replace(self, model=pair, parameters=now, on_query={**self.on_query, **later})

    def body(self, seed: int | None = None) -> bytes:
        """The JSON body, UTF-8. The pictures are encoded once, whatever the number of seeds.

        Args:
            seed: 0 or larger, -1 for one of the service's choice, None to send none.
        """
        if seed is None:
            return self._head + b"}"
        return b'%b,"seed":%d}' % (self._head, seed)

    def query(self, task_id: str) -> bytes:
        """The JSON body that asks for a submitted task, UTF-8 (https://www.volcengine.com/docs/85621/1976207)."""
        fields = {"req_key": self.model.req_key, "task_id": task_id}
        if self.on_query:
            # a text that holds JSON, not an object
            fields["req_json"] = to_json(dict(self.on_query)).decode()
        return to_json(fields)

    @cached_property
    def _head(self) -> bytes:
        fields: dict[str, object] = {"req_key": self.model.req_key, **self.parameters}
        if self.urls:
            fields["image_urls"] = list(self.urls)
            return to_json(fields)[:-1]
        # Appended as bytes: a JSON encoder would look at every character of a text that needs no escape.
        pictures = b",".join(b'"%b"' % base64.b64encode(picture) for picture in self.pictures)
        return b'%b,"binary_data_base64":[%b]' % (to_json(fields)[:-1], pictures)


def to_json(value: object) -> bytes:
    """Compact JSON in UTF-8, Chinese unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
