"""What can go wrong with a call. The text of each is what the canvas shows, in English and in Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .explanations import explain

if TYPE_CHECKING:
    from .explanations import Explanation


class VolcengineError(Exception):
    """Base of all.

    Attributes:
        english: What happened, why, what to do.
        chinese: The same.
        doubtful: True if the call may have been billed although no picture arrived, so that sending it again may
            pay twice; False if nothing was billed for certain.
    """

    doubtful = False

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english, chinese)
        self.english = english
        self.chinese = chinese

    def __str__(self) -> str:
        return f"{self.english}\n{self.chinese}"

    def add_context(self, english: str, chinese: str) -> None:
        """Append a sentence on what this failure means for the run."""
        self.english = f"{self.english} {english}"
        self.chinese = f"{self.chinese}{chinese}"


class CredentialsError(VolcengineError):
    """The keys are missing or unusable; nothing was sent."""


class MissingCredentialsError(CredentialsError):
    """No keys are configured anywhere."""


class APIConnectionError(VolcengineError):
    """The connection failed.

    Args:
        english: Why.
        chinese: The same; `english` if that is a technical term.
        sent: See below.

    Attributes:
        sent: Whether the whole request may have left. If not, the service cannot have acted on it.
    """

    def __init__(self, english: str, chinese: str = "", *, sent: bool) -> None:
        self.sent = sent
        self.doubtful = sent
        chinese = chinese or english
        if sent:
            super().__init__(
                f"The connection to Volcengine broke after the request was sent ({english}). {_DOUBT_EN}",
                f"请求发出后与火山引擎的连接中断（{chinese}）。{_DOUBT_ZH}",
            )
        else:
            super().__init__(
                f"Volcengine could not be reached ({english}); nothing was billed. Check the network, the proxy and "
                "the firewall of the machine that runs ComfyUI, then run again.",
                f"无法连接火山引擎（{chinese}），未产生费用。请检查运行 ComfyUI 的机器的网络、代理和防火墙，然后重试。",
            )


class APITimeoutError(APIConnectionError):
    """The request was sent, but no answer came in time.

    Args:
        timeout_s: In how many seconds.
        whole: An answer began, but its end did not come.
    """

    def __init__(self, timeout_s: float, *, whole: bool = False) -> None:
        english, chinese = ("no whole answer", "完整响应") if whole else ("no answer", "响应")
        super().__init__(
            f"{english} within {timeout_s:g} s; VOLC_TIMEOUT_S sets the limit",
            f"{timeout_s:g} 秒内未收到{chinese}，可用 VOLC_TIMEOUT_S 调整时限",
            sent=True,
        )


class InvalidResponseError(VolcengineError):
    """An answer arrived that cannot be used: a proxy's page, a cut body, a damaged picture.

    Attributes:
        status_code: HTTP status.
        request_id: If it could be read.
    """

    doubtful = True

    def __init__(
        self,
        english: str,
        chinese: str,
        *,
        status_code: int = 0,
        request_id: str = "",
        doubtful: bool = True,
    ) -> None:
        self.status_code = status_code
        self.request_id = request_id
        self.doubtful = doubtful
        status, request = status_code or "-", request_id or "-"
        english = f"{english} (HTTP {status}, request_id {request})."
        chinese = f"{chinese}（HTTP {status}，request_id {request}）。"
        if doubtful:
            super().__init__(f"{english} {_DOUBT_EN}", f"{chinese}{_DOUBT_ZH}")
        else:
            super().__init__(english, chinese)


class APIResponseError(VolcengineError):
    """The service refused a call; unless `doubtful`, for certain and without billing it.

    Attributes:
        status_code: HTTP status.
        code: The business code as a number, or the gateway's code as a word; 0 if none was given.
        message: As received.
        request_id: What the service's support asks for.
        retry_after_s: Seconds the service asks to wait, if it does.
        server_date: The answer's `Date` header.
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
        doubtful: bool = False,
    ) -> None:
        self.status_code = status_code
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.server_date = server_date
        self.doubtful = doubtful
        told: Explanation = explain(code, status_code)
        remedy_en, remedy_zh = (
            (_DOUBT_EN, _DOUBT_ZH) if doubtful else (told.remedy_en, told.remedy_zh)
        )
        answer = (f"code {code or '-'}", f"HTTP {status_code}", f"request_id {request_id or '-'}")
        super().__init__(
            f"{self.prefix}{told.cause_en} {remedy_en} Volcengine's answer: {message or '-'} ({', '.join(answer)}).",
            f"{told.cause_zh}{remedy_zh}火山引擎返回：{message or '-'}（{'，'.join(answer)}）。",
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


_DOUBT_EN = (
    "This call may have been billed, so it is not sent again by itself; compare the bill at "
    "https://console.volcengine.com/finance before running again."
)
_DOUBT_ZH = "该调用可能已计费，因此不会自动重发；再次运行前请在 https://console.volcengine.com/finance 核对账单。"
