"""Every row of the service's error tables becomes its exception, explained in English and in Chinese."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from volc_inpaint.nodes.volcengine import errors
from volc_inpaint.nodes.volcengine.answers import parse
from volc_inpaint.nodes.words import Text


class Row(NamedTuple):
    """What a code must become: its class, and words of its cause and its remedy in both languages."""

    code: int | str
    status: int
    message: str
    kind: type[errors.APIResponseError]
    cause_en: str
    remedy_en: str
    cause_zh: str
    remedy_zh: str
    number: int = 0
    doubtful: bool = False


BASE, RATE, AUTH, CONTENT, SERVER = (
    errors.APIResponseError, errors.RateLimitError, errors.AuthenticationError,
    errors.ContentRejectedError, errors.ServerError,
)  # fmt: skip

# https://www.volcengine.com/docs/86081/1804490; the last four are reported from the field, and of
# https://www.volcengine.com/docs/6791/1223709
BUSINESS = [
    Row(50411, 400, "Pre Img Risk Not Pass", CONTENT,
        "input picture did not pass the review", "another picture", "输入图片未通过审核", "更换图片"),
    Row(50511, 400, "Post Img Risk Not Pass", CONTENT,
        "painted picture did not pass the review", "another seed", "生成的图片未通过审核", "更换种子"),
    Row(50412, 400, "Text Risk Not Pass", CONTENT,
        "prompt did not pass the review", "Reword the prompt", "提示词未通过审核", "修改提示词"),
    Row(50512, 400, "Post Text Risk Not Pass", CONTENT,
        "output text did not pass the review", "Reword the prompt", "输出文本未通过审核", "修改提示词"),
    Row(50413, 400, "Post Text Risk Not Pass", CONTENT,
        "blocked word, name or brand", "Reword the prompt", "敏感词、人名或版权内容", "修改提示词"),
    Row(50518, 400, "Pre Img Risk Not Pass: Copyright", CONTENT,
        "input picture shows something under copyright", "another picture", "输入图片涉及版权", "更换图片"),
    Row(50519, 400, "Post Img Risk Not Pass: Copyright", CONTENT,
        "painted picture shows something under copyright", "another seed", "生成的图片涉及版权", "更换种子"),
    Row(50520, 400, "Risk Internal Error", SERVER,
        "review failed", "Run it again in a moment", "审核环节出错", "稍后重试"),
    Row(50521, 400, "Antidirt Internal Error", SERVER,
        "review failed", "Run it again in a moment", "审核环节出错", "稍后重试"),
    Row(50522, 400, "Image Copyright Internal Error", SERVER,
        "review failed", "Run it again in a moment", "审核环节出错", "稍后重试"),
    Row(50429, 429, "Request Has Reached API Limit, Please Try Later", RATE,
        "too many calls per second", "Run it again later", "每秒调用次数已达上限", "稍后重试"),
    Row(50430, 429, "Request Has Reached API Concurrent Limit, Please Try Later", RATE,
        "too many calls running at once", "lower VOLC_MAX_CONCURRENCY", "并发调用数已达上限",
        "调低 VOLC_MAX_CONCURRENCY"),
    Row(50500, 500, "Internal Error", SERVER,
        "internal error", "Run it again in a moment", "服务内部错误", "稍后重试"),
    Row(50501, 500, "Internal RPC Error", SERVER,
        "internal error (RPC)", "Run it again in a moment", "服务内部调用错误", "稍后重试"),
    Row(50400, 400, "Access Denied: not activated", AUTH,
        "not activated, the key lacks the right, or the quota is used up", "Activate the service",
        "服务未开通、密钥无权限或额度已用完", "开通服务"),
    Row(50400, 401, "Access Denied: no permission", AUTH,
        "Access denied", "older than the activation", "拒绝访问", "早于开通时间"),
    Row(50400, 401, "Access Denied: no permission", AUTH,
        "Access denied", "up to ten minutes", "拒绝访问", "最长十分钟"),
    Row(50400, 400, "Access Denied", AUTH,
        "quota is used up", "real-name verification, a balance", "额度已用完", "实名认证、余额未欠费"),
    Row(50215, 400, "Input invalid for this service: seed", BASE,
        "did not accept the parameters", "Check picture, mask and settings", "不接受这些参数",
        "检查图片、遮罩和参数"),
    Row(50204, 400, "Input invalid for this service", BASE,
        "did not accept the parameters", "Check picture, mask and settings", "不接受这些参数",
        "检查图片、遮罩和参数"),
    Row(50200, 400, "Input invalid for this service", BASE,
        "did not accept the parameters", "Check picture, mask and settings", "不接受这些参数",
        "检查图片、遮罩和参数"),
    # https://www.volcengine.com/docs/6444/69728
    Row(50201, 400, "Missing argument", BASE,
        "parameters: one is missing", "report this", "缺少参数", "反馈"),
    Row(50205, 400, "Image size limit", BASE,
        "size is beyond the interface's limits", "`fit` set to crop or downscale", "尺寸超出接口限制",
        "fit 设为 crop"),
    Row(50206, 400, "No image", BASE,
        "No picture reached the service", "open to the internet", "未收到图片", "可公开访问"),
    Row(50207, 400, "Image decode error", BASE,
        "could not decode the picture, or not fetch its link", "lead to a JPEG or PNG",
        "无法解码图片，或无法获取图片链接", "指向 JPEG 或 PNG"),
    Row(50213, 400, "Body too large", BASE,
        "request is too large", "smaller picture", "超出服务允许的大小", "更小的图片"),
    Row(50218, 400, "Resource exists risk", CONTENT,
        "did not pass the review", "another picture", "未通过审核", "更换图片"),
    Row(60208, 400, "Sensitive content", CONTENT,
        "sensitive content", "another picture", "敏感内容", "更换图片"),
    Row(60102, 400, "No face", CONTENT,
        "found no face", "another picture", "未在图片中检测到人脸", "更换图片"),
    Row(50402, 404, "No such interface", BASE,
        "retired, or is not offered to this account", "another model", "已下线，或未对该账号开放",
        "其他 model"),
    Row(201304, 400, "AI ghost face", CONTENT,
        "distorted face", "another mask or picture", "畸形人脸", "更换遮罩或图片"),
]  # fmt: skip

# https://www.volcengine.com/docs/6369/68677
ENDPOINT = ("could not read the request", "VOLC_ENDPOINT", "无法识别该请求", "VOLC_ENDPOINT")
GATEWAY = [
    Row("MissingParameter", 400, "The request is missing Action", BASE, *ENDPOINT, 100002),
    Row("MissingAuthenticationToken", 401, "no token", AUTH, *ENDPOINT, 100003),
    Row("MissingRequestInfo", 400, "no info", BASE, *ENDPOINT, 100004),
    Row("MissingSignature", 401, "no signature", AUTH, *ENDPOINT, 100005),
    Row("InvalidTimestamp", 400, "X-Date is expired", AUTH,
        "clock of this machine is wrong by more than 15 minutes", "Set the clock",
        "本机时钟误差超过 15 分钟", "校准", 100006),
    Row("ServiceNotFound", 404, "no such service", BASE, *ENDPOINT, 100007),
    Row("InvalidActionOrVersion", 404, "no such action", BASE, *ENDPOINT, 100008),
    Row("InvalidAccessKey", 401, "no such key", AUTH,
        "does not know this access key", "Copy it again", "不存在该 Access Key", "重新复制", 100009),
    Row("InvalidAccessKey", 401, "no such key", AUTH,
        "begin with AKLT, temporary ones with AKTP", "API key of a product", "以 AKLT 开头",
        "API Key 不是 Access Key", 100009),
    Row("SignatureDoesNotMatch", 401, "wrong signature", AUTH,
        "secret key does not belong to the access key", "Enter both again",
        "Secret Key 与 Access Key 不匹配", "重新填写", 100010),
    Row("LackPolicy", 403, "no policy", AUTH,
        "lacks a policy", "CVFullAccess", "缺少权限策略", "CVFullAccess", 100012),
    Row("AccessDenied", 403, "denied", AUTH,
        "Access denied", "CVFullAccess", "拒绝访问", "CVFullAccess", 100013),
    Row("InternalError", 500, "oops", SERVER,
        "gateway had an internal error", "may have been billed", "网关内部错误", "可能已计费", 100014, True),
    Row("InternalServiceTimeout", 504, "timeout", SERVER,
        "behind the gateway was too slow", "may have been billed", "服务超时", "可能已计费", 100016, True),
    Row("FlowLimitExceeded", 429, "slow down", RATE,
        "too many calls per second", "Run it again later", "每秒调用次数已达上限", "稍后重试"),
    Row("ServiceUnavailableTemp", 503, "unavailable", SERVER,
        "unavailable for the moment", "Run it again in a moment", "暂时不可用", "稍后重试"),
]  # fmt: skip


def refusal(status: int, body: dict) -> errors.APIResponseError:
    with pytest.raises(errors.APIResponseError) as caught:
        parse(status, {}, json.dumps(body).encode())
    return caught.value


def business(row: Row) -> dict:
    return {
        "code": row.code,
        "data": None,
        "message": row.message,
        "request_id": "20250818R1",
        "status": row.code,
        "time_elapsed": "12.5ms",
    }


def gateway(**error: object) -> dict:
    return {
        "ResponseMetadata": {
            "RequestId": "20250818R1",
            "Action": "CVProcess",
            "Version": "2022-08-31",
            "Service": "cv",
            "Region": "cn-north-1",
            "Error": error,
        }
    }


def check(row: Row, error: errors.APIResponseError) -> None:
    """The exception is of the row's class, and its two lines name everything."""
    assert row.kind is type(error)
    expected = (row.code, row.message, "20250818R1", row.status, row.doubtful)
    assert expected == (
        error.code, error.message, error.request_id, error.status_code, error.doubtful,
    )  # fmt: skip
    english, chinese = str(error).split("\n")
    assert (english, chinese) == (error.text.english, error.text.chinese)
    facts = (f"code {row.code}", "request_id 20250818R1", f"HTTP {row.status}", row.message)
    for word in (row.cause_en, row.remedy_en, *facts):
        assert word in english
    for word in (row.cause_zh, row.remedy_zh, *facts):
        assert word in chinese


@pytest.mark.parametrize("row", BUSINESS, ids=lambda row: f"{row.code}-{row.status}")
def test_every_business_code_becomes_its_exception(row):
    check(row, refusal(row.status, business(row)))


@pytest.mark.parametrize("row", BUSINESS, ids=lambda row: f"{row.code}-{row.status}")
def test_a_business_code_within_the_gateways_wrapping_is_the_same(row):
    wrapped = {"ResponseMetadata": {"RequestId": "G1"}, "Result": business(row)}

    check(row, refusal(row.status, wrapped))


@pytest.mark.parametrize("row", GATEWAY, ids=lambda row: row.code)
def test_every_word_of_the_gateway_becomes_its_exception(row):
    body = gateway(CodeN=row.number, Code=row.code, Message=row.message)

    check(row, refusal(row.status, body))


@pytest.mark.parametrize("row", [row for row in GATEWAY if row.number], ids=lambda row: row.code)
def test_a_number_of_the_gateway_without_its_word_becomes_the_same(row):
    check(row, refusal(row.status, gateway(CodeN=row.number, Message=row.message)))


@pytest.mark.parametrize("row", BUSINESS, ids=lambda row: f"{row.code}-{row.status}")
@pytest.mark.parametrize("status", [200, 500, 503])
def test_a_listed_code_is_definite_whatever_status_it_came_with(row, status):
    assert not refusal(status, business(row)).doubtful


def test_a_business_code_in_the_gateways_shape_is_read_as_a_number():
    error = refusal(429, gateway(CodeN=50430, Code="50430", Message="busy"))

    assert (errors.RateLimitError, 50430) == (type(error), error.code)


def test_a_limit_starts_with_the_words_that_comfyui_shows_a_friendly_card_for():
    assert str(refusal(429, {"code": 50430, "request_id": "R1"})).startswith(
        "Rate Limit Exceeded: "
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"code": 1, "request_id": "R1"}),
        (402, {"code": 2, "request_id": "R1"}),
        (403, gateway(Code="Odd")),
        (429, {"code": 3, "request_id": "R1"}),
    ],
)
def test_no_text_opens_a_dialog_of_comfyui(status, body):
    text = str(refusal(status, body))

    assert not text.startswith(
        ("Unauthorized: Please login first", "Payment Required: Please add credits")
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BASE), (401, AUTH), (403, AUTH), (404, BASE), (429, RATE), (500, SERVER), (503, SERVER)],
)
def test_an_unlisted_code_is_classed_by_its_status(status, kind):
    assert kind is type(refusal(status, {"code": 59999, "request_id": "R1"}))


def test_the_exceptions_form_the_documented_tree():
    parents = {
        kind.__name__: kind.__mro__[1].__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.VolcengineError)
    }

    expected = {
        "VolcengineError": "Exception",
        "CredentialsError": "VolcengineError",
        "APIConnectionError": "VolcengineError",
        "APITimeoutError": "APIConnectionError",
        "APIResponseError": "VolcengineError",
        "AuthenticationError": "APIResponseError",
        "RateLimitError": "APIResponseError",
        "ContentRejectedError": "APIResponseError",
        "ServerError": "APIResponseError",
        "InvalidResponseError": "VolcengineError",
    }
    assert expected == {name: parents.get(name) for name in expected}


@pytest.mark.parametrize(
    ("error", "doubtful", "words_en", "words_zh"),
    [
        (
            errors.APIConnectionError(Text("reset", "reset"), sent=True),
            True,
            ("after the request was sent (reset)", "may have been billed", "not sent again"),
            ("请求发出后", "（reset）", "可能已计费", "不会自动重发"),
        ),
        (
            errors.APIConnectionError(Text("refused", "refused"), sent=False),
            False,
            ("could not be reached (refused)", "nothing was billed", "the proxy"),
            ("无法连接火山引擎（refused）", "未产生费用", "代理"),
        ),
        (
            errors.APITimeoutError(120.0),
            True,
            ("no answer within 120 s", "VOLC_TIMEOUT_S", "may have been billed"),
            ("120 秒内未收到响应", "VOLC_TIMEOUT_S", "可能已计费"),
        ),
        (
            errors.InvalidResponseError(Text("A page", "网页"), status_code=504),
            True,
            ("A page (HTTP 504, request_id -).", "may have been billed"),
            ("网页（HTTP 504，request_id -）。", "可能已计费"),
        ),
        (
            errors.InvalidResponseError(Text("A page", "网页"), request_id="R1", doubtful=False),
            False,
            ("A page (HTTP -, request_id R1).",),
            ("网页（HTTP -，request_id R1）。",),
        ),
        (
            errors.CredentialsError("No keys.", "没有密钥。"),
            False,
            ("No keys.",),
            ("没有密钥。",),
        ),
    ],
)
def test_each_failure_without_an_answer_says_whether_it_may_have_been_billed(
    error, doubtful, words_en, words_zh
):
    assert doubtful == error.doubtful
    english, chinese = str(error).split("\n")
    assert [] == [word for word in words_en if word not in english]
    assert [] == [word for word in words_zh if word not in chinese]


def test_context_is_added_to_both_lines():
    error = errors.CredentialsError("No keys.", "没有密钥。")
    error.add_context(Text("Two of four arrived.", "四张中已有两张到达。"))

    assert "No keys. Two of four arrived.\n没有密钥。四张中已有两张到达。" == str(error)


@pytest.mark.parametrize(
    ("error", "english", "chinese"),
    [
        (
            errors.APIConnectionError(Text("reset", "重置"), sent=True),
            "The connection to Volcengine broke after the request was sent (reset).",
            "请求发出后与火山引擎的连接中断（重置）。",
        ),
        (
            errors.APIConnectionError(
                Text("refused", "拒绝"), sent=False, remedy=Text("Start it.", "请启动。")
            ),
            "Volcengine could not be reached (refused). Start it.",
            "无法连接火山引擎（拒绝）。请启动。",
        ),
        (
            errors.InvalidResponseError(Text("A page", "网页"), status_code=504),
            "A page (HTTP 504, request_id -).",
            "网页（HTTP 504，request_id -）。",
        ),
        (
            errors.ServerError(
                status_code=504, code="InternalServiceTimeout", message="-", request_id="R1"
            ),
            (
                "The service behind the gateway was too slow. Run it again in a moment. "
                "Volcengine's answer: - (code InternalServiceTimeout, HTTP 504, request_id R1)."
            ),
            (
                "网关后端的服务超时。请稍后重试。"
                "火山引擎返回：-（code InternalServiceTimeout，HTTP 504，request_id R1）。"
            ),
        ),
    ],
)
def test_of_a_question_which_costs_nothing_the_same_is_told_without_the_money(
    error, english, chinese
):
    assert (english, chinese) == (error.happened.english, error.happened.chinese)


def test_what_stands_where_keys_could_be_is_told_with_what_is_missing():
    seen = [Text("There is a file.", "有一个文件。"), Text("It is empty.", "它是空的。")]
    error = errors.MissingCredentialsError(seen)

    english, chinese = str(error).split("\n")
    assert english.endswith("/iam/keymanage. There is a file. It is empty.")
    assert chinese.endswith("创建。有一个文件。它是空的。")
    assert tuple(seen) == error.seen
