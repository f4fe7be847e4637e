"""A new endpoint is five files, added, and no change to others: /v1/rerank is put into a copy of the checkout."""

from __future__ import annotations

import pytest

from .scratch_clone import TOY_FILES, clone, evaluate_script, run_python

SCRIPT = """
import json
from dataclasses import replace

from conformance.judge.catalog import load_catalog
from conformance.probes.endpoints import HEADINGS
from conformance.selftests.asking import asker_of, examined, rows
from conformance.selftests.servers import HonoursEverything, strips

NAMES = [row.id for row in rows() if row.id.startswith(("rerank/", "errors/rerank/"))]


class Spoils(HonoursEverything):
    def answer(self, request):
        reply = super().answer(request)
        return replace(reply, body=reply.body.replace(b"relevance_score", b"score"))


def asked(server):
    asker = asker_of(server)
    found = {name: examined(name, asker.send) for name in NAMES}
    rules = [row for row in load_catalog().values() if row.rule and row.endpoint == "rerank"]
    found |= {row.id: row.rule(asker.cache.all()) for row in rules}
    return {name: [str(finding.verdict), finding.reason] for name, finding in found.items()}


print(json.dumps({
    "catalog": list(load_catalog()),
    "headings": HEADINGS,
    "honoured": asked(HonoursEverything()),
    "stripped": asked(strips("top_n")),
    "spoiled": asked(Spoils()),
}))
"""

FIELDS = ("model", "query", "documents", "top_n")
RULES = {f"rerank/response/{name}" for name in ("schema", "model", "content_type")}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return clone(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def outcome(toy):
    return evaluate_script(toy, SCRIPT)


def test_it_is_five_files():
    assert len(TOY_FILES) == 5


def test_its_rows_come_before_those_of_the_groups_and_no_other_row_moves(outcome):
    rows = outcome["catalog"]
    ours = {row for row in rows if "rerank" in row}
    assert {f"rerank/fields/{field}" for field in FIELDS} | RULES <= ours
    assert outcome["headings"]["rerank"] == "/v1/rerank"
    assert list(outcome["headings"])[-5:] == ["rerank", "errors", "clients", "native", "operations"]
    from conformance.judge.catalog import load_catalog

    assert [row for row in rows if row not in ours] == list(load_catalog())


def test_its_errors_follow_from_its_required_fields_its_values_and_its_ranges(outcome):
    errors = {row.removeprefix("errors/rerank/") for row in outcome["catalog"] if row.startswith("errors/rerank/")}
    required = {"missing/model", "missing/query", "missing/documents"}
    wrong = {f"wrong_type/{field}" for field in FIELDS}
    assert errors == required | wrong | {"out_of_range/top_n", "unknown_model", "malformed_json", "not_an_object"}


def test_its_miniature_is_supported_in_every_row_errors_and_shared_rules_included(outcome):
    assert {row: found for row, found in outcome["honoured"].items() if found[0] != "supported"} == {}
    assert set(outcome["honoured"]) >= RULES


def test_a_field_that_is_stripped_is_ignored_and_no_other(outcome):
    bad = {row: found[0] for row, found in outcome["stripped"].items() if row.endswith("/top_n")}
    assert bad == dict.fromkeys(
        ("rerank/fields/top_n", "errors/rerank/wrong_type/top_n", "errors/rerank/out_of_range/top_n"), "ignored"
    )
    others = {row: found for row, found in outcome["stripped"].items() if row not in bad}
    assert {row: found for row, found in others.items() if found[0] != "supported"} == {}


def test_an_answer_that_breaks_its_schema_breaks_the_shared_rule(outcome):
    verdict, reason = outcome["spoiled"]["rerank/response/schema"]
    assert (verdict, reason) == ("broken", "results.*.relevance_score: is missing")


def test_the_command_knows_its_rows(toy):
    listed = run_python(toy, "-m", "conformance", "list").stdout.splitlines()
    assert "rerank/fields/top_n\t`top_n`" in listed


def test_the_miniature_is_seen_to_read_each_field_without_a_check_of_its_own(toy):
    ended = run_python(
        toy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "rerank", "conformance/selftests/test_servers.py"
    )
    assert f"{len(FIELDS)} passed" in ended.stdout, ended.stdout + ended.stderr


def test_the_self_tests_that_ask_every_endpoint_take_it_in_as_it_is(toy):
    names = ("test_endpoints", "test_rules", "test_completeness")
    files = [f"conformance/selftests/{name}.py" for name in names]
    ledger = run_python(toy, "-m", "conformance.selftests.ledger", "--write")
    assert ledger.returncode == 0, ledger.stdout + ledger.stderr
    ended = run_python(toy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_servers_that_ignore_or_strip_are_found_out_by_its_rows(toy):
    select = "rerank or always_random"
    files = [f"conformance/selftests/{name}.py" for name in ("test_probes", "test_stripping")]
    ended = run_python(toy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", select, *files)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_pytest_collects_its_rows(toy):
    ended = run_python(toy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:junitxml", "-p",
                       "conformance.runner.plugin", "--collect-only", "conformance/test_rerank.py")  # fmt: skip
    assert "test_rerank.py::test_rerank[rerank/fields/top_n]" in ended.stdout, ended.stdout + ended.stderr
