"""One picture, from the wish to the journal. The order of the steps is what keeps it from being lost or paid twice."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ..volcengine.errors import (
    APIResponseError,
    AuthenticationError,
    InvalidResponseError,
    RateLimitError,
    VolcengineError,
)
from ..volcengine.models import VERSION
from .journal import Entry, journal_key
from .outcome import Outcome
from .retry import RATE_CODES, RetryPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..volcengine.models import Answer
    from .journal import Claim
    from .outcome import Job
    from .runner import Run, Runner

_LOG = logging.getLogger(__name__)

# How long the service keeps its links: https://www.volcengine.com/docs/86081/1804490
LINK_LIFE_S = 24 * 3600.0
_CLAIM_POLL_S = 0.1
_DOWNLOAD_TRIES = 3


class Purchase:
    """Gets the picture of one job for one run."""

    def __init__(self, runner: Runner, run: Run, job: Job) -> None:
        self._runner = runner
        self._run = run
        self._job = job
        self._plan = RetryPlan(time.monotonic())
        self._notes: list[str] = []

    def obtain(self) -> Outcome | None:
        """The outcome of the job; None if the run was cancelled before anything was sent for it."""
        while not self._run.cancelled():
            job = self._job
            key = journal_key(self._runner.client.endpoint, job.request, job.pixels_key, job.seed)
            flight, mine = self._runner.flights.join(key)
            if mine:
                outcome = None
                try:
                    outcome = self._fly(key)
                except VolcengineError as error:
                    outcome = self._failed(error)
                except Exception as error:  # noqa: BLE001 - a bug must not hang the node that waits
                    _LOG.exception("purchase failed")
                    outcome = self._failed(_unexpected(error))
                finally:
                    self._runner.flights.land(key, outcome)
                if outcome is None and self._job is not job:
                    continue  # another seed was drawn
                return outcome
            self._run.state("another_run", 1)
            try:
                while not flight.landed.wait(_CLAIM_POLL_S):
                    if self._run.cancelled():
                        return None
            finally:
                self._run.state("another_run", -1)
            if flight.result is not None:
                return self._shared(flight.result)
        return None

    def _shared(self, outcome: Outcome) -> Outcome:
        """The outcome of an equal job: what that one paid, this one need not."""
        status = "journal" if outcome.status == "paid" else outcome.status
        return replace(outcome, index=self._job.index, image=self._job.image, status=status)

    def _fly(self, key: str) -> Outcome | None:
        found = self._from_journal(key)
        if found is not None:
            return found
        claim = self._claim(key)
        if claim is None:
            return None
        settled = True
        try:
            found = self._from_journal(key)  # bought by another process while we waited
            if found is not None:
                return found
            outcome = self._resume(key, claim) or self._buy(key, claim)
            settled = outcome is None or outcome.status != "unknown"
            return outcome
        except BaseException:
            settled = False
            raise
        finally:
            claim.close(settled=settled)

    def _claim(self, key: str) -> Claim | None:
        """Claim the purchase among all processes that share the journal."""
        claim = self._try_claim(key)
        if claim is not None:
            return claim
        self._run.state("another_run", 1)
        try:
            while claim is None:
                if not self._run.pause(_CLAIM_POLL_S):
                    return None
                claim = self._try_claim(key)
            return claim
        finally:
            self._run.state("another_run", -1)

    def _try_claim(self, key: str) -> Claim | None:
        try:
            return self._runner.journal.try_claim(key)
        except OSError as error:
            raise _unwritable(error) from error

    def _from_journal(self, key: str) -> Outcome | None:
        entry = self._runner.journal.find(key)
        if entry is None:
            if self._runner.journal.is_damaged(key):
                self._note(
                    "the journal held this picture, but damaged, so it was bought again.",
                    "本地记录中的该图片已损坏，因此重新购买。",
                )
            return None
        return self._delivered(key, entry, "journal")

    def _resume(self, key: str, claim: Claim) -> Outcome | None:
        """Make what can be made of a purchase that an earlier run left behind."""
        left = claim.left_behind
        if not left:
            return None
        if left.get("state") == "paid" and time.time() - left.get("at", 0) < LINK_LIFE_S:
            return self._keep(key, claim, left["report"], ())
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(left.get("at", 0)))
        self._note(
            f"an earlier call of {when} was sent, but its answer never reached this disk. It may have been billed; "
            "compare the bill. It was bought again.",
            f"{when} 的一次调用已发出，但未收到结果，可能已计费，请核对账单。本次已重新购买。",
        )
        return None

    def _buy(self, key: str, claim: Claim) -> Outcome | None:
        """Send until there is an answer or no hope; None if cancelled, or to go on with another seed."""
        limiter = self._runner.limiter
        while True:
            if self._run.stopped_by is not None:
                return self._failed(self._run.stopped_by)
            if not self._acquire():
                return None
            started = time.monotonic()
            try:
                answer = self._send(claim)
            except RateLimitError as error:
                rate = error.code in RATE_CODES or error.code == 0
                limiter.refused(rate=rate, retry_after_s=error.retry_after_s)
                if not self._plan.may_wait_for_allowance(time.monotonic()):
                    return self._failed(error)
                continue
            except VolcengineError as error:
                limiter.ended()
                if self._plan.may_redraw(error, drawn=self._job.drawn):
                    self._job = replace(self._job, seed=secrets.randbelow(2**31))
                    return None
                if not self._may_send_again(error):
                    return self._failed(error)
                continue
            except BaseException:
                limiter.ended()
                raise
            limiter.succeeded(time.monotonic() - started)
            report = {
                "request_id": answer.request_id,
                "code": answer.code,
                "message": answer.message,
                "elapsed_s": answer.elapsed_s,
                "seed": self._job.seed,
                "urls": list(answer.urls),
                "data": dict(answer.data),
                "received_at": time.time(),
            }
            return self._keep(key, claim, report, answer.pictures)

    def _acquire(self) -> bool:
        """A place on the wire; False if the run was cancelled."""
        self._run.state("allowance", 1)
        try:
            return self._runner.limiter.acquire(self._run.number, self._run.cancelled)
        finally:
            self._run.state("allowance", -1)

    def _send(self, claim: Claim) -> Answer:
        body = self._job.request.body(self._job.seed)
        claim.write(self._trace("sent"))
        model = self._job.request.model
        self._run.state("on_wire", 1)
        try:
            return self._runner.client.call(model.action, VERSION, body)
        finally:
            self._run.state("on_wire", -1)

    def _may_send_again(self, error: VolcengineError) -> bool:
        """Wait as the plan says; whether to send the same request once more."""
        if self._plan.may_set_clock(error) and isinstance(error, APIResponseError):
            return self._runner.client.set_clock_from(error.server_date)
        if isinstance(error, AuthenticationError):
            self._run.stop(error)
            return False
        seconds = self._plan.pause_s(error)
        if seconds is None:
            return False
        self._run.state("retry", 1)
        try:
            return self._run.pause(seconds)
        finally:
            self._run.state("retry", -1)

    def _keep(
        self, key: str, claim: Claim, report: Mapping[str, Any], pictures: tuple[bytes, ...]
    ) -> Outcome:
        """Put a paid answer into the journal, then look at what it shows."""
        if not pictures and report["urls"]:
            claim.write({**self._trace("paid"), "report": report})
            pictures = self._download(report["urls"])
        entry = Entry(pictures, report)
        try:
            self._runner.journal.add(key, entry)
        except OSError as error:
            # Delivered all the same: the picture is in memory, and the user must know it is only there.
            self._note(
                f"the picture is paid, but could not be kept in the journal ({_reason(error)}); save it now.",
                f"图片已付费，但无法写入本地记录（{_reason(error)}），请立即保存。",
            )
        delivered = self._delivered(key, entry, "paid")
        if delivered is not None:
            return delivered
        return self._failed(
            InvalidResponseError(
                "The service says it painted the picture, but what arrived is none; the bytes are kept beside the "
                f"journal as {key}.damaged",
                f"服务显示图片已生成，但收到的内容不是图片；原始数据已保存为 {key}.damaged",
                status_code=200,
                request_id=str(report["request_id"]),
            )
        )

    def _download(self, urls: list[str]) -> tuple[bytes, ...]:
        for left in reversed(range(_DOWNLOAD_TRIES)):
            try:
                return tuple(self._runner.client.download(url) for url in urls)
            except (VolcengineError, ValueError) as error:
                if not left:
                    raise PaidButNotFetchedError(urls, error) from error
            time.sleep(0.5)
        raise AssertionError

    def _delivered(
        self, key: str, entry: Entry, status: Literal["paid", "journal"]
    ) -> Outcome | None:
        """The outcome of an entry; None, and the entry set aside, if it holds no picture."""
        report = entry.report
        try:
            value = self._run.decode(entry.pictures)
        except ValueError:
            self._runner.journal.reject(key)
            return None
        fresh = time.time() - float(report.get("received_at") or 0) < LINK_LIFE_S
        return Outcome(
            index=self._job.index,
            image=self._job.image,
            seed=report.get("seed", self._job.seed),
            status=status,
            value=value,
            urls=tuple(report.get("urls") or ()) if fresh else (),
            data=report.get("data") or {},
            request_id=report.get("request_id", ""),
            code=report.get("code", 0),
            message=report.get("message", ""),
            elapsed_s=report.get("elapsed_s"),
            received_at=report.get("received_at"),
            notes=tuple(self._notes),
        )

    def _failed(self, error: VolcengineError) -> Outcome:
        return Outcome(
            index=self._job.index,
            image=self._job.image,
            seed=self._job.seed,
            status="unknown" if error.doubtful else "failed",
            urls=error.urls if isinstance(error, PaidButNotFetchedError) else (),
            request_id=str(getattr(error, "request_id", "")),
            code=error.code if isinstance(error, APIResponseError) else 0,
            message=str(error),
            error=error,
            notes=tuple(self._notes),
        )

    def _trace(self, state: str) -> dict[str, Any]:
        """What a later run finds if this process dies now; holds no secret."""
        return {
            "state": state,
            "at": time.time(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "seed": self._job.seed,
        }

    def _note(self, english: str, chinese: str) -> None:
        index = self._job.index
        note = f"Variant {index}: {english} 第 {index} 张：{chinese}"
        if note not in self._notes:
            self._notes.append(note)


class PaidButNotFetchedError(VolcengineError):
    """The picture is painted and its link known, but the link could not be fetched; a later run tries again for free."""

    doubtful = True

    def __init__(self, urls: list[str], cause: Exception) -> None:
        self.urls = tuple(urls)
        link = urls[0] if urls else "-"
        super().__init__(
            f"The picture is paid, but its link could not be fetched ({type(cause).__name__}). Run again within 24 hours: "
            f"it is fetched then without paying. Link: {link}",
            f"图片已付费，但链接下载失败（{type(cause).__name__}）。请在 24 小时内再次运行，届时直接下载，不会重复付费。链接：{link}",
        )


def _unexpected(error: Exception) -> VolcengineError:
    return VolcengineError(
        f"An unexpected error in the pack ({type(error).__name__}: {error}). Please report it with the server's log.",
        f"插件内部出现意外错误（{type(error).__name__}: {error}），请附上服务器日志反馈。",
    )


def _unwritable(error: OSError) -> VolcengineError:
    return VolcengineError(
        f"The journal of paid pictures cannot be written ({_reason(error)}), so nothing was bought. Make room, or "
        "correct the rights of the folder, or point VOLC_JOURNAL_DIR to another one.",
        f"无法写入已付费图片的本地记录（{_reason(error)}），因此未购买。请清理磁盘空间、修正文件夹权限，或将 VOLC_JOURNAL_DIR 指向其他文件夹。",
    )


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
