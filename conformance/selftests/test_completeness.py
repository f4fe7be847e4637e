"""The ledger: every field and every box has a row, every row has an answer, and no id ever changes.

A new row is entered by: python -m conformance list | cut -f1 | sort > conformance/selftests/data/rows.txt
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from openai.resources.chat.completions import Completions as Chat
from openai.resources.completions import Completions
from openai.resources.embeddings import Embeddings

from conformance.checklist.claims import claims_of, documented_boxes
from conformance.checklist.values import VALUES
from conformance.judge.catalogue import catalogue

METHODS = {"chat": Chat.create, "completions": Completions.create, "embeddings": Embeddings.create}
PROBED = ("chat", "completions", "embeddings", "models", "errors", "clients", "native")
OF_THE_CLIENT = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}


@pytest.mark.parametrize("endpoint", METHODS)
def test_every_field_of_the_sdk_has_a_row_and_values(endpoint):
    fields = set(inspect.signature(METHODS[endpoint]).parameters) - OF_THE_CLIENT
    assert len(fields) >= 5
    assert {field for field in fields if f"{endpoint}/fields/{field}" not in catalogue()} == set()
    assert fields - set(VALUES[endpoint]) == set()


def test_every_box_of_the_newest_page_has_a_row_in_the_pages_order():
    claims = claims_of("ollama", "0.32.15")
    boxes = [box.row for box in claims.boxes if not box.note]
    assert len(boxes) > 75
    assert [row for row in catalogue() if row in boxes] == sorted(boxes, key=list(catalogue()).index)
    for endpoint in ("chat", "completions", "embeddings"):
        tops = [row for row in boxes if row.startswith(f"{endpoint}/") and row.count("/") == 2]
        assert [row for row in catalogue() if row in tops] == tops


def test_every_row_of_the_probed_endpoints_is_answered_and_says_what_it_is_about():
    for row in catalogue().values():
        if row.endpoint in PROBED:
            assert bool(row.probe) + bool(row.rule) + bool(row.parts) == 1, row.id
            assert len(row.about) > 10, row.id
            assert row.heading
            assert row.chance == "0" or "below" in row.chance, row.id


def test_ids_are_stable():
    known = Path(__file__).with_name("data").joinpath("rows.txt").read_text(encoding="utf-8").split()
    assert sorted(catalogue()) == known


def test_boxes_of_every_release_have_rows():
    assert set(documented_boxes()) <= set(catalogue())
