"""The service as a judge of signatures: those of the vendor and of its SDK pass, broken ones do not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from simulated_service import signature
from volcengine.visual.VisualService import VisualService

if TYPE_CHECKING:
    from simulated_service import SimulatedService

# Four published at https://www.volcengine.com/docs/6369/67269 and 67270, five from the official SDK's signer.
VECTORS = json.loads(
    (Path(__file__).parents[1] / "volcengine" / "signing_vectors.json").read_bytes()
)


def test_there_are_nine_vectors():
    assert 9 == len(VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_its_one_right_signature_is_the_published_one(vector):
    digest = hashlib.sha256(vector["body"].encode()).hexdigest()
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in vector["query"])
    actual = signature.expected(
        method=vector["method"],
        target=f"{vector['path']}?{query}",
        headers={
            "content-type": vector["content_type"],
            "host": vector["host"],
            "x-content-sha256": digest,
            "x-date": vector["date"],
            "x-security-token": vector["session_token"],
        },
        signed=vector["signed_headers"],
        digest=digest,
        secret=vector["secret_key"],
        date=vector["date"],
        scope=(vector["date"][:8], vector["region"], vector["service"], "request"),
    )

    assert vector["signature"] == actual


def test_what_the_official_sdk_sends_is_painted_and_billed(asker, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    sdk = VisualService()
    sdk.set_ak(asker.service.access_key)
    sdk.set_sk(asker.service.secret_key)
    sdk.set_host(asker.service.endpoint.removeprefix("http://"))
    answer = sdk.cv_process(asker.fields())

    assert (10000, "Success", 1) == (answer["code"], answer["message"], asker.service.billed)


def refused(response, code: str, service: SimulatedService) -> None:
    """The gateway refused it, and nothing was billed."""
    metadata = response.json()["ResponseMetadata"]
    assert code == metadata["Error"]["Code"]
    assert metadata["RequestId"]
    assert response.status_code in (400, 401, 404)
    assert (0, 1) == (service.billed, service.ledger.count("refused"))


def body(asker) -> bytes:
    return json.dumps(asker.fields()).encode()


def test_a_right_request_is_billed_once(asker):
    response = asker.send(body(asker))

    assert (200, 10000) == (response.status_code, response.json()["code"])
    assert (1, 0) == (asker.service.billed, asker.service.ledger.count("refused"))


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": None}, "MissingAuthenticationToken"),
        ({"Authorization": "Bearer x"}, "MissingSignature"),
        ({"X-Date": None}, "InvalidTimestamp"),
        ({"X-Date": "20259999T999999Z"}, "InvalidTimestamp"),
        ({"X-Date": "2025-08-18 09:19:58"}, "InvalidTimestamp"),
        ({"X-Content-Sha256": None}, "SignatureDoesNotMatch"),
        ({"X-Content-Sha256": "0" * 64}, "SignatureDoesNotMatch"),
        ({"Content-Type": None}, "SignatureDoesNotMatch"),
        ({"Content-Type": "text/plain"}, "SignatureDoesNotMatch"),
        ({"Host": "visual.volcengineapi.com"}, "SignatureDoesNotMatch"),
    ],
)
def test_a_missing_or_changed_header_is_refused(asker, headers, code):
    refused(asker.send(body(asker), headers=headers), code, asker.service)


def test_headers_that_a_proxy_adds_are_none_of_its_business(asker):
    assert 200 == asker.send(body(asker), headers={"Via": "x", "X-Trace": "y"}).status_code


def test_a_changed_body_is_refused(asker):
    sent = body(asker).replace(b'"seed": 1', b'"seed": 2')

    refused(asker.send(body(asker), sent=sent), "SignatureDoesNotMatch", asker.service)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (("AKLTUNKNOWN", "c2VjcmV0", ""), "InvalidAccessKey"),
        (("", "d3Jvbmc=", ""), "SignatureDoesNotMatch"),
    ],
)
def test_wrong_keys_are_refused(asker, keys, code):
    keys = (keys[0] or asker.service.access_key, *keys[1:])

    refused(asker.send(body(asker), keys=keys), code, asker.service)


@pytest.mark.parametrize("scope", [("iam", "cn-north-1"), ("cv", "cn-beijing")])
def test_another_scope_is_refused(asker, scope):
    refused(asker.send(body(asker), scope=scope), "SignatureDoesNotMatch", asker.service)


@pytest.mark.parametrize("age_s", [910, -910, 86_400])
def test_a_date_more_than_15_minutes_off_is_refused(asker, age_s):
    refused(asker.send(body(asker), age_s=age_s), "InvalidTimestamp", asker.service)


@pytest.mark.parametrize("age_s", [0, 880, -880])
def test_a_date_within_15_minutes_is_accepted(asker, age_s):
    assert 200 == asker.send(body(asker), age_s=age_s).status_code


def test_dates_are_judged_by_its_own_clock(asker):
    asker.service.clock_offset_s = 7200.0

    assert 200 == asker.send(body(asker)).status_code
    asker.service.reset()
    refused(asker.send(body(asker), age_s=7200), "InvalidTimestamp", asker.service)


def test_a_session_token_must_be_sent_signed_and_right(asker):
    service = asker.service
    service.keys = {service.access_key: (service.secret_key, "STSTOKEN")}
    keys = (service.access_key, service.secret_key)

    assert 200 == asker.send(body(asker), keys=(*keys, "STSTOKEN")).status_code
    service.reset()
    refused(asker.send(body(asker), keys=(*keys, "")), "SignatureDoesNotMatch", service)
    service.reset()
    refused(asker.send(body(asker), keys=(*keys, "OTHER")), "InvalidAccessKey", service)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "MissingParameter"),
        ({"Action": "CVProcess"}, "MissingParameter"),
        ({"Action": "CVProcess", "Version": "2020-08-26"}, "InvalidActionOrVersion"),
        ({"Action": "Other", "Version": "2022-08-31"}, "InvalidActionOrVersion"),
    ],
)
def test_another_action_or_version_is_refused(asker, query, code):
    refused(asker.send(body(asker), query=query), code, asker.service)
