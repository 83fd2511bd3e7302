"""The report of a run, as workflows and people read it."""

from __future__ import annotations

import json

from to_paint import ALL, KEPT, PAID, job
from volc_inpaint.nodes.jobs.job import Outcome, Receipt
from volc_inpaint.nodes.paying.report import batch, links, report, summary
from volc_inpaint.nodes.words import Text


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
    two = Outcome(job(5, 2, 11), "paid", receipt=Receipt(urls=("https://a/2", "https://a/3")))

    assert "https://a/1\nhttps://a/2\nhttps://a/3" == links([PAID, KEPT, two])
    assert "" == links([KEPT])


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
