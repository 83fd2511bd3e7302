"""The interfaces of the service in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2022-08-31"
# 4.7 MB of base64 text: https://www.volcengine.com/docs/6793/1330693
_SIBLING_FILE_BYTES = 3_525_000

_CONSOLE = "https://console.volcengine.com/ai/ability"

Counted = Literal["", "words", "characters"]


class Model(NamedTuple):
    """What one `req_key` takes and how it is called.

    Attributes:
        req_key: The interface's name on the wire.
        says: One sentence on it, for tooltips.
        activated_at: Where an account activates it.
        sends: Which pictures it takes, in the order of the wire.
        takes: Wire names of the fields of the request beside the pictures and the prompt.
        takes_on_query: Those of the question for a submitted task instead.
        prompt_field: Wire name of the prompt; empty if it takes none.
        needs_prompt: Whether that may not be empty.
        prompt_counted: How a prompt is measured: in words and Chinese characters, or in characters of any kind.
        advised_prompt: The longest prompt that is advised, measured so; 0 if it takes none.
        max_prompt: The longest that is taken, in characters; 0 if nothing is said.
        erase_prompt: The prompt that removes what is masked; empty if there is none.
        defaults: Of fields whose default differs from that of the nodes' widgets.
        logo_opacity: Whether the opacity of its watermark can be chosen.
        widens_mask_px: How far beyond the mask it repaints.
        action: Of the call, or of the submission if there is a `query_action`.
        query_action: Of the question for a submitted task; empty for a synchronous interface.
        as_pair: The same interface as a submitted task, to be called so where the synchronous call is no more.
        successor: What to choose instead once it is retired; None if it is not being retired.
        min_side: Smallest width or height of a picture, in pixels.
        max_side: Largest width or height, in pixels.
        best_side: The long side that it paints best, in pixels: what a small part of a picture is enlarged to.
        max_file_bytes: Largest picture file.
        safe_file_bytes: Largest picture file under the strictest reading of the limit, used while quality allows.
    """

    req_key: str
    says: Text
    takes: frozenset[str]
    takes_on_query: frozenset[str] = frozenset()
    activated_at: str = _CONSOLE
    sends: tuple[str, ...] = ("picture", "mask")
    prompt_field: str = ""
    needs_prompt: bool = True
    prompt_counted: Counted = ""
    advised_prompt: int = 0
    max_prompt: int = 0
    erase_prompt: str = ""
    defaults: Mapping[str, int | float] = {}
    logo_opacity: bool = True
    widens_mask_px: int = 0
    action: str = "CVProcess"
    query_action: str = ""
    as_pair: Model | None = None
    successor: Model | None = None
    min_side: int = 64
    max_side: int = 4096
    # Judged: no page says it, but 1024 px is where models of its kind are trained.
    best_side: int = 1024
    max_file_bytes: int = 5_000_000
    safe_file_bytes: int = _SIBLING_FILE_BYTES

    def knows(self, name: str) -> bool:
        """Whether it takes the field called `name`, in the request or in the question for a task."""
        return name in self.takes or name in self.takes_on_query


# https://www.volcengine.com/docs/85621/1976207: submitted, then asked for; JPEG or PNG, 4.7 MB, up to 4096x4096 (the
# smallest side is not said); the prompt 删除 erases. What concerns the finished picture is asked for with it. Judged: its
# siblings answer at up to 1536 px a side, so a longer one is of no use to it.
DREAM_INPAINT = Model(
    req_key="jimeng_image2image_dream_inpaint",
    says=Text(
        "Its successor; writes words in quotation marks, too.", "其后继接口，也能写出引号中的文字。"
    ),
    activated_at="https://console.volcengine.com/ai/ability/detail/2",
    prompt_field="prompt",
    prompt_counted="characters",
    advised_prompt=120,
    erase_prompt="删除",
    takes=frozenset({"seed"}),
    takes_on_query=frozenset({"return_url", "logo_info", "aigc_meta"}),
    action="CVSync2AsyncSubmitTask",
    query_action="CVSync2AsyncGetResult",
    best_side=1536,
    max_file_bytes=_SIBLING_FILE_BYTES,
)

# https://www.volcengine.com/docs/86081/1804490: JPEG or PNG, 5 MB, 64x64 to 4096x4096. Whether the 5 MB mean the file or
# its base64 text is not said there; the interface's siblings count 4.7 MB on the text. A prompt of more than about 100
# Chinese characters or English words counts for little. It is marked as being retired in 2026; some are told to call it
# as a pair.
_EDIT = Model(
    req_key="img2img_inpainting_edit_zi2i",
    says=Text("The classic: repaints what is masked.", "经典接口：重绘遮罩区域。"),
    prompt_field="custom_prompt",
    prompt_counted="words",
    advised_prompt=100,
    takes=frozenset({"steps", "scale", "seed", "return_url", "logo_info"}),
    successor=DREAM_INPAINT,
)
INPAINTING_EDIT = _EDIT._replace(
    as_pair=_EDIT._replace(
        takes=frozenset({"steps", "scale", "seed"}),
        takes_on_query=frozenset({"return_url", "logo_info"}),
        action=DREAM_INPAINT.action,
        query_action=DREAM_INPAINT.query_action,
    ),
)

# https://www.volcengine.com/docs/6791/1223709: removes what is masked, without a prompt. Its `strength`, `dilate_size`
# (15 px) and `quality` are left to the service. Its watermark has no opacity: `Img2ImgInpainting` in the typed SDK
# (the Python package `volcengine-python-sdk` 5.0.54).
ERASE = Model(
    req_key="i2i_inpainting",
    says=Text("Removes what is masked; takes no prompt.", "消除遮罩区域的内容，不使用提示词。"),
    needs_prompt=False,
    logo_opacity=False,
    widens_mask_px=15,
    successor=DREAM_INPAINT,
    takes=frozenset({"steps", "scale", "seed", "return_url", "logo_info"}),
    defaults={"steps": 30, "scale": 7.0},
    max_file_bytes=_SIBLING_FILE_BYTES,
)

# https://www.volcengine.com/docs/85621/2375477: an enlarged canvas and a mask of what is new in it; the prompt may be empty.
# Called as its sibling is. Judged: its best side is the sibling's, too.
EXTEND = DREAM_INPAINT._replace(
    req_key="jimeng_img2img_seed3_painting_edit",
    says=Text(
        "Extends a picture beyond its edges, fed by Pad Image for Outpainting.",
        "将图片向外扩展，输入来自“外补画板”。",
    ),
    activated_at=_CONSOLE,
    needs_prompt=False,
    advised_prompt=800,
    max_prompt=800,
    erase_prompt="",
)

# https://www.volcengine.com/docs/6793/1330693 and https://www.volcengine.com/docs/6793/1317296: one picture, 128x128 to
# 4096x4096, 4.7 MB as base64 text.
SUBJECT_SEGMENTATION = Model(
    req_key="saliency_seg",
    says=Text("Finds the subject.", "识别主体。"),
    sends=("picture",),
    takes=frozenset({"only_mask", "rgb", "refine_mask", "return_url"}),
    min_side=128,
    max_file_bytes=_SIBLING_FILE_BYTES,
)
ENTITY_SEGMENTATION = SUBJECT_SEGMENTATION._replace(
    req_key="entity_seg",
    says=Text("Finds every entity.", "识别所有实体。"),
    takes=frozenset({"max_entity", "refine_mask", "return_format"}),
)

# Those that paint, in the order in which the nodes offer them.
INPAINTING = {model.req_key: model for model in (INPAINTING_EDIT, DREAM_INPAINT, ERASE, EXTEND)}
# All that the nodes use.
INTERFACES: Mapping[str, Model] = INPAINTING | {
    model.req_key: model for model in (SUBJECT_SEGMENTATION, ENTITY_SEGMENTATION)
}
