"""Cause and remedy of every code of the service, in English and in Chinese.

Business codes: https://www.volcengine.com/docs/86081/1804490. Gateway codes: https://www.volcengine.com/docs/6369/68677.
"""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """Why a call failed and what to do about it."""

    cause_en: str
    remedy_en: str
    cause_zh: str
    remedy_zh: str


_CHANGE_PICTURE = ("Nothing was billed. Use another picture.", "未计费。请更换图片。")
_CHANGE_PROMPT = ("Nothing was billed. Reword the prompt.", "未计费。请修改提示词。")
_CHANGE_SEED = (
    "Nothing was billed. Try another seed, or reword the prompt.",
    "未计费。请更换种子或修改提示词。",
)
_LATER = ("Nothing was billed. Run it again in a moment.", "未计费。请稍后重试。")
_REVIEW = ("The service's own review failed.", "服务端审核环节出错。")
_PARAMETERS = (
    "The service did not accept the parameters.",
    "Check picture, mask and settings against the interface's limits; if they are within them, report this.",
    "服务不接受这些参数。",
    "请对照接口限制检查图片、遮罩和参数；如均符合，请反馈该问题。",
)
_CLIENT = (
    "The gateway could not read the request.",
    "Check VOLC_ENDPOINT and any proxy in between; if both are right, report this.",
    "网关无法识别该请求。",
    "请检查 VOLC_ENDPOINT 及中间代理；如均正常，请反馈该问题。",
)
_RIGHTS = (
    "Activate the service, or buy quota, at https://console.volcengine.com/ai/ability, and give the key's user the policy CVFullAccess.",
    "请在 https://console.volcengine.com/ai/ability 开通服务或购买额度，并为密钥所属用户授予 CVFullAccess 权限。",
)


def _row(cause: tuple[str, str], remedy: tuple[str, str]) -> Explanation:
    return Explanation(cause[0], remedy[0], cause[1], remedy[1])


_BUSY = (
    "The account has too many calls running at once.",
    "Nothing was billed. Run it again later, lower VOLC_MAX_CONCURRENCY, or buy a larger allowance.",
    "账号的并发调用数已达上限。",
    "未计费。请稍后重试、调低 VOLC_MAX_CONCURRENCY，或购买更高的并发额度。",
)
_FAST = (
    "The account sends too many calls per second.",
    "Nothing was billed. Run it again later.",
    "账号的每秒调用次数已达上限。",
    "未计费。请稍后重试。",
)

_TABLE: dict[int | str, Explanation] = {
    50411: _row(
        ("The input picture did not pass the review.", "输入图片未通过审核。"), _CHANGE_PICTURE
    ),
    50511: _row(
        ("The painted picture did not pass the review.", "生成的图片未通过审核。"), _CHANGE_SEED
    ),
    50412: _row(("The prompt did not pass the review.", "提示词未通过审核。"), _CHANGE_PROMPT),
    50512: _row(
        ("The output text did not pass the review.", "输出文本未通过审核。"), _CHANGE_PROMPT
    ),
    50413: _row(
        ("The prompt holds a blocked word, name or brand.", "提示词含有敏感词、人名或版权内容。"),
        _CHANGE_PROMPT,
    ),
    50518: _row(
        ("The input picture shows something under copyright.", "输入图片涉及版权内容。"),
        _CHANGE_PICTURE,
    ),
    50519: _row(
        ("The painted picture shows something under copyright.", "生成的图片涉及版权内容。"),
        _CHANGE_SEED,
    ),
    50520: _row(_REVIEW, _LATER),
    50521: _row(_REVIEW, _LATER),
    50522: _row(_REVIEW, _LATER),
    50429: Explanation(*_FAST),
    50430: Explanation(*_BUSY),
    50500: _row(("The service had an internal error.", "服务内部错误。"), _LATER),
    50501: _row(("The service had an internal error (RPC).", "服务内部调用错误。"), _LATER),
    50400: _row(
        (
            "Access denied: the service is not activated, the key lacks the right, or the quota is used up.",
            "拒绝访问：服务未开通、密钥无权限或额度已用完。",
        ),
        _RIGHTS,
    ),
    50200: Explanation(*_PARAMETERS),
    50204: Explanation(*_PARAMETERS),
    50215: Explanation(*_PARAMETERS),
    201304: _row(
        (
            "The painted picture shows a distorted face (AI ghost face).",
            "生成的图片中出现畸形人脸（AI ghost face）。",
        ),
        ("Nothing was billed. Use another mask or picture.", "未计费。请更换遮罩或图片。"),
    ),
    "MissingParameter": Explanation(*_CLIENT),
    "MissingAuthenticationToken": Explanation(*_CLIENT),
    "MissingRequestInfo": Explanation(*_CLIENT),
    "MissingSignature": Explanation(*_CLIENT),
    "InvalidTimestamp": _row(
        (
            "The clock of this machine is wrong by more than 15 minutes.",
            "本机时钟误差超过 15 分钟。",
        ),
        ("Set the clock of the machine that runs ComfyUI.", "请校准运行 ComfyUI 的机器的时钟。"),
    ),
    "ServiceNotFound": Explanation(*_CLIENT),
    "InvalidActionOrVersion": Explanation(*_CLIENT),
    "InvalidAccessKey": _row(
        ("Volcengine does not know this access key.", "火山引擎中不存在该 Access Key。"),
        (
            "Copy it again from https://console.volcengine.com/iam/keymanage; it may be disabled or deleted.",
            "请从 https://console.volcengine.com/iam/keymanage 重新复制；该密钥可能已被禁用或删除。",
        ),
    ),
    "SignatureDoesNotMatch": _row(
        ("The secret key does not belong to the access key.", "Secret Key 与 Access Key 不匹配。"),
        (
            "Enter both again as they stand in the console; the secret is used as it is, never decoded.",
            "请按控制台所示重新填写两个密钥；Secret Key 原样使用，无需解码。",
        ),
    ),
    "LackPolicy": _row(("The key's user lacks a policy.", "密钥所属用户缺少权限策略。"), _RIGHTS),
    "AccessDenied": _row(("Access denied.", "拒绝访问。"), _RIGHTS),
    "InternalError": _row(("The gateway had an internal error.", "网关内部错误。"), _LATER),
    "InternalServiceTimeout": _row(
        ("The service behind the gateway was too slow.", "网关后端的服务超时。"), _LATER
    ),
    "FlowLimitExceeded": Explanation(*_FAST),
    "ServiceUnavailableTemp": _row(
        ("The service is unavailable for the moment.", "服务暂时不可用。"), _LATER
    ),
}

# The gateway gives each word a number too.
NUMBERS = {
    100002: "MissingParameter",
    100003: "MissingAuthenticationToken",
    100004: "MissingRequestInfo",
    100005: "MissingSignature",
    100006: "InvalidTimestamp",
    100007: "ServiceNotFound",
    100008: "InvalidActionOrVersion",
    100009: "InvalidAccessKey",
    100010: "SignatureDoesNotMatch",
    100012: "LackPolicy",
    100013: "AccessDenied",
    100014: "InternalError",
    100016: "InternalServiceTimeout",
}


# All failures that the tables list. None of them is billed.
CODES = frozenset(_TABLE)


def explain(code: int | str, status_code: int) -> Explanation:
    """Cause and remedy of `code`; of the HTTP status if the code is unknown."""
    if code in _TABLE:
        return _TABLE[code]
    if status_code == 429:
        return Explanation(*_FAST)
    if status_code in (401, 403):
        return _row(("Access denied.", "拒绝访问。"), _RIGHTS)
    if status_code >= 500:
        return _row(("The service failed.", "服务出错。"), _LATER)
    return Explanation(
        "The service refused the call with a code this version does not know.",
        "Look the code up at https://www.volcengine.com/docs/86081/1804490.",
        "服务拒绝了请求，返回的错误码未收录在本版本中。",
        "请在 https://www.volcengine.com/docs/86081/1804490 查询该错误码。",
    )
