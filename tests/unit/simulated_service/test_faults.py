"""Failures on demand, the allowance, and the ledger that counts what was billed."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests
from PIL import Image
from simulated_service import faults, refusals

if TYPE_CHECKING:
    from simulated_service import SimulatedService

# https://www.volcengine.com/docs/86081/1804490
BUSINESS = {
    50411: 400, 50511: 400, 50412: 400, 50512: 400, 50413: 400, 50518: 400, 50519: 400, 50520: 400,
    50521: 400, 50522: 400, 50429: 429, 50430: 429, 50500: 500, 50501: 500, 50400: 400, 50215: 400,
    50204: 400, 50200: 400, 201304: 400,
    # https://www.volcengine.com/docs/6444/69728
    50201: 400, 50205: 400, 50206: 400, 50207: 400, 50213: 400, 50218: 400, 50402: 404, 60102: 400,
    60208: 400,
}  # fmt: skip
# https://www.volcengine.com/docs/6369/68677
GATEWAY = {
    "MissingParameter": (100002, 400), "MissingAuthenticationToken": (100003, 401),
    "MissingRequestInfo": (100004, 400), "MissingSignature": (100005, 401),
    "InvalidTimestamp": (100006, 400), "ServiceNotFound": (100007, 404),
    "InvalidActionOrVersion": (100008, 404), "InvalidAccessKey": (100009, 401),
    "SignatureDoesNotMatch": (100010, 401), "LackPolicy": (100012, 403),
    "AccessDenied": (100013, 403), "InternalError": (100014, 500),
    "InternalServiceTimeout": (100016, 504), "FlowLimitExceeded": (None, 429),
    "ServiceUnavailableTemp": (None, 503),
}  # fmt: skip


def states(service: SimulatedService) -> list[str]:
    return [call.state for call in service.ledger.calls()]


def test_every_code_of_the_tables_is_there():
    assert (set(BUSINESS), set(GATEWAY)) == (set(refusals.BUSINESS), set(refusals.GATEWAY))


@pytest.mark.parametrize(("code", "status"), BUSINESS.items())
def test_every_business_code_comes_in_its_shape_and_is_not_billed(asker, code, status):
    asker.service.fail(code)
    response = asker.ask()
    answer = response.json()

    assert status == response.status_code
    assert (code, None, code) == (answer["code"], answer["data"], answer["status"])
    assert {"code", "data", "message", "request_id", "status", "time_elapsed"} == set(answer)
    assert answer["request_id"] == asker.service.ledger.calls()[0].request_id
    assert ["refused"] == states(asker.service)


@pytest.mark.parametrize(("word", "expected"), GATEWAY.items())
def test_every_word_of_the_gateway_comes_in_its_shape_and_is_not_billed(asker, word, expected):
    asker.service.fail(word)
    response = asker.ask()
    metadata = response.json()["ResponseMetadata"]

    number, status = expected
    assert (status, word) == (response.status_code, metadata["Error"]["Code"])
    assert number == metadata["Error"].get("CodeN")
    assert (number is None) == ("CodeN" not in metadata["Error"])
    assert {"RequestId", "Action", "Version", "Service", "Region", "Error"} == set(metadata)
    assert ["refused"] == states(asker.service)


def test_an_unknown_fault_is_a_mistake_of_the_test():
    with pytest.raises(ValueError, match="unknown fault 'hnag'"):
        faults.Fault("hnag")


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, ["refused", "billed", "billed", "billed"]),
        ({"nth": 3}, ["billed", "billed", "refused", "billed"]),
        ({"seed": 2}, ["billed", "refused", "billed", "billed"]),
        ({"times": 3}, ["refused", "refused", "refused", "billed"]),
        ({"req_key": "other"}, ["billed", "billed", "billed", "billed"]),
    ],
)
def test_a_fault_hits_the_calls_it_is_meant_for(asker, when, expected):
    asker.service.fail(50500, **when)
    for seed in (1, 2, 3, 4):
        asker.ask(seed=seed)

    assert expected == states(asker.service)


def test_a_reset_before_the_body_is_seen_by_the_client_and_not_billed(asker):
    asker.service.fail("reset_before_body")

    with pytest.raises(requests.exceptions.ConnectionError):
        asker.ask()
    assert ["failed"] == states(asker.service)


@pytest.mark.parametrize(("billed", "state"), [(True, "billed"), (False, "failed")])
def test_a_reset_after_the_body_loses_an_answer_that_may_be_paid(asker, billed, state):
    asker.service.fail("reset_after_body", billed=billed)

    with pytest.raises(requests.exceptions.ConnectionError):
        asker.ask()
    assert [state] == states(asker.service)


def test_a_hang_lasts_until_it_is_let_go(asker):
    asker.service.fail("hang")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            asker.ask()
        except requests.exceptions.ConnectionError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asker.service.wait_for("billed", 1)
    assert thread.is_alive()
    asker.service.hangs.set()
    thread.join(10)

    assert (False, 1) == (thread.is_alive(), len(errors))


def test_cut_json_announces_more_than_it_sends(asker):
    asker.service.fail("cut_json")

    with pytest.raises(
        (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)
    ):
        asker.ask()
    assert ["billed"] == states(asker.service)


def test_cut_base64_is_no_base64(asker):
    asker.service.fail("cut_base64")
    text = asker.ask().json()["data"]["binary_data_base64"][0]

    with pytest.raises(ValueError, match=r"padding|multiple of 4"):
        base64.b64decode(text, validate=True)


def test_not_a_picture_decodes_to_none(asker):
    asker.service.fail("not_a_picture")
    text = asker.ask().json()["data"]["binary_data_base64"][0]

    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_wrong_size_is_half_the_size(asker):
    asker.service.fail("wrong_size")

    assert (32, 40, 3) == asker.picture().shape


@pytest.mark.parametrize(
    ("fault", "status", "kind", "state"),
    [
        ("html_504", 504, "text/html", "billed"),
        ("empty", 200, "application/json", "billed"),
        ("redirect", 302, "text/plain", "failed"),
    ],
)
def test_an_answer_of_another_is_no_json(asker, fault, status, kind, state):
    asker.service.fail(fault)
    response = asker.ask()

    assert (status, kind) == (response.status_code, response.headers["Content-Type"])
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()
    assert [state] == states(asker.service)


def test_a_link_only_leads_to_the_picture(asker):
    asker.service.fail("link_only")
    data = asker.ask().json()["data"]
    picture = requests.get(data["image_urls"][0])

    assert data["binary_data_base64"] is None
    assert "image/jpeg" == picture.headers["Content-Type"]
    assert (80, 64) == Image.open(io.BytesIO(picture.content)).size
    assert 404 == requests.get(data["image_urls"][0] + "x").status_code


def test_a_loose_answer_is_wrapped_and_lacks_what_it_may(asker):
    asker.service.fail("loose")
    answer = asker.ask().json()

    assert {"RequestId"} == set(answer["ResponseMetadata"])
    assert isinstance(answer["Result"]["time_elapsed"], float)
    assert "image_urls" not in answer["Result"]["data"]


def test_a_link_is_handed_out_if_asked_for(asker):
    without, with_link = asker.ask().json(), asker.ask(return_url=True).json()

    assert without["data"]["image_urls"] is None
    content = requests.get(with_link["data"]["image_urls"][0]).content
    assert base64.b64decode(with_link["data"]["binary_data_base64"][0]) == content


def test_a_success_has_the_documented_shape(asker):
    answer = asker.ask().json()
    request_id = asker.service.ledger.calls()[0].request_id

    assert {"code", "data", "message", "request_id", "status", "time_elapsed"} == set(answer)
    assert {"algorithm_base_resp", "binary_data_base64", "image_urls", "request_id"} == set(
        answer["data"]
    )
    assert {"status_code": 0, "status_message": "Success"} == answer["data"]["algorithm_base_resp"]
    assert (request_id, request_id) == (answer["request_id"], answer["data"]["request_id"])
    assert answer["time_elapsed"].endswith("s")


def test_calls_beyond_the_allowance_are_refused_and_the_peak_is_noted(asker):
    service = asker.service
    service.latency_s, service.allowance = 60.0, 2
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(asker.ask, seed=seed) for seed in (1, 2)]
        assert service.wait_for("on_wire", 2)
        refused = asker.ask(seed=3)
        service.hangs.set()  # lets the two go
        paid = [future.result().json()["code"] for future in running]
    answer = refused.json()

    assert ([10000, 10000], 429, 50430) == (paid, refused.status_code, answer["code"])
    assert (2, 1, 2) == (service.billed, service.ledger.count("refused"), service.ledger.peak)


def test_calls_beyond_the_rate_are_refused(asker):
    asker.service.rate_per_s = 2
    codes = [asker.ask(seed=seed).json()["code"] for seed in (1, 2, 3)]

    assert ([10000, 10000, 50429], 2) == (codes, asker.service.billed)


def test_retry_after_comes_with_a_429_and_nothing_else(asker):
    asker.service.retry_after_s = 1.5
    asker.service.fail(50430)
    limited, fine = asker.ask(), asker.ask()

    assert ("1.5", None) == (limited.headers["Retry-After"], fine.headers.get("Retry-After"))


def test_a_bug_of_the_judge_is_an_answer_and_not_a_silence(asker, monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(asker.service, "work", broken)
    response = asker.ask()

    assert (500, 50500) == (response.status_code, response.json()["code"])
    assert "ZeroDivisionError: planted" in response.json()["message"]
    assert (["failed"], 0) == (states(asker.service), asker.service.ledger._running)


@pytest.mark.parametrize(
    ("length", "code"), [("x", "MissingAuthenticationToken"), ("-1", "MissingAuthenticationToken")]
)
def test_a_length_that_is_none_is_answered_and_the_connection_ended(asker, length, code):
    host, port = asker.service.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        received = b""
        while part := connection.recv(65_536):
            received += part

    assert code in received.decode()


def test_another_method_and_path_are_refused(asker):
    got = requests.get(f"{asker.service.endpoint}/?Action=CVProcess&Version=2022-08-31")

    assert 404 == got.status_code
    assert "InvalidActionOrVersion" == got.json()["ResponseMetadata"]["Error"]["Code"]


# The orders that tests in other processes give.


def order(asker, path: str, **content: object) -> requests.Response:
    return requests.post(f"{asker.service.endpoint}/_simulation/{path}", json=content)


def test_orders_over_http_do_what_the_object_does(asker):
    assert 200 == order(asker, "configure", faults=[{"fault": 50500, "nth": 2}]).status_code
    for seed in (1, 2, 3):
        asker.ask(seed=seed)
    waited = requests.get(f"{asker.service.endpoint}/_simulation/wait?state=billed&calls=2").json()
    ledger = requests.get(f"{asker.service.endpoint}/_simulation/ledger").json()

    assert {"reached": True} == waited
    assert (2, 1, 0, 0, 1) == tuple(
        ledger[name] for name in ("billed", "refused", "failed", "on_wire", "peak")
    )
    assert [1, 2, 3] == [call["seed"] for call in ledger["calls"]]
    assert 200 == order(asker, "reset").status_code
    assert [] == requests.get(f"{asker.service.endpoint}/_simulation/ledger").json()["calls"]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("configure", {"latency": 1}),
        ("configure", {"faults": [{"fault": "hnag"}]}),
        ("configure", {"faults": [{"what": 50500}]}),
        ("configure", {"faults": 5}),
        ("wait", {}),
        ("other", {}),
    ],
)
def test_an_order_it_does_not_know_is_told_so(asker, path, content):
    response = order(asker, path, **content)

    assert 400 == response.status_code
    assert response.json()["error"]


def test_a_second_call_after_a_refusal_uses_the_same_connection(asker):
    body = json.dumps({"req_key": 1}).encode()
    host, port = asker.service.endpoint.removeprefix("http://").split(":")
    request = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        file = connection.makefile("rb")
        for _ in range(2):
            connection.sendall(request)
            assert b"401" in file.readline()
            length = 0
            while (line := file.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            file.read(length)

    assert 1 == len({call.connection for call in asker.service.ledger.calls()})
