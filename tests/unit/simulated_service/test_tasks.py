"""Submitted tasks: their states, their one bill, their loss, and what asking for them takes."""

from __future__ import annotations

import base64
import io
import json
import time
from typing import Any

import numpy as np
import pytest
from PIL import Image
from simulated_service.faults import Fault

SUBMIT = {"Action": "CVSync2AsyncSubmitTask", "Version": "2022-08-31"}
QUERY = {"Action": "CVSync2AsyncGetResult", "Version": "2022-08-31"}
MODEL = "jimeng_image2image_dream_inpaint"


@pytest.fixture
def tasks(asker):
    service = asker.service
    yield Tasks(asker)
    service.queue_s, service.task_life_s = 0.0, 12 * 3600.0


class Tasks:
    """Submits and asks, right requests unless told otherwise."""

    def __init__(self, asker: Any) -> None:
        self.asker, self.service = asker, asker.service

    def submit(self, query: dict[str, str] = SUBMIT, **changes: Any) -> Any:
        """The answer to a submission."""
        fields = {"custom_prompt": None, "req_key": MODEL, "prompt": "一只小狗", **changes}
        return self.asker.send(json.dumps(self.asker.fields(**fields)).encode(), query=query)

    def submitted(self, **changes: Any) -> str:
        """The number of a new task."""
        return str(self.submit(**changes).json()["data"]["task_id"])

    def ask(self, task_id: str, query: dict[str, str] = QUERY, **changes: Any) -> Any:
        """The answer about a task."""
        fields = {"req_key": MODEL, "task_id": task_id, **changes}
        return self.asker.send(json.dumps(fields).encode(), query=query)

    def status(self, task_id: str) -> str:
        """How a task stands."""
        return str(self.ask(task_id).json()["data"]["status"])

    def left(self, task_id: str, *states: str) -> str:
        """How a task stands once it stands otherwise than `states`."""
        deadline = time.monotonic() + 30
        while (status := self.status(task_id)) in states:
            assert time.monotonic() < deadline
        return status

    def ended(self, task_id: str, **changes: Any) -> Any:
        """The answer about a task, once it has ended."""
        self.left(task_id, "in_queue", "generating")
        return self.ask(task_id, **changes)

    def done(self, task_id: str, **wishes: Any) -> bytes:
        """The picture of a task, once it is there."""
        assert self.left(task_id, "in_queue", "generating") == "done"
        data = self.ask(task_id, req_json=json.dumps(wishes)).json()["data"]
        return base64.b64decode(data["binary_data_base64"][0])


def test_the_official_sdk_submits_and_fetches(asker):
    from volcengine.visual.VisualService import VisualService

    sdk = VisualService()
    sdk.set_ak(asker.service.access_key)
    sdk.set_sk(asker.service.secret_key)
    sdk.set_host(asker.service.endpoint.removeprefix("http://"))
    fields = asker.fields(req_key=MODEL, custom_prompt=None, prompt="a dog")
    task_id = sdk.cv_sync2async_submit_task(fields)["data"]["task_id"]
    assert Tasks(asker).done(task_id)
    answer = sdk.cv_sync2async_get_result({"req_key": MODEL, "task_id": task_id})

    picture = Image.open(io.BytesIO(base64.b64decode(answer["data"]["binary_data_base64"][0])))
    assert (10000, (80, 64)) == (answer["code"], picture.size)
    assert ["billed"] == [call.state for call in asker.service.ledger.calls()]


def test_a_task_waits_is_generated_and_billed_once_whoever_asks(tasks):
    tasks.service.queue_s, tasks.service.latency_s = 60.0, 60.0
    queued = tasks.submitted()
    tasks.service.queue_s = 0.0
    generated = tasks.submitted(seed=2)

    assert ("in_queue", "generating") == (tasks.status(queued), tasks.left(generated, "in_queue"))
    assert (0, 2) == (tasks.service.billed, tasks.service.ledger.count("on_wire"))
    tasks.service.hangs.set()
    assert tasks.service.wait_for("billed", 2)
    assert {call.kind for call in tasks.service.ledger.calls("query")} == {"query"}
    first, again = tasks.done(queued), tasks.done(queued)
    assert first == again
    assert 2 == tasks.service.billed


def test_the_allowance_counts_tasks_that_run_and_no_questions(tasks):
    tasks.service.allowance, tasks.service.latency_s = 1, 60.0
    task_id = tasks.submitted()
    refused = tasks.submit(seed=2)

    assert (429, 50430) == (refused.status_code, refused.json()["code"])
    assert 200 == tasks.ask(task_id).status_code
    tasks.service.hangs.set()
    tasks.done(task_id)
    assert 200 == tasks.submit(seed=2).status_code
    assert 1 == tasks.service.ledger.peak


def test_an_unknown_a_lost_and_an_old_task_are_told_apart(tasks):
    assert "not_found" == tasks.status("123")
    task_id = tasks.submitted()
    tasks.done(task_id)
    tasks.service.task_life_s = 0.0
    assert "expired" == tasks.status(task_id)
    tasks.service.tasks.lose()
    assert "not_found" == tasks.status(task_id)
    assert 1 == tasks.service.billed


@pytest.mark.parametrize("loss", ["not_found", "expired"])
@pytest.mark.parametrize("billed", [False, True])
def test_a_task_can_be_lost_at_its_end_billed_or_not(tasks, loss, billed):
    tasks.service.fail(loss, on="task", billed=billed)
    task_id = tasks.submitted()

    assert loss == tasks.left(task_id, "in_queue", "generating")
    assert ["billed" if billed else "failed"] == [c.state for c in tasks.service.ledger.calls()]


def test_a_task_that_fails_answers_its_code_to_every_question_and_is_not_billed(tasks):
    tasks.service.fail(50511, on="task")
    task_id = tasks.submitted()
    deadline = time.monotonic() + 30
    while (answer := tasks.ask(task_id)).status_code == 200:
        assert time.monotonic() < deadline

    assert [50511, 50511] == [answer.json()["code"], tasks.ask(task_id).json()["code"]]
    assert 0 == tasks.service.billed


def test_a_question_that_is_refused_costs_nothing_and_harms_no_task(tasks):
    tasks.service.faults.set([Fault(50429, on="query"), Fault("html_504", on="query")])
    task_id = tasks.submitted()

    assert [429, 504] == [tasks.ask(task_id).status_code for _ in range(2)]
    assert 10000 == tasks.ask(task_id).json()["code"]
    assert tasks.done(task_id).startswith(b"\xff\xd8")
    assert 1 == tasks.service.billed


@pytest.mark.parametrize("billed", [False, True])
def test_a_submission_whose_answer_is_lost_runs_all_the_same_if_it_is_billed(tasks, billed):
    tasks.service.fail("html_504", billed=billed)

    assert 504 == tasks.submit().status_code
    assert tasks.service.wait_for("billed" if billed else "failed", 1)


def test_a_fault_of_a_picture_on_a_submission_does_not_go_unnoticed(tasks):
    tasks.service.fail("not_a_picture")

    assert 500 == tasks.submit().status_code
    assert ["failed"] == [call.state for call in tasks.service.ledger.calls()]


def test_watermark_and_label_are_asked_for_with_the_picture(tasks):
    task_id = tasks.submitted()
    plain = tasks.done(task_id)
    label = {"content_producer": "me", "producer_id": "1"}
    opaque, faint = (
        tasks.done(task_id, logo_info={"add_logo": True, **more}, aigc_meta=label)
        for more in ({}, {"opacity": 0.3})
    )

    def corner(file: bytes) -> Any:
        return np.asarray(Image.open(io.BytesIO(file)))[50:, 32:].astype(int)

    assert abs(corner(opaque) - corner(plain)).sum() > abs(corner(faint) - corner(plain)).sum() > 0
    assert json.dumps(label).encode() in opaque
    assert b"producer" not in plain
    data = tasks.ask(task_id, req_json=json.dumps({"return_url": True})).json()["data"]
    assert data["image_urls"][0].startswith(tasks.service.endpoint)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": 1}, {"steps": 25}, {"scale": 5.0}, {"logo_info": {}},
        {"return_url": True}, {"seed": -2}, {"query": {**SUBMIT, "Action": "CVProcess"}},
    ],
)  # fmt: skip
def test_a_submission_that_is_not_as_documented_is_refused(tasks, change):
    # https://www.volcengine.com/docs/85621/1976207
    answer = tasks.submit(**change)

    assert (400, 50215) == (answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("change", [{"prompt": " "}, {"prompt": None}])
def test_a_submission_without_a_prompt_misses_an_argument(tasks, change):
    # https://www.volcengine.com/docs/6444/69728
    assert 50201 == tasks.submit(**change).json()["code"]


@pytest.mark.parametrize(
    "change",
    [
        {"req_json": {"return_url": True}},
        {"req_json": json.dumps({"aigc_meta": {"producer_id": "1" * 257}})},
        {"req_json": '{"steps": 25}'},
        {"req_json": "{"},
        {"req_json": '{"aigc_meta": {"content_producer": "me"}}'},
        {"req_json": '{"aigc_meta": {"producer_id": 1}}'},
        {"req_json": '{"logo_info": {"opacity": 2}}'},
        {"req_key": "i2i_inpainting"},
        {"return_url": True},
    ],
)
def test_a_question_that_is_not_as_documented_is_refused(tasks, change):
    # https://www.volcengine.com/docs/85621/1976207
    answer = tasks.ask(**{"task_id": tasks.submitted(), **change})

    assert (400, 50215) == (answer.status_code, answer.json()["code"])


def test_a_file_beyond_the_siblings_limit_is_refused(tasks):
    # https://www.volcengine.com/docs/85621/1976207: 4.7 MB, here of base64 text
    noise = np.random.default_rng(0).integers(0, 256, (1100, 1100, 3), np.uint8)
    file, mask = io.BytesIO(), io.BytesIO()
    Image.fromarray(noise).save(file, "PNG", compress_level=0)
    Image.fromarray(np.full((1100, 1100), 255, np.uint8)).save(mask, "PNG")
    pictures = tasks.asker.files(file.getvalue(), mask.getvalue())
    assert 3_525_000 < len(file.getvalue()) < 5_000_000

    for changes in ({}, {"req_key": "i2i_inpainting", "prompt": None, "query": {**SUBMIT, "Action": "CVProcess"}}):  # fmt: skip
        answer = tasks.submit(binary_data_base64=pictures, **changes)
        assert (400, 50215) == (answer.status_code, answer.json()["code"])
    assert 200 == tasks.asker.ask(binary_data_base64=pictures).status_code


def test_erasing_takes_no_prompt_and_its_own_fields(asker):
    # https://www.volcengine.com/docs/6791/1223709
    fields = {
        "req_key": "i2i_inpainting", "custom_prompt": None, "steps": 30, "scale": 7, "seed": 0,
        "strength": 0.8, "dilate_size": 15, "quality": "M", "return_url": True,
    }  # fmt: skip
    assert 10000 == asker.ask(**fields).json()["code"]
    # the watermark as in the typed SDK, the Python package volcengine-python-sdk 5.0.54
    mark = {"add_logo": True, "position": 2, "language": 1, "logo_text_content": "demo"}
    assert 10000 == asker.ask(**fields, logo_info=mark).json()["code"]
    faint = {"logo_info": {**mark, "opacity": 0.5}}
    for change in ({"custom_prompt": "a"}, {"strength": 0}, {"quality": "X"}, faint):
        assert 50215 == asker.ask(**{**fields, **change}).json()["code"]


def test_a_question_for_no_task_misses_an_argument(tasks):
    # https://www.volcengine.com/docs/6444/69728
    assert 50201 == tasks.ask(task_id=1).json()["code"]


def picture(answer) -> Image.Image:
    (text,) = answer.json()["data"]["binary_data_base64"]
    return Image.open(io.BytesIO(base64.b64decode(text)))


EXTEND = "jimeng_img2img_seed3_painting_edit"


@pytest.mark.parametrize("prompt", ["", "a beach", "x" * 800])
def test_the_outpainter_takes_canvas_and_mask_without_a_prompt_and_answers_a_png(tasks, prompt):
    # https://www.volcengine.com/docs/85621/2375477
    task_id = tasks.submitted(req_key=EXTEND, prompt=prompt)

    assert "PNG" == picture(tasks.ended(task_id, req_key=EXTEND)).format
    assert "JPEG" == picture(tasks.ended(tasks.submitted())).format


def test_the_outpainter_takes_no_prompt_beyond_its_limit(tasks):
    # https://www.volcengine.com/docs/85621/2375477
    assert 50215 == tasks.submit(req_key=EXTEND, prompt="x" * 801).json()["code"]


def test_a_link_comes_instead_of_the_picture(tasks):
    # https://www.volcengine.com/docs/85621/1976207, sample of an answer
    task_id = tasks.submitted()
    data = tasks.ended(task_id, req_json='{"return_url": true}').json()["data"]

    assert data["binary_data_base64"] is None
    assert 1 == len(data["image_urls"])


def test_a_task_whose_algorithm_failed_is_done_without_a_picture_and_unbilled(tasks):
    tasks.service.fail("algorithm_failed", on="task")
    answer = tasks.ended(tasks.submitted()).json()

    assert (10000, "done") == (answer["code"], answer["data"]["status"])
    assert 201304 == answer["data"]["algorithm_base_resp"]["status_code"]
    assert answer["data"]["binary_data_base64"] is None
    assert 0 == tasks.service.billed


def test_each_interface_is_activated_by_itself(asker, tasks):
    tasks.service.configure({"activated": [EXTEND]})

    assert 50400 == asker.ask().json()["code"]
    assert 50400 == tasks.submit().json()["code"]
    assert 10000 == tasks.submit(req_key=EXTEND).json()["code"]


def test_a_retired_interface_is_no_more(asker, tasks):
    asker.service.configure({"retired": {"img2img_inpainting_edit_zi2i": 50402}})

    assert 50402 == asker.ask().json()["code"]
    assert 10000 == tasks.submit().json()["code"]


@pytest.mark.parametrize(("code", "status"), [("InvalidActionOrVersion", 404), (50402, 404)])
def test_the_classic_may_be_called_as_a_pair_only(asker, tasks, code, status):
    classic = {"req_key": "img2img_inpainting_edit_zi2i", "prompt": None, "custom_prompt": "a"}
    assert 50215 == tasks.submit(**classic).json()["code"]
    asker.service.configure({"pair_only": code})

    assert status == asker.ask().status_code
    assert 50215 == tasks.submit(**classic, return_url=True).json()["code"]
    task_id = tasks.submitted(**classic, steps=25, scale=5.0)
    assert "done" == tasks.ended(task_id, req_key=classic["req_key"]).json()["data"]["status"]
