"""What can go wrong with a call. The text of each is what the canvas shows, in English and in Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..words import Text
from . import codes

if TYPE_CHECKING:
    from collections.abc import Sequence


class VolcengineError(Exception):
    """Base of all.

    Attributes:
        text: What happened, why, what to do, and what it means for the money.
        happened: The same without the money: all that is to be said of a question, which costs nothing. As
            `text` unless given.
        doubtful: True if the call may have been billed although no picture arrived, so that sending it again may
            pay twice; False if nothing was billed for certain.
    """

    doubtful = False

    def __init__(self, text: Text, happened: Text | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.happened = happened or text

    def __str__(self) -> str:
        return self.text.lines()

    def add_context(self, text: Text) -> None:
        """Append a sentence on what this failure means for the run."""
        self.text += text


class CredentialsError(VolcengineError):
    """The keys are missing or unusable; nothing was sent."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(Text(english, chinese))


class MissingCredentialsError(CredentialsError):
    """No keys are configured anywhere.

    Attributes:
        seen: What stands where keys could be, but cannot be used as such.
    """

    def __init__(self, seen: Sequence[Text] = ()) -> None:
        self.seen = tuple(seen)
        super().__init__(
            "No Volcengine keys are configured, so nothing was sent. Enter them in ComfyUI's Settings › Volcengine, or set "
            "VOLC_ACCESSKEY and VOLC_SECRETKEY in the environment of the ComfyUI server, or put them into "
            "~/.volcengine/config.json or ~/.volc/credentials. Keys are made at "
            "https://console.volcengine.com/iam/keymanage.",
            "尚未配置火山引擎密钥，没有发送任何请求。请在 ComfyUI 设置 › Volcengine 页面填写，或在 ComfyUI 服务器的环境变量中设置 "
            "VOLC_ACCESSKEY 和 VOLC_SECRETKEY，或写入 ~/.volcengine/config.json 或 ~/.volc/credentials。"
            "密钥可在 https://console.volcengine.com/iam/keymanage 创建。",
        )
        for text in self.seen:
            self.add_context(text)


class NotSentError(VolcengineError):
    """The call was given up while it still connected; not a byte of the request left."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                "Cancelled before the request was sent; nothing was billed.",
                "请求发出前已取消，未产生费用。",
            )
        )


class APIConnectionError(VolcengineError):
    """The connection failed.

    Args:
        sent: Whether the whole request may have left. If not, the service cannot have acted on it: the call is not doubtful.

    Attributes:
        why: The cause, in a few words.
        remedy: What to do about it; part of the text only if nothing was sent. About the network in general unless given.
        permanent: Whether it fails the same way until somebody changes something.
    """

    def __init__(
        self, why: Text, *, sent: bool, remedy: Text | None = None, permanent: bool = False
    ) -> None:
        self.why = why
        self.remedy = remedy or _NETWORK
        self.doubtful = sent
        self.permanent = permanent
        if sent:
            broke = Text(
                f"The connection to Volcengine broke after the request was sent ({why.english}).",
                f"请求发出后与火山引擎的连接中断（{why.chinese}）。",
            )
            super().__init__(broke + _DOUBT, broke)
        else:
            failed = Text(
                f"Volcengine could not be reached ({why.english}); nothing was billed.",
                f"无法连接火山引擎（{why.chinese}），未产生费用。",
            )
            happened = Text(
                f"Volcengine could not be reached ({why.english}).",
                f"无法连接火山引擎（{why.chinese}）。",
            )
            super().__init__(failed + self.remedy, happened + self.remedy)


class APITimeoutError(APIConnectionError):
    """The request was sent, but no answer came in time.

    Args:
        timeout_s: In how many seconds.
        whole: An answer began, but its end did not come.
    """

    def __init__(self, timeout_s: float, *, whole: bool = False) -> None:
        english, chinese = ("no whole answer", "完整响应") if whole else ("no answer", "响应")
        why = Text(
            f"{english} within {timeout_s:g} s; VOLC_TIMEOUT_S sets the limit",
            f"{timeout_s:g} 秒内未收到{chinese}，可用 VOLC_TIMEOUT_S 调整时限",
        )
        super().__init__(why, sent=True)


class InvalidResponseError(VolcengineError):
    """An answer arrived that cannot be used: a proxy's page, a cut body, a damaged picture.

    Args:
        what: What arrived, without a full stop.

    Attributes:
        status_code: HTTP status.
        request_id: If it could be read.
    """

    def __init__(
        self, what: Text, *, status_code: int = 0, request_id: str = "", doubtful: bool = True
    ) -> None:
        self.status_code = status_code
        self.request_id = request_id
        self.doubtful = doubtful
        status, request = status_code or "-", request_id or "-"
        text = Text(
            f"{what.english} (HTTP {status}, request_id {request}).",
            f"{what.chinese}（HTTP {status}，request_id {request}）。",
        )
        super().__init__(text + _DOUBT if doubtful else text, text)


class APIResponseError(VolcengineError):
    """The service refused a call; unless `doubtful`, for certain and without billing it.

    Attributes:
        status_code: HTTP status.
        code: The business code as a number, or the gateway's code as a word; 0 if none was given.
        row: What that code means.
        message: As received.
        request_id: What the service's support asks for.
        retry_after_s: Seconds the service asks to wait, if it does.
        server_date: The answer's `Date` header.
        elapsed_s: How long the service took, in seconds, from the whole request to the whole answer.
    """

    prefix = ""

    def __init__(
        self,
        *,
        status_code: int,
        code: int | str,
        message: str,
        request_id: str,
        retry_after_s: float | None = None,
        server_date: str = "",
    ) -> None:
        self.status_code = status_code
        self.code = code
        self.row = codes.look_up(code, status_code)
        self.message = message
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.server_date = server_date
        self.elapsed_s = 0.0
        self.doubtful = not self.row.definite
        told = self.row.cause + (_DOUBT if self.doubtful else _UNBILLED + self.row.remedy)
        facts = (f"code {code or '-'}", f"HTTP {status_code}", f"request_id {request_id or '-'}")
        answer = Text(
            f"Volcengine's answer: {message or '-'} ({', '.join(facts)}).",
            f"火山引擎返回：{message or '-'}（{'，'.join(facts)}）。",
        )
        text = told + answer
        super().__init__(
            Text(f"{self.prefix}{text.english}", text.chinese),
            self.row.cause + self.row.remedy + answer,
        )


class AuthenticationError(APIResponseError):
    """The keys, the clock or the account's rights; no call of this account can succeed until that is mended."""


class RateLimitError(APIResponseError):
    """Too many calls at once or per second; the same call succeeds later."""

    # ComfyUI shows a friendly card for texts that start like this.
    prefix = "Rate Limit Exceeded: "


class ContentRejectedError(APIResponseError):
    """The service's review rejected the picture, the prompt or the result."""


class ServerError(APIResponseError):
    """The service failed and said so."""


_UNBILLED = Text("Nothing was billed.", "未计费。")
_NETWORK = Text(
    "Check the network, the proxy and the firewall of the machine that runs ComfyUI, then run again.",
    "请检查运行 ComfyUI 的机器的网络、代理和防火墙，然后重试。",
)
_DOUBT = Text(
    "This call may have been billed, so it is not sent again by itself; compare the bill at "
    "https://console.volcengine.com/finance before running again.",
    "该调用可能已计费，因此不会自动重发；再次运行前请在 https://console.volcengine.com/finance 核对账单。",
)
