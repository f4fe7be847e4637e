"""Servers that would fool a careless probe: what has no effect is not supported, what has one is not ignored.

As in `test_probes.py`, no verdict here was taken from a run: of each server is said which rows are not what they
seem, and which verdicts the truth allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.probes.documents import keeps_to
from conformance.wire.client import Client
from conformance.wire.exchange import Call, Exchange

from .asking import asked, asker_of, examined, rows
from .servers import HonoursEverything, Server, fools, misleading

S, P, IGNORED = Verdict.SUPPORTED, Verdict.PARTIAL, Verdict.IGNORED
B, R, U = Verdict.BROKEN, Verdict.REJECTED, Verdict.INCONCLUSIVE


@dataclass(frozen=True, kw_only=True)
class Fool:
    """A server, the rows that it is about, and what may be said of them."""

    maker: Callable[[], Server]
    rows: tuple[str, ...]
    """Beginnings of row ids."""
    due: frozenset[Verdict]

    @property
    def about(self) -> list[str]:
        """The ids."""
        return [row.id for row in rows() if row.id.startswith(self.rows)]


def fool(maker: Callable[[], Server], due: set[Verdict], *names: str) -> Fool:
    return Fool(maker=maker, rows=names, due=frozenset(due))


ABSENT = {IGNORED, U}
"""The effect is not there: it is seen to be absent, or cannot be told."""
THERE = {P, B, U}
"""The effect is there, with something wrong about it."""

BOTH = ("chat/", "completions/")


def both(path: str) -> tuple[str, ...]:
    return tuple(endpoint + path for endpoint in BOTH)


DOCUMENTS = ("chat/fields/response_format/json_", "completions/features/json_mode")

BEHIND_THOUGHTS = ("tools", "tool_choice", "functions", "function_call", "parallel_tool_calls", "audio", "modalities",
                   "response_format", "web_search_options")  # fmt: skip
"""Fields whose effect is a call, sound, a document or a citation, which thoughts may come before."""

AFTER_THOUGHTS = tuple(f"chat/fields/{name}" for name in BEHIND_THOUGHTS)

VISIBLE = ("verbosity", "web_search_options", "modalities", "audio", "moderation", "metadata", "store")
"""Fields whose effect shows: that their values are checked proves nothing where it does not."""

FOOLS = {
    "caches_and_drops_the_seed": fool(fools.caches_and_drops_the_seed, ABSENT, *both("fields/seed")),
    "says_the_prompt_always": fool(fools.says_the_prompt_always, {IGNORED}, "completions/fields/echo"),
    "puts_the_suffix_behind": fool(fools.puts_the_suffix_behind_the_text, {IGNORED}, "completions/fields/suffix"),
    "refuses_n_and_drops_best_of": fool(fools.refuses_n_and_drops_best_of, ABSENT, "completions/fields/best_of"),
    "drops_roles_and_counts_them": fool(
        fools.drops_roles_and_counts_them,
        ABSENT,
        "chat/fields/messages/role/system",
        "chat/fields/messages/role/developer",
        "chat/fields/messages/system",
    ),
    "drops_roles_and_counts_what_is_new": fool(
        fools.drops_roles_and_counts_what_is_new,
        ABSENT,
        "chat/fields/messages/role/system",
        "chat/fields/messages/role/developer",
        "chat/fields/messages/system",
    ),
    "reads_the_first_part": fool(
        lambda: fools.reads_one_part(0), {P, IGNORED, U}, "chat/fields/messages/content_parts"
    ),
    "reads_the_last_part": fool(
        lambda: fools.reads_one_part(-1), {P, IGNORED, U}, "chat/fields/messages/content_parts"
    ),
    "reads_the_first_part_uncounted": fool(
        lambda: fools.reads_one_part(0, counts=False), {P, IGNORED, U}, "chat/fields/messages/content_parts"
    ),
    "reads_the_last_part_uncounted": fool(
        lambda: fools.reads_one_part(-1, counts=False), {P, IGNORED, U}, "chat/fields/messages/content_parts"
    ),
    "writes_parts_as_text": fool(
        fools.writes_parts_as_text,
        ABSENT,
        "chat/fields/messages/image/",
        "chat/fields/messages/input_audio",
        "chat/fields/messages/content_parts",
    ),
    "tells_the_odds_of_another_text": fool(
        fools.tells_the_odds_of_another_text, {B}, *both("fields/logprobs/"), "chat/fields/top_logprobs"
    ),
    "tells_odds_unasked": fool(
        fools.tells_odds_unasked, {IGNORED}, *both("fields/logprobs/"), "chat/fields/top_logprobs"
    ),
    "samples_where_a_penalty_is_named": fool(
        fools.samples_where_a_penalty_is_named,
        {*ABSENT, Verdict.BROKEN},
        *both("fields/frequency_penalty"),
        *both("fields/presence_penalty"),
    ),
    "mirrors_the_request": fool(
        fools.mirrors_the_request,
        ABSENT,
        *(f"chat/fields/{name}" for name in ("moderation", "metadata", "store", "prediction", "web_search_options")),
        "chat/fields/audio",
        "chat/fields/modalities",
        *both("fields/user"),
    ),
    "copies_the_first_choice": fool(fools.copies_the_first_choice, ABSENT, *both("fields/n/")),
    "leaves_other_choices_empty": fool(lambda: fools.copies_the_first_choice(""), ABSENT, *both("fields/n/")),
    "writes_space_for_ever": fool(
        fools.writes_space_for_ever, {U}, "chat/fields/response_format/json_", "completions/features/json_mode"
    ),
    "writes_space_in_the_object": fool(
        fools.writes_space_in_the_object, {U}, "chat/fields/response_format/json_", "completions/features/json_mode"
    ),
    "fences_what_should_be_json": fool(
        fools.fences_what_should_be_json,
        {U},
        "chat/fields/response_format/json_object",
        "chat/fields/response_format/json_schema",
        "completions/features/json_mode",
    ),
    "thinks_before_the_document": fool(
        fools.thinks_before_the_document, {U}, "chat/fields/response_format/json_", "completions/features/json_mode"
    ),
    "takes_the_calls_out": fool(fools.takes_the_calls_out, ABSENT, "chat/fields/tool_choice/none"),
    "loses_the_tools_where_one_call_is_due": fool(
        fools.loses_the_tools_where_one_call_is_due, ABSENT, "chat/fields/parallel_tool_calls"
    ),
    "has_a_limit_of_its_own": fool(fools.has_a_limit_of_its_own, ABSENT, "chat/fields/max_completion_tokens/"),
    "has_a_limit_of_20": fool(
        lambda: fools.has_a_limit_of_its_own(20),
        ABSENT,
        "chat/fields/max_completion_tokens/",
        "completions/fields/max_tokens/default",
    ),
    "ends_with_the_wrong_reason": fool(fools.ends_with_the_wrong_reason, THERE, *both("fields/stop/")),
    "reads_the_first_stop": fool(lambda: fools.reads_one_stop(0), ABSENT, *both("fields/stop/array")),
    "reads_the_last_stop": fool(lambda: fools.reads_one_stop(-1), ABSENT, *both("fields/stop/array")),
    "counts_nothing_in_streams": fool(
        fools.counts_nothing_in_streams, THERE, *both("fields/stream_options/include_usage")
    ),
    "counts_only_what_is_new": fool(
        lambda: fools.counts_only_what_is_new("verbosity", "functions", "suffix"),
        ABSENT,
        "chat/fields/verbosity",
        "chat/fields/functions",
        "completions/fields/suffix",
    ),
    "counts_nothing": fool(lambda: fools.counts_nothing(tells=True), {S, P, B, U}, *both("fields/")),
    "tells_no_counts": fool(
        lambda: fools.counts_nothing(tells=False),
        {S, P, B, U},
        *both("fields/m"),
        *both("fields/p"),
        "completions/notes/",
    ),
    "trims_plain_answers": fool(
        fools.trims_plain_answers, {S}, *both("fields/stop/"), *both("fields/max_"), *both("fields/logit_bias")
    ),
    "ends_with_stop_always": fool(fools.ends_with_stop_always, {P}, *both("fields/max_")),
    "hides_thoughts": fool(fools.hides_thoughts, ABSENT, "chat/fields/reasoning"),
    "writes_space_behind_the_value": fool(lambda: misleading.spaces_the_document(40, begins=True), {S}, *DOCUMENTS),
    "writes_space_before_the_document": fool(
        lambda: misleading.spaces_the_document(40, begins=False), {S}, *DOCUMENTS
    ),
    "follows_no_number": fool(misleading.follows_no_number, {P}, "chat/fields/response_format/json_schema/keywords"),
    "thinks_first": fool(misleading.thinks_first, {S, U}, *AFTER_THOUGHTS),
    "thinks_first_and_drops": fool(
        lambda: misleading.thinks_first(*BEHIND_THOUGHTS),
        ABSENT,
        *AFTER_THOUGHTS,
    ),
    "checks_and_drops": fool(
        lambda: misleading.checks_and_drops(*VISIBLE), {IGNORED}, *(f"chat/fields/{name}" for name in VISIBLE)
    ),
    "knows_names_only": fool(
        misleading.knows_names_only,
        {IGNORED},
        *(f"chat/fields/{name}" for name in ("user", "safety_identifier", "verbosity", "prompt_cache_key")),
    ),
    "fails_on_null_content": fool(
        misleading.fails_on_null_content,
        {S},
        "chat/fields/tools",
        "chat/fields/tool_choice",
        "chat/fields/functions",
        "chat/fields/parallel_tool_calls",
        "chat/fields/messages/tool_calls",
        "chat/stream/tool_calls",
    ),
    "contains_the_stop_sequence": fool(
        misleading.contains_the_stop_sequence,
        {Verdict.PARTIAL},
        *both("fields/stop/string"),
        *both("fields/stop/array"),
    ),
    "fails_on_negative_penalties": fool(
        misleading.fails_on_negative_penalties,
        {Verdict.PARTIAL},
        *both("fields/frequency_penalty"),
        *both("fields/presence_penalty"),
    ),
    "tells_null_content_once": fool(
        misleading.fails_on_null_content, {Verdict.PARTIAL}, "chat/fields/messages/as_serialised"
    ),
    "writes_calls_as_text": fool(
        misleading.writes_calls_as_text, {U}, "chat/fields/tools/function", "chat/fields/tool_choice/required"
    ),
    **{
        f"talks_before_the_call/{tells}": fool(
            lambda tells=tells: misleading.talks_before_the_call(tells=tells),
            {U},
            "chat/fields/tool_choice/required",
            "chat/fields/tool_choice/named",
            "chat/fields/tools/function/strict",
            "chat/fields/tools/custom",
            "chat/fields/function_call",
        )
        for tells in (True, False)
    },
    "refuses_store_and_audio": fool(
        lambda: misleading.refuses("store", "audio"), {S}, "chat/fields/metadata", "chat/fields/modalities"
    ),
    "counts_unasked_beside_choices": fool(
        lambda: misleading.counts_in_every_chunk(when_asked=True, counts=True),
        {P},
        *both("fields/stream_options/include_usage"),
    ),
    "counts_zeros_unasked": fool(
        lambda: misleading.counts_in_every_chunk(when_asked=False, counts=False),
        {P},
        *both("fields/stream_options/include_usage"),
    ),
    "counts_beside_choices_always": fool(
        lambda: misleading.counts_in_every_chunk(when_asked=False, counts=True),
        {IGNORED},
        *both("fields/stream_options/include_usage"),
    ),
    "thinks_always": fool(misleading.thinks_always, {P}, "chat/fields/reasoning"),
    "serves_one_tier": fool(lambda: misleading.serves_one_tier(tells=True), {S}, "chat/fields/service_tier"),
    "names_no_tier": fool(lambda: misleading.serves_one_tier(tells=False), {IGNORED}, "chat/fields/service_tier"),
    "gives_nearly_one_vector": fool(misleading.gives_nearly_one_vector, {U}, "embeddings/fields/input/"),
    "lists_models_twice": fool(misleading.lists_models_twice, {P}, "models/features/list"),
    "has_no_route_for_one_model": fool(
        misleading.has_no_route_for_one_model, {R}, "models/features/retrieve", "models/notes/retrieve"
    ),
    "lists_no_model_and_has_no_route": fool(
        lambda: misleading.has_no_route_for_one_model(lists=False), {R}, "models/features/retrieve"
    ),
    "fails_on_wrong_types": fool(misleading.fails_on_wrong_types, {S}, "chat/fields/user", "embeddings/fields/user"),
    "gives_vectors_of_any_length": fool(
        misleading.gives_vectors_of_any_length, {P}, "embeddings/response/unit_length"
    ),
    "says_nothing": fool(misleading.says_nothing, {S}, "clients/base_url/trailing_slash"),
    "streams_all_choices_as_one": fool(fools.streams_all_choices_as_one, THERE, *both("fields/n/stream")),
}


@pytest.mark.parametrize("name", FOOLS)
def test_it_is_seen_through(name: str) -> None:
    case = FOOLS[name]
    found = asked(case.maker(), case.about)[0]
    assert found
    wrong = {
        row: (str(finding.verdict), finding.reason)
        for row, finding in found.items()
        if finding.verdict not in case.due
    }
    assert wrong == {}


def test_behind_a_cache_a_server_that_samples_is_supported_in_no_field_that_it_does_not_read() -> None:
    read = ("model", "messages", "prompt", "input", "stream")
    names = [row.id for row in rows() if row.id.split("/")[1] == "fields" and row.id.split("/")[2] not in read]
    found = asked(fools.caches_and_ignores_all(), names)[0]
    assert {row: finding.reason for row, finding in found.items() if finding.verdict.is_positive} == {}


def test_where_the_format_of_vectors_is_refused_the_rest_is_measured_without_it() -> None:
    names = [row.id for row in rows() if row.id.startswith("embeddings/")]
    found = asked(misleading.refuses_formats_of_vectors(), names)[0]
    told = {row: finding.verdict for row, finding in found.items() if finding.verdict is not S}
    refused = {"embeddings/fields/encoding_format", "embeddings/response/sdk_default"}
    assert told == dict.fromkeys(refused, R)


def test_a_retrieved_model_that_differs_is_told_by_the_member() -> None:
    found = asked(misleading.owns_models_twice(), ["models/features/retrieve", "models/notes/retrieve/created"])[0]
    reasons = [finding.reason for finding in found.values()]
    assert reasons == ["`owned_by` of a retrieved model differs from its entry in the list", "`created` is missing"]


def test_a_base_url_with_a_slash_is_compared_with_the_one_without() -> None:
    honest, silent = asker_of(fools.says_instead(str, lambda _: True)), asker_of(misleading.says_nothing())

    def found(plain: Client, slashed: Client) -> Verdict:
        row = "clients/base_url/trailing_slash"
        return examined(row, lambda call: (slashed if call.trailing_slash else plain).send(call)).verdict

    assert [found(honest, honest), found(silent, silent), found(silent, honest)] == [S, S, S]
    assert found(honest, silent) is B


def test_a_wrong_key_that_is_refused_as_a_bad_request_is_told_with_the_status_that_is_due() -> None:
    whole = asker_of(HonoursEverything(pace=0))
    bad = '{"error": {"message": "No connected db."}}'

    def send(call: Call) -> Exchange:
        return Exchange(call=call, status=400, chunks=((0.1, bad),)) if call.headers else whole.send(call)

    found = examined("clients/api_key/any", send)
    assert (found.verdict, found.reason) == (B, "answered with status 400 where 401 is due")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{ "zq" : \n\t\t 7 \n\n', True),
        ('{"zq": 7}', True),
        ('{"zq": 7', None),  # 71 may be meant
        ('{"zq":', None),
        ("\n\n", None),
        ('```json\n{"zq": 7}', None),
        ('{"zq": 71', False),
        ('{"zq": 8 ', False),
        ('{"z q": 7', False),
        ("The sea", False),
    ],
)
def test_a_text_that_the_limit_cut_is_held_against_the_document_as_far_as_it_goes(
    text: str, kept: bool | None
) -> None:
    assert keeps_to(text, [{"zq": 7}]) is kept
