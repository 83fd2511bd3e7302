"""One row a code: whose failure it is, its cause and remedy in both languages, and what it means to a call, a task, the keys.

Business codes: https://www.volcengine.com/docs/86081/1804490. Gateway codes: https://www.volcengine.com/docs/6369/68677.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

SUCCESS = 10000
# An internal error that took longer would take as long again: synchronous calls are cut off after about 20 s.
QUICK_S = 5.0


class Kind(Enum):
    """Whose failure it is."""

    PICTURE = "what the picture shows"
    PROMPT = "what the prompt says"
    RESULT = "what was painted"
    FILE = "the picture's size, format or file"
    REQUEST = "a parameter, or how it was sent"
    INTERFACE = "it was retired, or is not offered to this account"
    ACCOUNT = "keys, clock, rights or balance: no call of the account succeeds until that is mended"
    RATE = "too many calls a second"
    CONCURRENCY = "too many calls at once"
    SERVICE = "the service itself, at this moment"


class Again(Enum):
    """Whether and how the same wish may be sent again; nothing was billed for it."""

    NEVER = "it would fail again"
    WHEN_ALLOWED = "as soon as the account's allowance has room"
    IF_QUICK = "once, if the answer came quickly: after a long call it would take as long again"
    ANOTHER_SEED = "another seed paints another picture; only where the seed was drawn"
    ANOTHER_CLOCK = "once, signed by the clock of the service"


class EndsTask(Enum):
    """What a question for a submitted task that is answered so says of the task.

    "Done" means that it ended, well or badly, and the outer code says which (https://www.volcengine.com/docs/85621/1976207).
    """

    YES = "it failed, for good and unbilled"
    IF_REPEATED = "the same, if it is answered so again and again"
    NO = "nothing: the code is about the question"


class Check(Enum):
    """What a check of the keys, which asks for no picture, finds; each by the name that the page knows."""

    ACTIVATED = "activated"  # refused only for what is missing
    NOT_ACTIVATED = "not_activated"  # good keys that may not use this interface, or it was retired
    CANNOT_TELL = "cannot_tell"  # good keys; whether they may use this interface stays open
    UNKNOWN_KEY = "unknown_key"  # there is no such access key
    WRONG_PAIR = "wrong_secret"  # the secret is not that of the access key
    CLOCK = "clock"  # that of this machine is wrong
    NO_PERMISSION = "no_permission"  # the key's user lacks a policy
    REFUSED = "refused"  # for another reason
    # What no code says:
    NO_NETWORK = "no_network"
    NO_SERVICE = "no_service"


class Row(NamedTuple):
    """What one code means.

    Attributes:
        kind: Whose failure it is.
        cause: Why the call failed.
        remedy: What to do.
        again: Whether and how it may be sent again.
        definite: Whether it says for certain that nothing was painted, and so nothing billed.
        ends_task: What it says of a submitted task that was asked for.
        may_be_retired: Whether it is also what a retired interface answers, or one that this account may not use.
        check: What it says to a check of the keys.
        number: Of a word of the gateway, which may come instead.
    """

    kind: Kind
    cause: Text
    remedy: Text
    again: Again = Again.NEVER
    definite: bool = True
    ends_task: EndsTask = EndsTask.NO
    may_be_retired: bool = False
    check: Check = Check.REFUSED
    number: int = 0


_LATER = Text("Run it again in a moment.", "请稍后重试。")
_OWN_REVIEW = Row(
    Kind.SERVICE,
    Text("The service's own review failed.", "服务端审核环节出错。"),
    _LATER,
    ends_task=EndsTask.YES,
)
_TOO_FAST = Row(
    Kind.RATE,
    Text("The account sends too many calls per second.", "账号的每秒调用次数已达上限。"),
    Text("Run it again later.", "请稍后重试。"),
    Again.WHEN_ALLOWED,
)
_DENIED = Row(
    Kind.ACCOUNT,
    Text("Access denied.", "拒绝访问。"),
    # https://www.volcengine.com/docs/6444/69728
    Text(
        "Give the key's user the policy CVFullAccess; a new policy needs up to ten minutes.",
        "请为密钥所属用户授予 CVFullAccess 权限；新授予的权限最长需要十分钟生效。",
    ),
    check=Check.NO_PERMISSION,
)
_LINK = Text(
    "If it was sent as a link: it must be open to the internet and lead to a JPEG or PNG. If not, report this.",
    "如以链接发送：链接须可公开访问，且指向 JPEG 或 PNG 图片。否则请反馈该问题。",
)


def _of_input(kind: Kind, cause: Text, remedy: Text, again: Again = Again.NEVER) -> Row:
    """What was sent, or what was painted of it, was rejected."""
    return Row(kind, cause, remedy, again, ends_task=EndsTask.YES, check=Check.ACTIVATED)


def _of_picture(english: str, chinese: str) -> Row:
    return _of_input(
        Kind.PICTURE, Text(english, chinese), Text("Use another picture.", "请更换图片。")
    )


def _of_prompt(english: str, chinese: str, kind: Kind = Kind.PROMPT) -> Row:
    return _of_input(kind, Text(english, chinese), Text("Reword the prompt.", "请修改提示词。"))


def _of_result(english: str, chinese: str) -> Row:
    remedy = Text("Try another seed, or reword the prompt.", "请更换种子或修改提示词。")
    return _of_input(Kind.RESULT, Text(english, chinese), remedy, Again.ANOTHER_SEED)


def _of_parameters(english: str, chinese: str, *, may_be_retired: bool = False) -> Row:
    return Row(
        Kind.REQUEST,
        Text(english, chinese),
        Text(
            "Check picture, mask and settings against the interface's limits; if they are within them, report this.",
            "请对照接口限制检查图片、遮罩和参数；如均符合，请反馈该问题。",
        ),
        ends_task=EndsTask.YES,
        may_be_retired=may_be_retired,
        check=Check.CANNOT_TELL if may_be_retired else Check.ACTIVATED,
    )


def _internal(english: str, chinese: str) -> Row:
    cause = Text(english, chinese)
    return Row(Kind.SERVICE, cause, _LATER, Again.IF_QUICK, ends_task=EndsTask.IF_REPEATED)


def _lost(number: int, english: str, chinese: str) -> Row:
    """The service behind the gateway may have painted all the same."""
    return Row(Kind.SERVICE, Text(english, chinese), _LATER, definite=False, number=number)


def _unread(number: int, kind: Kind = Kind.REQUEST, *, may_be_retired: bool = False) -> Row:
    return Row(
        kind,
        Text("The gateway could not read the request.", "网关无法识别该请求。"),
        Text(
            "Check VOLC_ENDPOINT and any proxy in between; if both are right, report this.",
            "请检查 VOLC_ENDPOINT 及中间代理；如均正常，请反馈该问题。",
        ),
        may_be_retired=may_be_retired,
        number=number,
    )


ROWS: Mapping[int | str, Row] = {
    50411: _of_picture("The input picture did not pass the review.", "输入图片未通过审核。"),
    50511: _of_result("The painted picture did not pass the review.", "生成的图片未通过审核。"),
    50412: _of_prompt("The prompt did not pass the review.", "提示词未通过审核。"),
    50512: _of_prompt(
        "The output text did not pass the review.", "输出文本未通过审核。", Kind.RESULT
    ),
    50413: _of_prompt(
        "The prompt holds a blocked word, name or brand.", "提示词含有敏感词、人名或版权内容。"
    ),
    50518: _of_picture(
        "The input picture shows something under copyright.", "输入图片涉及版权内容。"
    ),
    50519: _of_result(
        "The painted picture shows something under copyright.", "生成的图片涉及版权内容。"
    ),
    # https://www.volcengine.com/docs/6791/1223709
    201304: _of_input(
        Kind.RESULT,
        Text(
            "The painted picture shows a distorted face (AI ghost face).",
            "生成的图片中出现畸形人脸（AI ghost face）。",
        ),
        Text("Use another mask or picture.", "请更换遮罩或图片。"),
    ),
    50520: _OWN_REVIEW,
    50521: _OWN_REVIEW,
    50522: _OWN_REVIEW,
    50429: _TOO_FAST._replace(check=Check.CANNOT_TELL),
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
    50500: _internal("The service had an internal error.", "服务内部错误。"),
    50501: _internal("The service had an internal error (RPC).", "服务内部调用错误。"),
    50400: Row(
        Kind.ACCOUNT,
        Text(
            "Access denied: the service is not activated, the key lacks the right, or the quota is used up.",
            "拒绝访问：服务未开通、密钥无权限或额度已用完。",
        ),
        Text(
            "Activate the service: each interface is activated by itself. If it is: a key that is older than the "
            "activation must be made anew; a sub-account needs the policy CVFullAccess, which takes up to ten minutes; "
            "the account needs its real-name verification, a balance that is not overdrawn, and quota left.",
            "请开通服务：每个接口需单独开通。如已开通：早于开通时间创建的密钥需重新创建；子账号需要 CVFullAccess 权限，"
            "最长十分钟生效；账号需完成实名认证、余额未欠费，且额度未用完。",
        ),
        may_be_retired=True,
        check=Check.NOT_ACTIVATED,
    ),
    50402: Row(
        Kind.INTERFACE,
        Text(
            "There is no such interface: it was retired, or is not offered to this account.",
            "接口不存在：已下线，或未对该账号开放。",
        ),
        Text("Choose another model.", "请选择其他 model。"),
        may_be_retired=True,
        check=Check.NOT_ACTIVATED,
    ),
    50200: _of_parameters("The service did not accept the parameters.", "服务不接受这些参数。"),
    50201: _of_parameters(
        "The service did not accept the parameters: one is missing. The interface may have changed.",
        "服务不接受这些参数：缺少参数，接口可能已变更。",
    ),
    50204: _of_parameters(
        "The service did not accept the parameters: one is out of its range, or it does not know the interface.",
        "服务不接受这些参数：参数超出范围，或接口未知。",
        may_be_retired=True,
    ),
    50215: _of_parameters(
        "The service did not accept the parameters, the picture or the mask.",
        "服务不接受这些参数、图片或遮罩。",
        may_be_retired=True,
    ),
    50205: _of_input(
        Kind.FILE,
        Text("The picture's size is beyond the interface's limits.", "图片尺寸超出接口限制。"),
        Text(
            "Use another size: `fit` set to crop or downscale does it; a linked picture must be within them itself.",
            "请更换尺寸：可将 fit 设为 crop 或 downscale；以链接发送的图片须自行符合限制。",
        ),
    ),
    50206: _of_input(Kind.FILE, Text("No picture reached the service.", "服务未收到图片。"), _LINK),
    50207: _of_input(
        Kind.FILE,
        Text(
            "The service could not decode the picture, or not fetch its link.",
            "服务无法解码图片，或无法获取图片链接。",
        ),
        _LINK,
    ),
    50213: _of_input(
        Kind.FILE,
        Text("The request is too large for the service.", "请求超出服务允许的大小。"),
        Text(
            "Send a smaller picture: crop it around the mask, or scale it down.",
            "请发送更小的图片：围绕遮罩裁剪，或缩小图片。",
        ),
    ),
    50218: _of_picture(
        "The picture did not pass the review (resource exists risk).",
        "图片未通过审核（资源存在风险）。",
    ),
    60208: _of_picture("The picture holds sensitive content.", "图片含有敏感内容。"),
    60102: _of_picture("The service found no face in the picture.", "服务未在图片中检测到人脸。"),
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
            "Set the clock of the machine that runs ComfyUI.", "请校准运行 ComfyUI 的机器的时钟。"
        ),
        Again.ANOTHER_CLOCK,
        check=Check.CLOCK,
        number=100006,
    ),
    "ServiceNotFound": _unread(100007),
    "InvalidActionOrVersion": _unread(100008, Kind.INTERFACE, may_be_retired=True),
    "InvalidAccessKey": Row(
        Kind.ACCOUNT,
        Text("Volcengine does not know this access key.", "火山引擎中不存在该 Access Key。"),
        Text(
            "Copy it again from https://console.volcengine.com/iam/keymanage; it may be disabled or deleted. Access keys "
            "begin with AKLT, temporary ones with AKTP: an API key of a product, such as Ark's, is none.",
            "请从 https://console.volcengine.com/iam/keymanage 重新复制；该密钥可能已被禁用或删除。Access Key 以 AKLT 开头，"
            "临时密钥以 AKTP 开头；方舟等产品的 API Key 不是 Access Key。",
        ),
        check=Check.UNKNOWN_KEY,
        number=100009,
    ),
    "SignatureDoesNotMatch": Row(
        Kind.ACCOUNT,
        Text(
            "The secret key does not belong to the access key.", "Secret Key 与 Access Key 不匹配。"
        ),
        Text(
            "Enter both again as they stand in the console; the secret is used as it is, never decoded.",
            "请按控制台所示重新填写两个密钥；Secret Key 原样使用，无需解码。",
        ),
        check=Check.WRONG_PAIR,
        number=100010,
    ),
    "LackPolicy": _DENIED._replace(
        cause=Text("The key's user lacks a policy.", "密钥所属用户缺少权限策略。"),
        number=100012,
    ),
    "AccessDenied": _DENIED._replace(number=100013),
    "InternalError": _lost(100014, "The gateway had an internal error.", "网关内部错误。"),
    "InternalServiceTimeout": _lost(
        100016, "The service behind the gateway was too slow.", "网关后端的服务超时。"
    ),
    # No number of these two is known.
    "FlowLimitExceeded": _TOO_FAST,
    "ServiceUnavailableTemp": Row(
        Kind.SERVICE,
        Text("The service is unavailable for the moment.", "服务暂时不可用。"),
        _LATER,
    ),
}

# The gateway may name a number instead of its word.
WORDS: Mapping[int, int | str] = {row.number: code for code, row in ROWS.items() if row.number}


def look_up(code: int | str, status_code: int) -> Row:
    """The row of a code in an answer of the service's own shape; made of the HTTP status for one that no table lists.

    Only a call that succeeded is billed (https://www.volcengine.com/docs/86081/1804490), so a number that is not that of
    success is definite, whatever it is. A word is the gateway's, which says with a 5xx that it lost the answer.

    Args:
        code: A business code's number, a gateway code's word, or 0 if none was given.
        status_code: HTTP status.
    """
    if code in ROWS:
        return ROWS[code]
    number = isinstance(code, int) and code != 0
    definite = number or status_code < 500
    ends_task = EndsTask.YES if number else EndsTask.NO
    check = Check.CANNOT_TELL if number else Check.REFUSED
    if status_code == 429:
        return _TOO_FAST._replace(check=check)
    if status_code in (401, 403):
        return _DENIED._replace(remedy=ROWS[50400].remedy, check=check)
    if status_code >= 500:
        failed = Text("The service failed.", "服务出错。")
        return Row(Kind.SERVICE, failed, _LATER, definite=definite, ends_task=ends_task)
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
        ends_task=ends_task,
        check=check,
    )
