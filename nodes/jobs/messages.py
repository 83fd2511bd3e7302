"""What a purchase has to tell, in English and in Chinese."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..volcengine.errors import InvalidResponseError, VolcengineError
from ..words import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .claims import Money, Trace
    from .job import Job


class DoubtError(VolcengineError):
    """The picture may be paid, but is not here."""

    doubtful = True


class PaidButNotFetchedError(DoubtError):
    """The picture is painted and its link known, but the link could not be fetched; a later run tries again for free."""

    def __init__(self, urls: Sequence[str], cause: Exception) -> None:
        self.urls = tuple(urls)
        link = urls[0] if urls else "-"
        text = Text(
            f"The picture is paid, but its link could not be fetched ({type(cause).__name__}). Run again within 24 hours: "
            f"it is fetched then without paying. Link: {link}",
            f"图片已付费，但链接下载失败（{type(cause).__name__}）。请在 24 小时内再次运行，届时直接下载，不会重复付费。链接：{link}",
        )
        super().__init__(text)


class TaskPendingError(DoubtError):
    """A submitted task did not end in time; a later run fetches it for free.

    Its `code` and `request_id` are those of the last answer, if that was a refusal.
    """

    def __init__(self, task_id: str, status: str, cause: VolcengineError | None) -> None:
        self.code = getattr(cause, "code", 0)
        self.request_id = str(getattr(cause, "request_id", ""))
        last_en, last_zh = status or "unknown", status or "未知"
        if cause is not None:
            last_en += f"; {cause.happened.english}"
            last_zh += f"；{cause.happened.chinese}"
        text = Text(
            f"Task {task_id} was submitted, but its picture is not here yet. Its number is kept: run again within 12 hours, "
            f"and it is fetched without paying. It is billed when it ends. Last known status: {last_en}",
            f"任务 {task_id} 已提交，但尚未取得图片。任务编号已保存：请在 12 小时内再次运行，届时直接取回，不会重复付费。"
            f"任务完成时计费。最后状态：{last_zh}",
        )
        super().__init__(text)


class TaskLostError(DoubtError):
    """The service does not know a submitted task any more; `request_id` is of the answer that said so."""

    def __init__(self, task_id: str, status: str, request_id: str) -> None:
        self.request_id = request_id
        text = Text(
            f"The service answers {status} for task {task_id}, which was submitted. It may have been billed; compare the bill "
            "at https://console.volcengine.com/finance before running again: the next run asks for the picture anew "
            f"(request_id {request_id or '-'}).",
            f"任务 {task_id} 已提交，但服务返回 {status}。该任务可能已计费；下次运行会重新请求该图片，再次运行前请在 "
            f"https://console.volcengine.com/finance 核对账单（request_id {request_id or '-'}）。",
        )
        super().__init__(text)


class JournalGoneError(VolcengineError):
    """The journal's folder is not the one that it was, or not `there` at all; nothing was bought."""

    def __init__(self, folder: Path, *, there: bool) -> None:
        if there:
            text = Text(
                f"The journal of paid pictures in {folder} is not the one that was there when this server began to use it, so "
                "nothing was bought. Mount the share that holds it. If the folder was emptied on purpose, restart the server.",
                f"{folder} 中的本地记录已不是本服务器开始使用时的那一份，因此未购买。请重新挂载其所在的共享目录；如果是有意清空，"
                "请重启服务器。",
            )
        else:
            text = Text(
                f"The folder {folder} of the journal of paid pictures is not there, so nothing was bought. Mount the share that "
                "holds it, or make the folder, once, inside the share: the pack does not make a folder that VOLC_JOURNAL_DIR "
                "names.",
                f"本地记录文件夹 {folder} 不存在，因此未购买。请挂载其所在的共享目录，或在共享目录中创建一次该文件夹：插件不会自动创建 "
                "VOLC_JOURNAL_DIR 指定的文件夹。",
            )
        super().__init__(text)


def note(job: Job, text: Text) -> Text:
    """A note on one variant for the report."""
    return Text(f"Variant {job.index}: {text.english}", f"变体 {job.index}：{text.chinese}")


def left_behind(trace: Trace) -> Text:
    """What is known of an earlier call that is sent anew."""
    when = _when(trace.at)
    if trace.state == "paid":
        text = Text(
            f"an earlier call ({when.english}) was paid, but its link could not be fetched in time; compare the bill.",
            f"此前的一次调用（{when.chinese}）已付费，但未能在有效期内下载，请核对账单。",
        )
    elif trace.state == "no_picture":
        text = Text(
            f"an earlier call ({when.english}) was answered, but not with a picture. It may have been billed; compare the "
            "bill.",
            f"此前的一次调用（{when.chinese}）收到的内容不是图片，可能已计费，请核对账单。",
        )
    elif trace.task_id:
        text = Text(
            f"an earlier task ({when.english}, number {trace.task_id}) was submitted, but the service no longer has its "
            "picture. It may have been billed; compare the bill.",
            f"此前提交的任务（{when.chinese}，编号 {trace.task_id}）已无法取得图片，可能已计费，请核对账单。",
        )
    else:
        text = Text(
            f"an earlier call ({when.english}) was sent, but its picture never reached this disk. It may have been billed; "
            "compare the bill.",
            f"此前的一次调用（{when.chinese}）已发出，但图片未能保存到本机，可能已计费，请核对账单。",
        )
    return text + Text("This run asks for the picture anew.", "本次重新请求该图片。")


def resumed(task_id: str, at: float) -> Text:
    """That a picture comes from a task which an earlier run submitted."""
    when = _when(at)
    return Text(
        f"fetched from task {task_id}, which an earlier run submitted ({when.english}). Nothing was paid for it now.",
        f"取自此前运行提交的任务 {task_id}（{when.chinese}），本次未付费。",
    )


def task_not_kept(task_id: str, error: Exception) -> Text:
    """That the number of a task is in memory only."""
    return Text(
        f"the number of its task, {task_id}, is not in the journal ({reason(error)}); only this run can fetch the picture.",
        f"其任务编号 {task_id} 无法写入本地记录（{reason(error)}），只有本次运行能取回该图片。",
    )


def no_task(request_id: str) -> VolcengineError:
    """A submission that was accepted, but without a number."""
    text = Text(
        "The service took the task on, but answered no number to fetch it by",
        "服务已接受任务，但未返回任务编号",
    )
    return InvalidResponseError(text, status_code=200, request_id=request_id)


def damaged() -> Text:
    """Why a picture that the journal held is bought again."""
    return Text(
        "the journal held this picture, but damaged; the damaged file is kept beside it. This run asks for the picture anew.",
        "本地记录中的该图片已损坏，损坏的文件保留在同一文件夹中。本次重新请求该图片。",
    )


def not_kept(error: Exception) -> Text:
    """That a paid picture is in memory only."""
    return Text(
        f"the picture is paid, but could not be written into the journal ({reason(error)}); save it now.",
        f"图片已付费，但无法写入本地记录（{reason(error)}），请立即保存。",
    )


def as_task(req_key: str) -> Text:
    """That an interface was called otherwise than its page says."""
    return Text(
        f"Volcengine no longer answers {req_key} directly, so it was submitted as a task and fetched. The picture is the same.",
        f"火山引擎不再直接响应 {req_key}，已改为提交任务后取回，图片不受影响。",
    )


def algorithm(status: int | str, message: str) -> Text:
    """That a picture came although its algorithm reports a failure."""
    return Text(
        f"the service painted it, but reports a failure of its algorithm ({status}: {message or '-'}); look at it closely.",
        f"图片已生成，但服务报告算法异常（{status}：{message or '-'}），请仔细检查。",
    )


def no_picture(key: str, request_id: str) -> VolcengineError:
    """A paid answer that holds no picture."""
    text = Text(
        "The service says it painted the picture, but what arrived is none; the bytes are kept in the journal's folder "
        f"as {key}.damaged",
        f"服务显示图片已生成，但收到的内容不是图片；原始数据已保存在本地记录文件夹中：{key}.damaged",
    )
    return InvalidResponseError(text, status_code=200, request_id=request_id)


def elsewhere(trace: Trace) -> VolcengineError:
    """An equal call, of another server or of this one, ended in doubt while this run waited for it."""
    when = _when(trace.at)
    who = Text("This", "本") if trace.is_ours() else Text("Another", "另一台")
    text = Text(
        f"{who.english} ComfyUI server sent an equal call ({when.english}) while this run waited for its picture, and got none. That "
        "call may have been billed, so this run sent nothing; compare the bill at "
        "https://console.volcengine.com/finance before running again.",
        f"{who.chinese} ComfyUI 服务器发出了相同的调用（{when.chinese}），本次运行等待其结果，但未等到图片。该调用可能已计费，因此本次未发送请求；"
        "再次运行前请在 https://console.volcengine.com/finance 核对账单。",
    )
    return DoubtError(text)


def unexpected(error: Exception, money: Money) -> VolcengineError:
    """A bug of ours; says what it means for the money."""
    text = Text(
        f"An unexpected error in the pack ({type(error).__name__}: {error}). Please report it with the server's log.",
        f"插件内部出现意外错误（{type(error).__name__}: {error}），请附上服务器日志反馈。",
    )
    if money == "unspent":
        return VolcengineError(text)
    means = Text(
        "The call may have been billed; compare the bill before running again.",
        "该调用可能已计费，再次运行前请核对账单。",
    )
    if money == "kept":
        means = Text(
            "The picture is paid and in the journal; the next run takes it from there.",
            "图片已付费并保存在本地记录中，下次运行会直接取用。",
        )
    return DoubtError(text + means)


def unwritable(error: OSError) -> VolcengineError:
    """The journal's folder takes nothing."""
    text = Text(
        f"The journal of paid pictures cannot be written ({reason(error)}), so nothing was bought. Make room, or "
        "correct the rights of the folder, or point VOLC_JOURNAL_DIR to another one.",
        f"无法写入已付费图片的本地记录（{reason(error)}），因此未购买。请清理磁盘空间、修正文件夹权限，或将 VOLC_JOURNAL_DIR 指向其他文件夹。",
    )
    return VolcengineError(text)


def no_threads() -> VolcengineError:
    """A run needs one at least."""
    text = Text(
        "The system gives ComfyUI no further thread, so nothing was bought. Raise its limit (`ulimit -u`, or "
        "`--pids-limit` of the container), or restart ComfyUI.",
        "系统不再为 ComfyUI 分配线程，因此未购买。请提高限制（`ulimit -u` 或容器的 `--pids-limit`），或重启 ComfyUI。",
    )
    return VolcengineError(text)


def nobody_holds(folder: Path) -> VolcengineError:
    """A claim that cannot be had, and that nobody seems to hold."""
    text = Text(
        f"The journal's folder {folder} says that somebody else is buying this picture, but nobody has shown a sign of it "
        "for a minute, so nothing was bought. The locks of its file system do not work, or the server that buys it hangs: "
        "end that server, or point VOLC_JOURNAL_DIR to a folder with working locks.",
        f"本地记录文件夹 {folder} 显示该图片正由其他任务购买，但已有一分钟没有任何动静，因此未购买。可能是该文件系统的文件锁不起作用，"
        "或正在购买的服务器已卡住：请结束该服务器，或将 VOLC_JOURNAL_DIR 指向文件锁可用的文件夹。",
    )
    return VolcengineError(text)


def unreadable(error: OSError) -> VolcengineError:
    """The journal's folder gives nothing."""
    text = Text(
        f"The journal of paid pictures cannot be read ({reason(error)}), so nothing was bought: the picture may be in it. "
        "Correct the rights of the folder, or point VOLC_JOURNAL_DIR to another one.",
        f"无法读取已付费图片的本地记录（{reason(error)}），图片可能已在其中，因此未购买。请修正文件夹权限，或将 VOLC_JOURNAL_DIR 指向其他文件夹。",
    )
    return VolcengineError(text)


def reason(error: Exception) -> str:
    """A cause in a few words, without a path."""
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__


def log_line(what: str, seed: int | None, answer: object, seconds: float, then: str) -> str:
    """What an operator reads of one call, in ASCII: any console can show it. It holds no secret, prompt or link.

    Args:
        what: The model, or what else was asked for.
        seed: As sent, if there is one.
        answer: An answer or an error; its code and `request_id` are said.
        seconds: How long it took.
        then: What comes next.
    """
    code = getattr(answer, "code", "") or type(answer).__name__
    request_id = getattr(answer, "request_id", "") or "-"
    sent = "" if seed is None else f"seed {seed}, "
    line = f"{what}: {sent}code {code}, request_id {request_id}, {seconds:.2f} s; {then}"
    return line.encode("unicode_escape").decode()


def _when(at: float | None) -> Text:
    if at is None or not 0 <= at < 1e11:
        return Text("at an unknown time", "时间未知")
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
    return Text(moment, moment)
