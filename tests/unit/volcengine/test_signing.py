"""Every stage of a signature, against the vendor's published vectors and its SDK's signer."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from volc_inpaint.nodes.volcengine import signing
from volc_inpaint.nodes.volcengine.auth import VolcengineAuth
from volc_inpaint.nodes.volcengine.credentials import Credentials
from volcengine.auth.SignerV4 import SignerV4
from volcengine.auth.SignParam import SignParam
from volcengine.Credentials import Credentials as SdkCredentials

# Four published at https://www.volcengine.com/docs/6369/67269 and 67270, five from the official SDK's signer.
VECTORS = json.loads((Path(__file__).parent / "signing_vectors.json").read_bytes())
every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])


def signed_headers(vector: dict) -> dict[str, str]:
    """The headers a vector signs, with the values it gives."""
    values = {
        "Content-Type": vector["content_type"],
        "Host": vector["host"],
        "X-Content-Sha256": hashlib.sha256(vector["body"].encode()).hexdigest(),
        "X-Date": vector["date"],
        "X-Security-Token": vector["session_token"],
    }
    return {
        name: value for name, value in values.items() if name.lower() in vector["signed_headers"]
    }


def seconds(date: str) -> float:
    return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()


def test_there_are_nine_vectors():
    assert 9 == len(VECTORS)


@every_vector
def test_the_canonical_request_is_the_published_one(vector):
    actual = signing.canonical_request(
        vector["method"],
        vector["path"],
        [(name, value) for name, value in vector["query"]],
        signed_headers(vector),
        signing.sha256_hex(vector["body"].encode()),
    )

    assert vector["canonical_request"] == actual


@every_vector
def test_the_string_to_sign_is_the_published_one(vector):
    scope = signing.credential_scope(vector["date"], vector["region"], vector["service"])
    actual = signing.string_to_sign(vector["date"], scope, vector["canonical_request"])

    assert vector["string_to_sign"] == actual


@every_vector
def test_the_signature_is_the_published_one(vector):
    key = signing.signing_key(
        vector["secret_key"], vector["date"], vector["region"], vector["service"]
    )

    assert vector["signature"] == signing.signature(key, vector["string_to_sign"])


@every_vector
def test_the_authorization_names_key_scope_headers_and_signature(vector):
    names = signing.signed_header_names(signed_headers(vector))
    scope = signing.credential_scope(vector["date"], vector["region"], vector["service"])
    actual = signing.authorization(vector["access_key"], scope, names, vector["signature"])

    expected = (
        f"HMAC-SHA256 Credential={vector['access_key']}/{vector['date'][:8]}/{vector['region']}/"
        f"{vector['service']}/request, SignedHeaders={';'.join(vector['signed_headers'])}, "
        f"Signature={vector['signature']}"
    )
    assert expected == actual


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS if "x-content-sha256" in vector["signed_headers"]],
    ids=lambda vector: vector["name"],
)
def test_the_auth_class_gives_a_request_the_published_signature(vector):
    request = requests.Request(
        vector["method"],
        f"https://{vector['host']}{vector['path']}",
        params=[(name, value) for name, value in vector["query"]],
        data=vector["body"].encode(),
        headers={"Content-Type": vector["content_type"]} if vector["content_type"] else {},
        auth=VolcengineAuth(
            Credentials(vector["access_key"], vector["secret_key"], vector["session_token"]),
            vector["region"],
            vector["service"],
            clock=lambda: seconds(vector["date"]),
        ),
    ).prepare()

    assert request.headers["Authorization"].endswith(
        f"SignedHeaders={';'.join(vector['signed_headers'])}, Signature={vector['signature']}"
    )


def test_an_empty_path_is_the_root():
    assert "GET\n/\n" == signing.canonical_request("GET", "", [], {}, "")[:6]


def test_white_space_around_a_header_does_not_count():
    headers = {"X-Date": " 20250818T091958Z\t", "Host": "x.example "}
    actual = signing.canonical_request("GET", "/", [], headers, "digest")

    assert "GET\n/\n\nhost:x.example\nx-date:20250818T091958Z\n\nhost;x-date\ndigest" == actual


def test_a_path_is_encoded_but_for_its_slashes():
    assert "GET\n/a%20b/%E7%8B%97~\n" in signing.canonical_request("GET", "/a b/狗~", [], {}, "")


def test_the_query_is_sorted_by_its_encoded_names():
    # as encoded texts "%7B" < "A" < "a", although "{" > "a"
    assert "%7B=1&A=2&a=3" == signing.canonical_query([("a", "3"), ("{", "1"), ("A", "2")])


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
# The SDK sorts names as they are, the documentation as they are encoded; only queries that sort alike are compared.
name = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
key = st.text(st.sampled_from("ABCXYZabcxyz0189+/="), min_size=1, max_size=60)


def sdk_authorization(
    method: str,
    host: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    keys: tuple[str, str, str],
    moment: datetime,
) -> str:
    """The `Authorization` that the official SDK's signer gives the same request."""
    param = SignParam()
    param.host, param.method, param.path, param.body = host, method, "/", body
    param.query, param.header_list, param.date = dict(query), {"Host": host, **headers}, moment
    access, secret, token = keys
    credentials = SdkCredentials(access, secret, "cv", "cn-north-1", token)
    return SignerV4.sign_only(param, credentials).authorization


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    query=st.dictionaries(name, text, max_size=5).filter(
        lambda query: sorted(query) == sorted(query, key=lambda name: quote(name, safe=""))
    ),
    body=st.binary(max_size=300) | text.map(str.encode),
    keys=st.tuples(key, key, st.just("") | key),
    moment=st.integers(946_684_800, 4_102_444_799),  # 2000 to 2099
    json_type=st.booleans(),
)
def test_the_official_sdk_signs_alike(method, query, body, keys, moment, json_type):
    host = "visual.volcengineapi.com"
    headers = {"Content-Type": "application/json"} if json_type or method != "GET" else {}
    moment = datetime.fromtimestamp(moment, timezone.utc)
    expected = sdk_authorization(method, host, query, headers, body, keys, moment)

    actual = requests.Request(
        method,
        f"https://{host}/",
        params=query,
        data=body,
        headers=headers,
        auth=VolcengineAuth(Credentials(*keys), clock=moment.timestamp),
    ).prepare()

    assert expected == actual.headers["Authorization"]


@settings(derandomize=True, max_examples=60, deadline=None)
@given(port=st.integers(1, 65535), body=st.binary(max_size=50))
def test_the_official_sdk_signs_alike_on_any_port(port, body):
    moment = datetime(2025, 8, 18, 9, 19, 58, tzinfo=timezone.utc)
    keys = ("AKLTEXAMPLE", "c2VjcmV0", "")
    headers = {"Content-Type": "application/json"}
    expected = sdk_authorization("POST", f"127.0.0.1:{port}", {}, headers, body, keys, moment)

    actual = requests.Request(
        "POST",
        f"http://127.0.0.1:{port}/",
        data=body,
        headers=headers,
        auth=VolcengineAuth(Credentials(*keys), clock=moment.timestamp),
    ).prepare()

    assert expected == actual.headers["Authorization"]
