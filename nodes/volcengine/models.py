"""The interfaces of the service in one table, and the request and the answer that all of them share."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2022-08-31"

# https://www.volcengine.com/docs/86081/1804490, field `logo_info`
LOGO_POSITIONS = MappingProxyType(
    {"bottom_right": 0, "bottom_left": 1, "top_left": 2, "top_right": 3}
)
LOGO_LANGUAGES = MappingProxyType({"chinese": 0, "english": 1})


@dataclass(frozen=True)
class Model:
    """What one `req_key` takes and how it is called.

    Attributes:
        req_key: The interface's name on the wire.
        takes: Wire names of the fields of the request beside the pictures and the prompt.
        takes_on_query: Those of the question for a submitted task instead.
        prompt_field: Wire name of the prompt; empty if it takes none.
        advised_prompt: Characters beyond which the prompt is longer than advised; 0 if nothing is said.
        erase_prompt: The prompt that removes what is masked; empty if there is none.
        defaults: Of fields whose default differs from that of the nodes' widgets.
        action: Of the call, or of the submission if there is a `query_action`.
        query_action: Of the question for a submitted task; empty for a synchronous interface.
        min_side: Smallest width or height of a picture, in pixels.
        max_side: Largest width or height, in pixels.
        max_file_bytes: Largest picture file.
        safe_file_bytes: Largest picture file under the strictest reading of the limit, used while quality allows.
    """

    req_key: str
    takes: frozenset[str]
    takes_on_query: frozenset[str] = frozenset()
    prompt_field: str = ""
    advised_prompt: int = 0
    erase_prompt: str = ""
    defaults: Mapping[str, int | float] = field(default_factory=dict)
    action: str = "CVProcess"
    query_action: str = ""
    min_side: int = 64
    max_side: int = 4096
    max_file_bytes: int = 5_000_000
    safe_file_bytes: int = 3_525_000

    def knows(self, name: str) -> bool:
        """Whether it takes the field called `name`, in the request or in the question for a task."""
        return name in self.takes or name in self.takes_on_query


# https://www.volcengine.com/docs/86081/1804490: JPEG or PNG, 5 MB, 64x64 to 4096x4096. Whether the 5 MB mean the file or
# its base64 text is not said there; the interface's siblings count 4.7 MB on the text
# (https://www.volcengine.com/docs/6793/1330693), which is 3,525,000 bytes of file.
INPAINTING_EDIT = Model(
    req_key="img2img_inpainting_edit_zi2i",
    prompt_field="custom_prompt",
    takes=frozenset({"steps", "scale", "seed", "return_url", "logo_info"}),
)

_SIBLING_FILE_BYTES = 4_700_000 * 3 // 4

# https://www.volcengine.com/docs/85621/1976207: submitted, then asked for; JPEG or PNG, 4.7 MB, up to 4096x4096 (the
# smallest side is not said); the prompt 删除 erases. What concerns the finished picture is asked for with it.
DREAM_INPAINT = Model(
    req_key="jimeng_image2image_dream_inpaint",
    prompt_field="prompt",
    advised_prompt=120,
    erase_prompt="删除",
    takes=frozenset({"seed"}),
    takes_on_query=frozenset({"return_url", "logo_info", "aigc_meta"}),
    action="CVSync2AsyncSubmitTask",
    query_action="CVSync2AsyncGetResult",
    max_file_bytes=_SIBLING_FILE_BYTES,
)

# https://www.volcengine.com/docs/6791/1223709: removes what is masked, without a prompt. Its `strength`, `dilate_size`
# and `quality` are left to the service.
ERASE = Model(
    req_key="i2i_inpainting",
    takes=frozenset({"steps", "scale", "seed", "return_url"}),
    defaults=MappingProxyType({"steps": 30, "scale": 7.0}),
    max_file_bytes=_SIBLING_FILE_BYTES,
)

# https://www.volcengine.com/docs/6793/1330693 and https://www.volcengine.com/docs/6793/1317296: one picture, 128x128 to
# 4096x4096, 4.7 MB as base64 text.
SUBJECT_SEGMENTATION = Model(
    req_key="saliency_seg",
    takes=frozenset({"only_mask", "rgb", "refine_mask", "return_url"}),
    min_side=128,
    max_file_bytes=_SIBLING_FILE_BYTES,
    safe_file_bytes=_SIBLING_FILE_BYTES,
)
ENTITY_SEGMENTATION = replace(
    SUBJECT_SEGMENTATION,
    req_key="entity_seg",
    takes=frozenset({"max_entity", "refine_mask", "return_format"}),
)

# In the order in which the nodes offer them.
INPAINTING: Mapping[str, Model] = MappingProxyType(
    {model.req_key: model for model in (INPAINTING_EDIT, DREAM_INPAINT, ERASE)}
)


@dataclass(frozen=True)
class LogoInfo:
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

    def wire(self) -> dict[str, object]:
        """The value of the field `logo_info`."""
        fields: dict[str, object] = {
            "add_logo": self.add_logo,
            "position": self.position,
            "language": self.language,
            "opacity": self.opacity,
        }
        if self.logo_text_content:
            fields["logo_text_content"] = self.logo_text_content
        return fields

    def label(self) -> dict[str, object]:
        """The value of the field `aigc_meta`; empty if no part of the label is given."""
        parts = {
            "content_producer": self.content_producer,
            "producer_id": self.producer_id,
            "content_propagator": self.content_propagator,
            "propagate_id": self.propagate_id,
        }
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True)
class Request:
    """One call but for its seed, which is all that differs between variants.

    Attributes:
        model: Its row in the table.
        parameters: Further fields by their wire names.
        pictures: Encoded files: the image, then the mask.
        urls: The same two as links; instead of `pictures`.
        on_query: Further fields of the question for a submitted task.
    """

    model: Model
    parameters: Mapping[str, object] = field(default_factory=dict)
    pictures: tuple[bytes, ...] = ()
    urls: tuple[str, ...] = ()
    on_query: Mapping[str, object] = field(default_factory=dict)

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


@dataclass(frozen=True)
class Answer:
    """A call that succeeded.

    Attributes:
        request_id: What the service's support asks for.
        code: 10000.
        message: As received.
        elapsed_s: The service's own time, in seconds, if it told.
        pictures: Encoded files.
        urls: Links to the same; they live 24 hours.
        data: The other fields of `data`: texts, numbers, booleans, and lists of such.
    """

    request_id: str
    code: int = 10000
    message: str = ""
    elapsed_s: float | None = None
    pictures: tuple[bytes, ...] = ()
    urls: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
