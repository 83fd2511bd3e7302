"""The report of a run, as workflows and people read it."""

from __future__ import annotations

import json

from volc_inpaint.nodes.jobs.job import Job, Outcome
from volc_inpaint.nodes.paying.report import (
    batch,
    copies_notes,
    link_notes,
    links,
    missing_notes,
    report,
    summary,
)
from volc_inpaint.nodes.volcengine.models import INPAINTING_EDIT
from volc_inpaint.nodes.volcengine.request import Request
from volc_inpaint.nodes.words import Text


def job(index: int, image: int, seed: int) -> Job:
    return Job(index, image, Request(INPAINTING_EDIT), "pixels", seed)


NOTE = Text("note", "甲")
PAID = Outcome(
    job(1, 1, 7), "paid", value="picture", urls=("https://a/1",), request_id="R1", code=10000,
    message="Success", elapsed_s=2.17, received_at=1_755_508_798.0, notes=(Text("note", "甲"),),
)  # fmt: skip
KEPT = Outcome(job(2, 1, 8), "journal", value="picture", request_id="R2", code=10000, elapsed_s=1.0)
FAILED = Outcome(
    job(3, 1, 9),
    "failed",
    request_id="R3",
    code=50413,
    message="line\n行",
    notes=(Text("note", "甲"),),
)
UNKNOWN = Outcome(job(4, 2, 10), "unknown", code=0, message="no answer")
ALL = [PAID, KEPT, FAILED, UNKNOWN]


def test_the_report_has_the_fields_of_the_contract():
    actual = json.loads(report([PAID], regions=[(1, 2, 30, 40)], notes=[Text("mine", "我的")]))

    expected = {
        "paid": 1,
        "from_journal": 0,
        "failed": 0,
        "unknown": 0,
        "variants": [
            {
                "index": 1,
                "image": 1,
                "seed": 7,
                "status": "paid",
                "request_id": "R1",
                "code": 10000,
                "message": "Success",
                "elapsed_s": 2.17,
                "size": None,
                "url": "https://a/1",
                "url_expires_at": "2025-08-19T09:19:58Z",
            }
        ],
        "region": [1, 2, 30, 40],
        "notes": ["mine / 我的", "note / 甲"],
    }
    assert expected == actual


def test_each_status_is_counted():
    expected = {
        "paid": 1,
        "from_journal": 1,
        "failed": 1,
        "unknown": 1,
        "pictures": 2,
        "notes": [{"en": "note", "zh": "甲"}],
    }

    assert expected == summary(ALL)


def test_variants_keep_their_order_and_their_reasons():
    variants = json.loads(report(ALL))["variants"]

    assert [(1, "paid"), (2, "journal"), (3, "failed"), (4, "unknown")] == [
        (variant["index"], variant["status"]) for variant in variants
    ]
    assert (50413, "line\n行", "R3") == tuple(
        variants[2][name] for name in ("code", "message", "request_id")
    )
    assert ["https://a/1", "", "", ""] == [variant["url"] for variant in variants]
    assert ["2025-08-19T09:19:58Z", "", "", ""] == [
        variant["url_expires_at"] for variant in variants
    ]


def test_regions_of_several_pictures_are_all_there():
    actual = json.loads(report(ALL, regions=[(0, 0, 64, 64), (5, 6, 70, 80)]))

    assert [0, 0, 64, 64] == actual["region"]
    assert [[0, 0, 64, 64], [5, 6, 70, 80]] == actual["regions"]


def test_without_a_region_there_is_none():
    assert {"region", "regions"}.isdisjoint(json.loads(report(ALL)))


def test_chinese_stays_readable():
    assert "note / 甲" in report([PAID])


def test_fields_of_one_node_stand_before_the_notes():
    assert ["coverage", "notes"] == list(json.loads(report(ALL, coverage=0.5)))[-2:]


def test_links_are_one_a_line_in_order():
    two = Outcome(job(5, 2, 11), "paid", urls=("https://a/2", "https://a/3"))

    assert "https://a/1\nhttps://a/2\nhttps://a/3" == links([PAID, KEPT, two])
    assert "" == links([KEPT])


def test_pictures_without_the_link_asked_for_are_named_once():
    assert [] == link_notes([PAID, KEPT], return_url=False)
    assert [] == link_notes([PAID], return_url=True)
    (note,) = link_notes([PAID, KEPT], return_url=True)
    assert "variant 2:" in note.english
    assert "变体 2 " in note.chinese


def test_a_run_of_nothing_is_a_report_too():
    expected = {
        "paid": 0,
        "from_journal": 0,
        "failed": 0,
        "unknown": 0,
        "variants": [],
        "notes": [],
    }

    assert expected == json.loads(report([]))


def test_of_several_pictures_each_has_its_region_and_an_unsent_one_none():
    actual = json.loads(report([PAID], regions=[None, (1, 2, 30, 40), None]))

    assert [1, 2, 30, 40] == actual["region"]
    assert [None, [1, 2, 30, 40], None] == actual["regions"]


def test_the_batch_says_which_place_is_which():
    # of three pictures with two variants each: all of the first, one of the second, the third as it was
    actual = batch([0, 1, 3, 4, 5], 2, kept=[4, 5])

    assert [1, 2, 3, 4, 5] == [entry["place"] for entry in actual]
    assert [1, 1, 2, 3, 3] == [entry["image"] for entry in actual]
    assert [1, 2, 2, 1, 2] == [entry["variant"] for entry in actual]
    assert [False, False, False, True, True] == [entry["untouched"] for entry in actual]


def test_what_is_not_in_the_batch_is_named():
    assert [] == missing_notes([PAID, KEPT], [PAID, KEPT])

    (note,) = missing_notes(ALL, [PAID, KEPT])

    assert "picture 1 variant 3; picture 2." in note.english
    assert "图片 1 的变体 3；图片 2。" in note.chinese
    assert "require_all" in note.english
    assert "require_all" in note.chinese


def test_copies_are_named_unless_their_seeds_were_drawn():
    request = Request(INPAINTING_EDIT)
    keys = {1: "a", 2: "b", 3: "a", 4: "a", 5: "c"}
    jobs = [Job(n, n, request, key, seed=1) for n, key in keys.items()]

    (note,) = copies_notes(Outcome(job, "paid") for job in jobs)

    assert "Pictures 1, 3, 4 are the same" in note.english
    assert "图片 1、3、4 " in note.chinese
    drawn = [Job(n, n, request, "a", seed=n, drawn=True) for n in (1, 2)]
    assert [] == copies_notes(Outcome(job, "paid") for job in drawn)
