"""The check of the keys: every interface asked without buying, each answer with its verdict, in both languages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from peer import answering, http, peer, read_request
from simulated_service import SimulatedService
from volc_inpaint.nodes.host.check import check_keys
from volc_inpaint.nodes.volcengine.models import INTERFACES

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from peer import Peer

ACCESS = "AKLTTESTTESTTESTTESTTESTTESTTESTTESTTESTTEST9876"
SECRET = "UExBTlRFRC1TRUNSRVQtT0YtVEhFLVNFVFRJTkdTLVBBR0U="
ALL = [
    "img2img_inpainting_edit_zi2i",
    "jimeng_image2image_dream_inpaint",
    "i2i_inpainting",
    "jimeng_img2img_seed3_painting_edit",
    "saliency_seg",
    "entity_seg",
]


def check(
    folder: Path, endpoint: str, access: str = ACCESS, secret: str = SECRET, **environ: str
) -> dict[str, Any]:
    saved = folder / "credentials.json"
    saved.write_text(json.dumps({"access_key": access, "secret_key": secret}))
    answer = check_keys(saved, {"VOLC_ENDPOINT": endpoint, **environ}, folder / "home")
    assert SECRET not in json.dumps(answer)
    assert ACCESS not in json.dumps(answer)
    return answer


def verdicts(answer: dict[str, Any]) -> dict[str, str]:
    return {row["model"]: row["verdict"] for row in answer["rows"]}


def test_good_keys_check_without_buying(tmp_path):
    with SimulatedService(ACCESS, SECRET) as service:
        answer = check(tmp_path, service.endpoint)

        assert (True, "ok", None) == (answer["ok"], answer["code"], answer["message"])
        assert dict.fromkeys(ALL, "activated") == verdicts(answer)
        assert 0 == service.billed
        assert (len(ALL), 0) == (service.ledger.count("refused"), service.ledger.count("received"))


def test_one_interface_of_all_is_enough_and_the_others_say_where_they_are_activated(tmp_path):
    with SimulatedService(ACCESS, SECRET) as service:
        service.activated = ["jimeng_image2image_dream_inpaint"]
        answer = check(tmp_path, service.endpoint)

    expected = dict.fromkeys(ALL, "not_activated") | {
        "jimeng_image2image_dream_inpaint": "activated"
    }
    assert (True, "ok") == (answer["ok"], answer["code"])
    assert expected == verdicts(answer)
    for row in answer["rows"]:
        assert ("https://console.volcengine.com/ai/ability" in row["link"]) == (
            row["verdict"] == "not_activated"
        )
        assert row["says"]["en"]
        assert row["says"]["zh"]
        assert row["message"] is None


def test_an_account_that_activated_nothing_is_told_so_with_every_link(tmp_path):
    with SimulatedService(ACCESS, SECRET) as service:
        service.activated = []
        answer = check(tmp_path, service.endpoint)

    assert (False, "not_activated") == (answer["ok"], answer["code"])
    assert dict.fromkeys(ALL, "not_activated") == verdicts(answer)
    assert all(row["link"] for row in answer["rows"])


@pytest.mark.parametrize("gone", [50402, "InvalidActionOrVersion"])
def test_a_classic_that_is_called_as_a_task_by_now_is_asked_for_so(tmp_path, gone):
    with SimulatedService(ACCESS, SECRET) as service:
        service.pair_only = gone
        answer = check(tmp_path, service.endpoint)

        assert dict.fromkeys(ALL, "activated") == verdicts(answer)
        assert 0 == service.billed


def test_a_classic_that_is_no_more_in_any_way_is_told_so(tmp_path):
    with SimulatedService(ACCESS, SECRET) as service:
        service.retired = {"img2img_inpainting_edit_zi2i": 50402}
        answer = check(tmp_path, service.endpoint)

    expected = dict.fromkeys(ALL, "activated") | {"img2img_inpainting_edit_zi2i": "not_activated"}
    assert expected == verdicts(answer)


@pytest.mark.parametrize(
    ("code", "access", "secret", "clock_s", "words"),
    [
        ("unknown_key", ACCESS[:4] + ACCESS[:3:-1], SECRET, 0, "does not know this access key"),
        ("wrong_secret", ACCESS, SECRET[::-1], 0, "does not belong to the access key"),
        ("clock", ACCESS, SECRET, 3600, "clock"),
    ],
)
def test_wrong_keys_are_told_apart_at_the_first_question(
    tmp_path, code, access, secret, clock_s, words
):
    with SimulatedService(ACCESS, SECRET) as service:
        service.clock_offset_s = clock_s
        answer = check(tmp_path, service.endpoint, access, secret)

        assert (False, code, []) == (answer["ok"], answer["code"], answer["rows"])
        assert words in answer["message"]["en"]
        assert (0, 1) == (service.billed, service.ledger.count(None))


# Bodies in the shapes of https://www.volcengine.com/docs/86081/1804490 and https://www.volcengine.com/docs/6369/68677
GATEWAY = '{"ResponseMetadata":{"RequestId":"R1","Error":{"CodeN":%d,"Code":"%s","Message":"m"}}}'
BUSINESS = '{"code":%d,"data":null,"message":"m","request_id":"R1","status":%d}'


@pytest.mark.parametrize(
    ("code", "status", "body", "words"),
    [
        ("not_activated", 400, BUSINESS % (50400, 50400), "not activated"),
        ("not_activated", 401, BUSINESS % (50400, 50400), "not activated"),
        ("no_permission", 403, GATEWAY % (100012, "LackPolicy"), "CVFullAccess"),
        ("no_permission", 403, GATEWAY % (100013, "AccessDenied"), "CVFullAccess"),
        ("ok", 400, BUSINESS % (50215, 50215), ""),
        ("ok", 429, BUSINESS % (50430, 50430), ""),
        ("refused", 500, BUSINESS % (50500, 50500), "internal error"),
        ("refused", 401, GATEWAY % (100003, "MissingAuthenticationToken"), "R1"),
        ("no_service", 200, "", "Something else"),
        ("no_service", 504, "<html></html>", "Something else"),
        ("no_service", 302, "", "Something else"),
    ],
)
def test_each_answer_of_the_service_gets_its_verdict(tmp_path, code, status, body, words):
    with peer(answering(http(body.encode(), f"{status} X"))) as service:
        answer = check(tmp_path, service.url)

    assert (code == "ok", code) == (answer["ok"], answer["code"])
    message = answer["message"]["en"] if answer["message"] else ""
    assert words in message
    assert "billed" not in message or "Nothing was billed" in message


def mixed(connection: socket.socket, seen: Peer) -> None:
    """One interface may not be used by the key, another is missing, the next is broken, the rest cannot tell."""
    while request := read_request(connection):
        model = ALL.index(json.loads(request.partition(b"\r\n\r\n")[2])["req_key"])
        seen.requests.append(request)
        replies = {
            0: http((GATEWAY % (100012, "LackPolicy")).encode(), "403 X"),
            1: http((BUSINESS % (50402, 50402)).encode(), "404 X"),
            2: http((BUSINESS % (50500, 50500)).encode(), "500 X"),
        }
        connection.sendall(replies.get(model, http((BUSINESS % (50204, 50204)).encode(), "400 X")))


def test_interfaces_that_answer_differently_have_a_row_and_a_reason_each(tmp_path):
    with peer(mixed) as service:
        answer = check(tmp_path, service.url)

    assert (True, 1) == (answer["ok"], service.connections)
    expected = ["no_permission", "not_activated", "refused"] + ["cannot_tell"] * (len(ALL) - 3)
    assert expected == [row["verdict"] for row in answer["rows"]]
    reasons = [row["message"] for row in answer["rows"]]
    assert "CVFullAccess" in reasons[0]["en"]
    assert "CVFullAccess" in reasons[0]["zh"]
    assert "internal error" in reasons[2]["en"]
    assert "服务内部错误" in reasons[2]["zh"]
    assert [None] * (len(ALL) - 3) == reasons[3:]


def test_each_request_names_its_interface_and_carries_no_picture(tmp_path):
    with peer(mixed) as service:
        check(tmp_path, service.url)

    sent = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in service.requests]
    assert [{"req_key": name} for name in ALL] == sent
    actions = [request.split(b"Action=")[1].split(b"&")[0].decode() for request in service.requests]
    assert [model.action for model in INTERFACES.values()] == actions


def test_no_network_is_told_with_the_reason_and_nothing_of_a_bill(tmp_path):
    with peer(answering(b"")) as service:
        pass  # nobody listens there any more
    answer = check(tmp_path, service.url)

    assert (False, "no_network", []) == (answer["ok"], answer["code"], answer["rows"])
    english, chinese = answer["message"]["en"], answer["message"]["zh"]
    assert "could not be reached (ConnectionRefusedError" in english
    assert "the keys were not checked" in english
    assert "无法连接火山引擎（ConnectionRefusedError" in chinese
    assert "billed" not in english


def test_an_answer_that_does_not_come_is_told_once(tmp_path):
    def serve(connection: socket.socket, seen: Peer) -> None:
        seen.requests.append(read_request(connection))
        connection.recv(1)

    with peer(serve) as service:
        answer = check(tmp_path, service.url, VOLC_TIMEOUT_S="1")

    assert ("no_network", 1) == (answer["code"], len(service.requests))
    assert "no answer within 1 s" in answer["message"]["en"]
    assert "billed" not in answer["message"]["en"]


@pytest.mark.parametrize("endpoint", ["http://example.com", "ftp://127.0.0.1", "nonsense"])
def test_a_check_never_signs_for_an_unsafe_endpoint(tmp_path, endpoint):
    answer = check(tmp_path, endpoint)

    assert (False, "refused") == (answer["ok"], answer["code"])
    assert "VOLC_ENDPOINT" in answer["message"]["en"]
