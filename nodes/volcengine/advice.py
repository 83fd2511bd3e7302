"""What helps against a refusal, given what was asked for: the table of codes cannot know that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import Text
from .codes import QUICK_S, EndsTask

if TYPE_CHECKING:
    from .errors import APIResponseError
    from .request import Request

# Siblings of the successor refuse a longer one: https://www.volcengine.com/docs/85621/1976207
_LONGEST = 3
_STEPS = 25


def advice(error: APIResponseError, request: Request) -> Text | None:
    """A sentence or two to add to what the code of a refusal itself says; None if nothing is to be added."""
    if error.row.ends_task is EndsTask.IF_REPEATED:
        return _less_work(error, request)
    if error.code == 50215 and request.size and max(request.size) > _LONGEST * min(request.size):
        width, height = request.size
        return Text(
            f"The picture is {width}x{height}: some interfaces refuse a side more than {_LONGEST} times the other. Crop it "
            "around the mask.",
            f"图片为 {width}x{height}：部分接口不接受长边超过短边 {_LONGEST} 倍的图片。请围绕遮罩裁剪。",
        )
    return _where_to_go(error, request) if error.row.may_be_retired else None


def _less_work(error: APIResponseError, request: Request) -> Text | None:
    model = request.model
    steps = request.parameters.get("steps")
    many = isinstance(steps, int) and steps > model.defaults.get("steps", _STEPS)
    quick = error.elapsed_s <= QUICK_S
    if quick and not many:
        return None
    less = Text("A smaller picture takes less time.", "使用更小的图片可缩短耗时。")
    if steps is not None:
        less = Text(
            f"With fewer `steps` or a smaller picture (`steps` is {steps}) it takes less time; calls are cut off after about "
            "20 s.",
            f"减少 `steps` 或使用更小的图片可缩短耗时（当前 `steps` 为 {steps}）；超过约 20 秒的调用会被中断。",
        )
    if quick:
        return less
    took = f"{error.elapsed_s:.0f} s"
    return Text(f"The service gave up after {took}.", f"服务在 {took} 后放弃。") + less


def _where_to_go(error: APIResponseError, request: Request) -> Text:
    model, successor = request.model, request.model.successor
    activated = Text(
        f"{model.req_key} is activated at {model.activated_at}.",
        f"{model.req_key} 的开通地址：{model.activated_at}。",
    )
    if successor is None:
        return activated
    retired = Text(
        f"Volcengine is retiring {model.req_key}, or does not offer it to this account: choose {successor.req_key} as `model`, "
        f"which is activated at {successor.activated_at}.",
        f"火山引擎正在下线 {model.req_key}，或未对该账号开放：请将 `model` 改为 {successor.req_key}，"
        f"开通地址：{successor.activated_at}。",
    )
    if not model.prompt_field:
        retired += Text(
            f"With the prompt {successor.erase_prompt} it erases.",
            f"提示词填写“{successor.erase_prompt}”即可消除。",
        )
    return activated + retired if error.code == 50400 else retired
