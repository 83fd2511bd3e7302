"""Every error of the service as the canvas shows it: cause, remedy, code and request_id, in English and in Chinese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from harness import graphs

if TYPE_CHECKING:
    from harness.comfyui import ComfyUIServer
    from simulated_service import SimulatedService

PICTURES = {
    "cat.png": graphs.photograph("chelsea", (150, 100)),
    "mask.png": graphs.ellipse(100, 150),
}
# One word of the cause and one of the remedy, in each language. Written from the official tables
# (https://www.volcengine.com/docs/86081/1804490, /docs/6444/69728, /docs/6369/68677), not from the pack.
WORDS: dict[int | str, tuple[str, str, str, str]] = {
    50411: ("input picture", "another picture", "输入图片", "更换图片"),
    50511: ("painted picture", "seed", "生成的图片", "种子"),
    50412: ("prompt", "Reword", "提示词", "修改提示词"),
    50512: ("text", "Reword", "文本", "修改提示词"),
    50413: ("blocked word", "Reword", "敏感词", "修改提示词"),
    50518: ("copyright", "another picture", "版权", "更换图片"),
    50519: ("copyright", "seed", "版权", "种子"),
    50520: ("review", "again", "审核", "重试"),
    50521: ("review", "again", "审核", "重试"),
    50522: ("review", "again", "审核", "重试"),
    50500: ("internal error", "again", "内部错误", "重试"),
    50501: ("internal error", "again", "内部", "重试"),
    50400: ("not activated", "CVFullAccess", "未开通", "CVFullAccess"),
    50215: ("parameters", "limits", "参数", "限制"),
    50204: ("parameters", "limits", "参数", "限制"),
    50200: ("parameters", "limits", "参数", "限制"),
    50201: ("missing", "limits", "缺少参数", "限制"),
    50205: ("size", "another size", "尺寸", "更换尺寸"),
    50206: ("No picture", "link", "未收到图片", "链接"),
    50207: ("decode", "link", "解码", "链接"),
    50213: ("too large", "smaller picture", "大小", "更小的图片"),
    50218: ("review", "another picture", "审核", "更换图片"),
    60208: ("sensitive", "another picture", "敏感", "更换图片"),
    60102: ("face", "another picture", "人脸", "更换图片"),
    50402: ("no such interface", "another model", "接口不存在", "其他 model"),
    201304: ("distorted face", "another mask", "畸形人脸", "遮罩"),
    "MissingParameter": ("gateway", "VOLC_ENDPOINT", "网关", "VOLC_ENDPOINT"),
    "MissingAuthenticationToken": ("gateway", "VOLC_ENDPOINT", "网关", "VOLC_ENDPOINT"),
    "MissingRequestInfo": ("gateway", "VOLC_ENDPOINT", "网关", "VOLC_ENDPOINT"),
    "MissingSignature": ("gateway", "VOLC_ENDPOINT", "网关", "VOLC_ENDPOINT"),
    "InvalidTimestamp": ("clock", "Set the clock", "时钟", "校准"),
    "ServiceNotFound": ("gateway", "VOLC_ENDPOINT", "网关", "VOLC_ENDPOINT"),
    "InvalidActionOrVersion": ("gateway", "VOLC_ENDPOINT", "网关", "VOLC_ENDPOINT"),
    "InvalidAccessKey": ("access key", "Copy it again", "Access Key", "重新复制"),
    "SignatureDoesNotMatch": ("secret key", "Enter both again", "Secret Key", "重新填写"),
    "LackPolicy": ("policy", "CVFullAccess", "权限", "CVFullAccess"),
    "AccessDenied": ("denied", "CVFullAccess", "拒绝", "CVFullAccess"),
    "InternalError": ("internal error", "may have been billed", "内部错误", "可能已计费"),
    "InternalServiceTimeout": ("slow", "may have been billed", "超时", "可能已计费"),
    "ServiceUnavailableTemp": ("unavailable", "again", "不可用", "重试"),
}
# 50429, 50430 and FlowLimitExceeded are waited out; tests/unit covers their words.


@pytest.mark.parametrize("code", list(WORDS), ids=str)
def test_the_canvas_shows_cause_remedy_code_and_request_id_in_both_languages(
    server: ComfyUIServer, service: SimulatedService, code: int | str
) -> None:
    service.reset()
    service.fail(code, times=100)

    result = server.run(graphs.repaint(variants=1, prompt=f"error {code}"))

    assert result.status == "error"
    english, chinese = result.error_message.splitlines()
    assert not re.search(r"[\u4e00-\u9fff]", english)
    cause_en, remedy_en, cause_zh, remedy_zh = WORDS[code]
    last = [call for call in service.ledger.calls() if call.code == code][-1]
    for word in (cause_en, remedy_en, f"code {code}", f"request_id {last.request_id}"):
        assert word in english
    for word in (cause_zh, remedy_zh, str(code), last.request_id):
        assert word in chinese
    assert service.billed == 0
