"""One row a code: whose failure it is, its cause and remedy in both languages, and what it means to a call, a task, the keys.

Business codes: https://www.volcengine.com/docs/86081/1804490. Gateway codes: https://www.volcengine.com/docs/6369/68677.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCESS = 10000


class Kind(Enum):
    """Whose failure it is."""

    PICTURE = "what the picture shows"
    PROMPT = "what the prompt says"
    RESULT = "what was painted"
    REQUEST = "a parameter, or how it was sent"
    ACCOUNT = "keys, clock, rights or balance: no call of the account succeeds until that is mended"
    RATE = "too many calls a second"
    CONCURRENCY = "too many calls at once"
    SERVICE = "the service itself, at this moment"


class Again(Enum):
    """Whether and how the same wish may be sent again; nothing was billed for it."""

    NEVER = "it would fail again"
    WHEN_ALLOWED = "as soon as the account's allowance has room"
    AFTER_A_PAUSE = "it may have passed"
    ANOTHER_SEED = "another seed paints another picture; only where the seed was drawn"
    ANOTHER_CLOCK = "once, signed by the clock of the service"


class Check(Enum):
    """What a code says to a check of the keys, which asks for no picture."""

    ACTIVATED = "refused only for what is missing"
    NOT_ACTIVATED = "the keys are good, but may not use this interface"
    CANNOT_TELL = "the keys are good, but whether they may use this interface stays open"
    UNKNOWN_KEY = "there is no such access key"
    WRONG_PAIR = "the secret is not that of the access key"
    CLOCK = "the clock of this machine is wrong"
    NO_PERMISSION = "the key's user lacks a policy"
    REFUSED = "another reason"


@dataclass(frozen=True)
class Row:
    """What one code means.

    Attributes:
        kind: Whose failure it is.
        cause: Why the call failed.
        remedy: What to do.
        again: Whether and how it may be sent again.
        definite: Whether it says for certain that nothing was painted, and so nothing billed.
        ends_task: Whether a question for a submitted task that is answered so says that the task failed. Any other code
            is about the question.
        check: What it says to a check of the keys.
        number: Of a word of the gateway, which may come instead.
    """

    kind: Kind
    cause: Text
    remedy: Text
    again: Again = Again.NEVER
    definite: bool = True
    ends_task: bool = False
    check: Check = Check.REFUSED
    number: int = 0


_ANOTHER_PICTURE = Text("Use another picture.", "请更换图片。")
_ANOTHER_PROMPT = Text("Reword the prompt.", "请修改提示词。")
_ANOTHER_SEED = Text("Try another seed, or reword the prompt.", "请更换种子或修改提示词。")
_LATER = Text("Run it again in a moment.", "请稍后重试。")
_OWN_REVIEW = Text("The service's own review failed.", "服务端审核环节出错。")
_RIGHTS = Text(
    "Activate the service, or buy quota, at https://console.volcengine.com/ai/ability, and give the key's user the policy "
    "CVFullAccess.",
    "请在 https://console.volcengine.com/ai/ability 开通服务或购买额度，并为密钥所属用户授予 CVFullAccess 权限。",
)
_TOO_FAST = Text("The account sends too many calls per second.", "账号的每秒调用次数已达上限。")


def _reviewed(kind: Kind, cause: Text, remedy: Text, again: Again = Again.NEVER) -> Row:
    return Row(kind, cause, remedy, again, ends_task=True, check=Check.ACTIVATED)


def _own_review() -> Row:
    return Row(Kind.SERVICE, _OWN_REVIEW, _LATER, ends_task=True)


def _parameters() -> Row:
    return Row(
        Kind.REQUEST,
        Text("The service did not accept the parameters.", "服务不接受这些参数。"),
        Text(
            "Check picture, mask and settings against the interface's limits; if they are within them, report this.",
            "请对照接口限制检查图片、遮罩和参数；如均符合，请反馈该问题。",
        ),
        check=Check.CANNOT_TELL,
    )


def _unread(number: int, kind: Kind = Kind.REQUEST) -> Row:
    return Row(
        kind,
        Text("The gateway could not read the request.", "网关无法识别该请求。"),
        Text(
            "Check VOLC_ENDPOINT and any proxy in between; if both are right, report this.",
            "请检查 VOLC_ENDPOINT 及中间代理；如均正常，请反馈该问题。",
        ),
        number=number,
    )


ROWS: Mapping[int | str, Row] = MappingProxyType(
    {
        50411: _reviewed(
            Kind.PICTURE,
            Text("The input picture did not pass the review.", "输入图片未通过审核。"),
            _ANOTHER_PICTURE,
        ),
        50511: _reviewed(
            Kind.RESULT,
            Text("The painted picture did not pass the review.", "生成的图片未通过审核。"),
            _ANOTHER_SEED,
            Again.ANOTHER_SEED,
        ),
        50412: _reviewed(
            Kind.PROMPT,
            Text("The prompt did not pass the review.", "提示词未通过审核。"),
            _ANOTHER_PROMPT,
        ),
        50512: _reviewed(
            Kind.RESULT,
            Text("The output text did not pass the review.", "输出文本未通过审核。"),
            _ANOTHER_PROMPT,
        ),
        50413: _reviewed(
            Kind.PROMPT,
            Text(
                "The prompt holds a blocked word, name or brand.",
                "提示词含有敏感词、人名或版权内容。",
            ),
            _ANOTHER_PROMPT,
        ),
        50518: _reviewed(
            Kind.PICTURE,
            Text("The input picture shows something under copyright.", "输入图片涉及版权内容。"),
            _ANOTHER_PICTURE,
        ),
        50519: _reviewed(
            Kind.RESULT,
            Text(
                "The painted picture shows something under copyright.", "生成的图片涉及版权内容。"
            ),
            _ANOTHER_SEED,
            Again.ANOTHER_SEED,
        ),
        # https://www.volcengine.com/docs/6791/1223709
        201304: _reviewed(
            Kind.RESULT,
            Text(
                "The painted picture shows a distorted face (AI ghost face).",
                "生成的图片中出现畸形人脸（AI ghost face）。",
            ),
            Text("Use another mask or picture.", "请更换遮罩或图片。"),
        ),
        50520: _own_review(),
        50521: _own_review(),
        50522: _own_review(),
        50429: Row(
            Kind.RATE,
            _TOO_FAST,
            Text("Run it again later.", "请稍后重试。"),
            Again.WHEN_ALLOWED,
            check=Check.CANNOT_TELL,
        ),
        50430: Row(
            Kind.CONCURRENCY,
            Text("The account has too many calls running at once.", "账号的并发调用数已达上限。"),
            Text(
                "Run it again later, lower VOLC_MAX_CONCURRENCY, or buy a larger allowance.",
                "请稍后重试、调低 VOLC_MAX_CONCURRENCY，或购买更高的并发额度。",
            ),
            Again.WHEN_ALLOWED,
            check=Check.CANNOT_TELL,
        ),
        50500: Row(
            Kind.SERVICE,
            Text("The service had an internal error.", "服务内部错误。"),
            _LATER,
            Again.AFTER_A_PAUSE,
        ),
        50501: Row(
            Kind.SERVICE,
            Text("The service had an internal error (RPC).", "服务内部调用错误。"),
            _LATER,
            Again.AFTER_A_PAUSE,
        ),
        50400: Row(
            Kind.ACCOUNT,
            Text(
                "Access denied: the service is not activated, the key lacks the right, or the quota is used up.",
                "拒绝访问：服务未开通、密钥无权限或额度已用完。",
            ),
            _RIGHTS,
            check=Check.NOT_ACTIVATED,
        ),
        50200: _parameters(),
        50204: _parameters(),
        50215: _parameters(),
        "MissingParameter": _unread(100002),
        "MissingAuthenticationToken": _unread(100003, Kind.ACCOUNT),
        "MissingRequestInfo": _unread(100004),
        "MissingSignature": _unread(100005, Kind.ACCOUNT),
        "InvalidTimestamp": Row(
            Kind.ACCOUNT,
            Text(
                "The clock of this machine is wrong by more than 15 minutes.",
                "本机时钟误差超过 15 分钟。",
            ),
            Text(
                "Set the clock of the machine that runs ComfyUI.",
                "请校准运行 ComfyUI 的机器的时钟。",
            ),
            Again.ANOTHER_CLOCK,
            check=Check.CLOCK,
            number=100006,
        ),
        "ServiceNotFound": _unread(100007),
        "InvalidActionOrVersion": _unread(100008),
        "InvalidAccessKey": Row(
            Kind.ACCOUNT,
            Text("Volcengine does not know this access key.", "火山引擎中不存在该 Access Key。"),
            Text(
                "Copy it again from https://console.volcengine.com/iam/keymanage; it may be disabled or deleted.",
                "请从 https://console.volcengine.com/iam/keymanage 重新复制；该密钥可能已被禁用或删除。",
            ),
            check=Check.UNKNOWN_KEY,
            number=100009,
        ),
        "SignatureDoesNotMatch": Row(
            Kind.ACCOUNT,
            Text(
                "The secret key does not belong to the access key.",
                "Secret Key 与 Access Key 不匹配。",
            ),
            Text(
                "Enter both again as they stand in the console; the secret is used as it is, never decoded.",
                "请按控制台所示重新填写两个密钥；Secret Key 原样使用，无需解码。",
            ),
            check=Check.WRONG_PAIR,
            number=100010,
        ),
        "LackPolicy": Row(
            Kind.ACCOUNT,
            Text("The key's user lacks a policy.", "密钥所属用户缺少权限策略。"),
            _RIGHTS,
            check=Check.NO_PERMISSION,
            number=100012,
        ),
        "AccessDenied": Row(
            Kind.ACCOUNT,
            Text("Access denied.", "拒绝访问。"),
            _RIGHTS,
            check=Check.NO_PERMISSION,
            number=100013,
        ),
        "InternalError": Row(
            Kind.SERVICE,
            Text("The gateway had an internal error.", "网关内部错误。"),
            _LATER,
            number=100014,
        ),
        "InternalServiceTimeout": Row(
            Kind.SERVICE,
            Text("The service behind the gateway was too slow.", "网关后端的服务超时。"),
            _LATER,
            number=100016,
        ),
        # No number of these two is known.
        "FlowLimitExceeded": Row(
            Kind.RATE,
            _TOO_FAST,
            Text("Run it again later.", "请稍后重试。"),
            Again.WHEN_ALLOWED,
        ),
        "ServiceUnavailableTemp": Row(
            Kind.SERVICE,
            Text("The service is unavailable for the moment.", "服务暂时不可用。"),
            _LATER,
        ),
    }
)

# The gateway may name a number instead of its word.
WORDS: Mapping[int, int | str] = MappingProxyType(
    {row.number: code for code, row in ROWS.items() if row.number}
)


def look_up(code: int | str, status_code: int) -> Row:
    """The row of a code; made of the HTTP status for one that no table lists.

    Only a listed code is the service's word that nothing was painted. Another may be a proxy's that lost the answer, such as
    ``{"status":504,"error":"Gateway Timeout"}``; but with a 4xx the request was turned away, whoever says so.

    Args:
        code: A business code's number, a gateway code's word, or 0.
        status_code: HTTP status.
    """
    if code in ROWS:
        return ROWS[code]
    definite = 300 <= status_code < 500
    check = Check.CANNOT_TELL if isinstance(code, int) and code > 0 else Check.REFUSED
    if status_code == 429:
        again = Again.WHEN_ALLOWED
        return Row(Kind.RATE, _TOO_FAST, ROWS[50429].remedy, again, definite, check=check)
    if status_code in (401, 403):
        denied = Text("Access denied.", "拒绝访问。")
        return Row(Kind.ACCOUNT, denied, _RIGHTS, definite=definite, check=check)
    if status_code >= 500:
        failed = Text("The service failed.", "服务出错。")
        return Row(Kind.SERVICE, failed, _LATER, definite=definite)
    return Row(
        Kind.REQUEST,
        Text(
            "The service refused the call with a code this version does not know.",
            "服务拒绝了请求，返回的错误码未收录在本版本中。",
        ),
        Text(
            "Look the code up at https://www.volcengine.com/docs/86081/1804490.",
            "请在 https://www.volcengine.com/docs/86081/1804490 查询该错误码。",
        ),
        definite=definite,
        check=check,
    )
