"""What a server with a native API deserves in each row of `native`: the honest miniature, and one for each fault.

As in `test_probes.py`, no verdict was taken from a run: each says what the one fault of the server deserves. In every
row that is not named the server is honest, and must be supported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, timezone
from inspect import isclass, isfunction
from typing import Any

import pytest

from conformance.checklist.field_values import MODEL_COPY_PREFIX
from conformance.checklist.verdicts import Verdict
from conformance.judge.catalog import load_catalog
from conformance.wire.client import Address, Client, ServerUnreachableError
from conformance.wire.exchange import Call, Exchange
from conformance.wire.exchange_cache import MemoryExchangeCache

from .asking import NATIVE_MODELS, asked, asker_of, examined, rows
from .servers import BASE_URL, HonoursEverything, InProcess, Server, native
from .servers import native_faults as faults
from .servers.native import NativeServer

S, R, IGNORED = Verdict.SUPPORTED, Verdict.REJECTED, Verdict.IGNORED
B, U = Verdict.BROKEN, Verdict.INCONCLUSIVE

ROWS = [row.id for row in load_catalog().values() if row.endpoint == "native"]
COPYING = [row for row in ROWS if load_catalog()[row].capability == "writes"]

Due = Mapping[str, tuple[Verdict, str]]
"""Row -> verdict and reason."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A server that differs from the honest one by one behaviour, and the rows in which it shows."""

    maker: Callable[[], Server]
    due: Due


def fault(maker: Callable[[], Server], **due: tuple[Verdict, str]) -> Fault:
    """Return a fault; rows are named without `native/`, with `_` for the slash."""
    names = {row.removeprefix("native/").replace("/", "_"): row for row in ROWS}
    return Fault(maker=maker, due={names[name]: verdict for name, verdict in due.items()})


def everywhere(verdict: Verdict, reason: str) -> dict[str, tuple[Verdict, str]]:
    return {f"alias_{way}": (verdict, reason) for way in ("chat", "completions", "embeddings", "listed")}


def not_found(way: str) -> tuple[Verdict, str]:
    return R, f"refused with 404: model '{MODEL_COPY_PREFIX}-{way}' not found"


ANOTHER_NAME = (B, 'the alias answers, and `model` is "mini:latest"')
LACKS_CHOICES = (B, "the answer lacks choices, which every client reads")
NOT_LISTED = (B, "the alias is not in the list")
ANOTHER_SECOND = (B, "`created` is another second than modified_at")
ROUTE_NOT_FOUND = (R, "refused with 404")
DROPPED = (B, "messages of a conversation of a thousand tokens are dropped")
UNREAD = (B, "the prompt fits the context of 512, but its newest message does not reach the model")
TOO_LARGE = (R, "refused with 413: Request Entity Too Large")
UNCOUNTED = (U, "the server counts no prompt tokens")
COUNTED_ALIKE = (U, "the server counts every prompt alike")
ANY_NAME = (U, "the server describes a model of any name, there or not")
NO_CONTROL = (U, "the control failed: status 400: Missing required parameter: 'messages'.")


FAULTS = {
    "refuses_copies": fault(faults.RefusesCopies, **everywhere(U, "copying the model was answered with 403")),
    "copies_and_fails": fault(faults.CopiesAndFails, **everywhere(U, "copying the model was answered with 500")),
    "copies_and_hangs": fault(faults.CopiesAndHangs, **everywhere(U, "copying the model was answered with timeout")),
    "copies_and_cuts": fault(faults.CopiesAndCuts, **everywhere(U, "copying the model was answered with cut")),
    "copies_and_is_busy": fault(faults.CopiesAndIsBusy, **everywhere(U, "the server was busy: status 429")),
    "forgets_copies": fault(
        faults.ForgetsCopies,
        alias_chat=not_found("chat"),
        alias_completions=not_found("completions"),
        alias_embeddings=not_found("embeddings"),
        alias_listed=NOT_LISTED,
    ),
    "is_busy_for_deletions": fault(faults.IsBusyForDeletions),
    "lists_no_copies": fault(faults.ListsNoCopies, alias_listed=NOT_LISTED),
    "knows_no_copy_in_chat": fault(faults.KnowsNoCopyInChat, alias_chat=not_found("chat")),
    "knows_no_copy_in_completions": fault(
        faults.KnowsNoCopyInCompletions, alias_completions=not_found("completions")
    ),
    "embeds_with_embedding_models": fault(
        faults.EmbedsWithEmbeddingModels,
        alias_embeddings=(
            R,
            "refused with 501: This server does not support embeddings. Start it with `--embeddings`",
        ),
    ),
    "names_the_source_in_chat": fault(faults.NamesTheSourceInChat, alias_chat=ANOTHER_NAME),
    "names_the_source_in_completions": fault(faults.NamesTheSourceInCompletions, alias_completions=ANOTHER_NAME),
    "names_the_source_in_embeddings": fault(faults.NamesTheSourceInEmbeddings, alias_embeddings=ANOTHER_NAME),
    "chats_without_choices": fault(faults.ChatsWithoutChoices, alias_chat=LACKS_CHOICES),
    "completes_without_choices": fault(faults.CompletesWithoutChoices, alias_completions=LACKS_CHOICES),
    "embeds_without_vectors": fault(
        faults.EmbedsWithoutVectors, alias_embeddings=(B, "the answer lacks data, which every client reads")
    ),
    "creates_now": fault(faults.CreatesNow, models_created=ANOTHER_SECOND),
    "creates_in_milliseconds": fault(faults.CreatesInMilliseconds, models_created=ANOTHER_SECOND),
    "creates_in_local_time": fault(faults.CreatesInLocalTime, models_created=ANOTHER_SECOND),
    "tags_nothing": fault(faults.TagsNothing, models_created=(U, "no model is in both lists")),
    "has_no_tags": fault(faults.HasNoTags, models_created=(R, "the endpoint is absent: 404")),
    "lists_nothing": fault(
        faults.ListsNothing,
        alias_listed=NOT_LISTED,
        models_created=(U, "no model is in both lists"),
        models_owned_by=(U, "the list names no model"),
        models_untagged=(U, "no listed model is tagged `latest`"),
        models_slash=(U, "no listed model has a namespace"),
    ),
    "owns_all_in_library": fault(faults.OwnsAllInLibrary, models_owned_by=(B, "2 models have another owner")),
    "owns_by_host": fault(faults.OwnsByHost, models_owned_by=(B, "1 models have another owner")),
    "finds_whole_names_only": fault(
        faults.FindsWholeNamesOnly, models_untagged=(R, "refused with 404: model 'mini-embed' not found")
    ),
    "finds_another_without_tag": fault(
        faults.FindsAnotherWithoutTag, models_untagged=(B, "another model is found without the tag")
    ),
    "finds_no_slash": fault(faults.FindsNoSlash, models_slash=ROUTE_NOT_FOUND),
    "finds_the_last_segment": fault(faults.FindsTheLastSegment, models_slash=(B, "another model is found")),
    "finds_any_name": fault(faults.FindsAnyName, models_untagged=ANY_NAME, models_slash=ANY_NAME),
    "ignores_num_ctx": fault(
        faults.IgnoresNumCtx,
        context_num_ctx=(IGNORED, "the prompt counts more tokens than the context of 512 holds"),
    ),
    "refuses_long_conversations": fault(
        faults.RefusesLongConversations,
        context_num_ctx=(R, "refused with 400: the prompt is longer than the context"),
    ),
    "cuts_the_end": fault(faults.CutsTheEnd, context_num_ctx=UNREAD),
    "cuts_the_beginning": fault(faults.CutsTheBeginning),
    "has_a_small_default": fault(lambda: NativeServer(default_context=512), context_default=DROPPED),
    "drops_the_first_message": fault(faults.DropsTheFirstMessage, context_default=DROPPED),
    "drops_all_but_the_last": fault(faults.DropsAllButTheLast, context_default=DROPPED),
    "refuses_long_bodies": fault(faults.RefusesLongBodies, context_num_ctx=TOO_LARGE, context_default=TOO_LARGE),
    "counts_nothing": fault(faults.CountsNothing, context_num_ctx=UNCOUNTED, context_default=UNCOUNTED),
    "counts_zero": fault(faults.CountsZero, context_num_ctx=UNCOUNTED, context_default=UNCOUNTED),
    "counts_every_prompt_alike": fault(
        faults.CountsEveryPromptAlike, context_num_ctx=COUNTED_ALIKE, context_default=COUNTED_ALIKE
    ),
    "cannot_chat": fault(
        lambda: faults.cannot_chat(NativeServer()),
        alias_chat=(R, "refused with 400: Missing required parameter: 'messages'."),
        context_num_ctx=NO_CONTROL,
        context_default=NO_CONTROL,
    ),
}


@pytest.mark.parametrize("zone", [NativeServer.zone, UTC], ids=str)
def test_the_honest_server_is_supported_in_every_row(zone: timezone) -> None:
    found, _ = asked(NativeServer(zone=zone), ROWS, NATIVE_MODELS)
    assert len(found) == 10
    assert {row: finding.reason for row, finding in found.items() if finding.verdict is not S} == {}


def test_the_honest_server_is_honest_beside_its_native_api_too() -> None:
    names = [row.id for row in rows(NATIVE_MODELS) if row.is_control or row.endpoint == "models"]
    found, _ = asked(NativeServer(), names, NATIVE_MODELS)
    assert len(found) > 8
    assert {row: finding.reason for row, finding in found.items() if finding.verdict is not S} == {}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_in_its_rows_and_in_no_other(name: str) -> None:
    found, _ = asked(FAULTS[name].maker(), ROWS, NATIVE_MODELS)
    seen = {row: (finding.verdict, finding.reason) for row, finding in found.items() if finding.verdict is not S}
    assert seen == FAULTS[name].due


def test_every_row_has_a_server_that_earns_another_verdict() -> None:
    assert {row for each in FAULTS.values() for row in each.due} == set(ROWS)


def test_every_fault_is_one_method_of_the_honest_server_and_is_asked() -> None:
    classes = [each for each in vars(faults).values() if isclass(each) and issubclass(each, NativeServer)]
    classes.remove(NativeServer)
    assert len(classes) > 30
    assert {each.__name__ for each in classes if len(list(filter(isfunction, vars(each).values()))) != 1} == set()
    made = {type(each.maker()) for each in FAULTS.values()}
    assert set(classes) - made == {faults.LosesCopies}  # which is asked below


# Rows that would be unjust, if the state of the server were read carelessly


def test_a_copy_of_another_worker_that_is_gone_in_a_moment_is_no_listed_model() -> None:
    models = native.named({**native.MODELS, f"{MODEL_COPY_PREFIX}-chat": native.MODELS[native.CHAT]})
    names = [row for row in load_catalog() if row.startswith(("native/models/", "models/features/retrieve"))]
    found, exchanges = asked(faults.LosesCopies(models=models), names, NATIVE_MODELS)
    assert any(f"{MODEL_COPY_PREFIX}-chat" in exchange.text for exchange in exchanges)
    assert {row: finding.reason for row, finding in found.items() if finding.verdict is not S} == {}


def test_an_alias_is_asked_for_vectors_where_it_was_made() -> None:
    """`--embedding-base-url` names a server that knows nothing of copies."""
    other = "http://other.test/v1"
    address = Address(base_url=BASE_URL, native_url=BASE_URL.removesuffix("/v1"), embedding_base_url=other)
    main = InProcess(NativeServer())
    network = lambda url: InProcess(HonoursEverything()) if url.startswith(other) else main  # noqa: E731
    asker = Client(address=address, cache=MemoryExchangeCache(), network=network)
    assert examined("native/alias/embeddings", asker.send, NATIVE_MODELS).verdict is S


def test_a_server_without_a_model_tagged_latest_cannot_be_asked_for_one() -> None:
    models = native.named({"mini:q4": native.MODELS[native.CHAT]})
    finding = examined("native/models/untagged", asker_of(NativeServer(models=models)).send, NATIVE_MODELS)
    assert (finding.verdict, finding.reason) == (U, "no listed model is tagged `latest`")


# What is written


def models_of(server: Server) -> set[str]:
    """Return the names of the models that the server has now, whatever it says."""
    known: Any = getattr(server, "inner", server)
    return {str(name) for name in known.models}


STARTED = models_of(NativeServer())


def written(exchanges: Iterable[Exchange]) -> dict[str, set[str]]:
    """Return the names that the server was told to make, and to delete; nothing else may have been asked of it."""
    names: dict[str, set[str]] = {"/api/copy": set(), "/api/delete": set()}
    for exchange in exchanges:
        call = exchange.call
        if call.server == "native" and call.method != "GET":
            names[call.path].add(call.body["model" if call.path == "/api/delete" else "destination"])
    return names


@pytest.mark.parametrize("name", FAULTS)
def test_only_copies_in_a_name_of_ours_are_written_and_none_stays(name: str) -> None:
    server = FAULTS[name].maker()
    _, exchanges = asked(server, ROWS, NATIVE_MODELS)
    names = written(exchanges)
    assert names["/api/copy"] == names["/api/delete"]
    assert len(names["/api/copy"]) == len(COPYING)
    assert all(each.startswith(f"{MODEL_COPY_PREFIX}-") for each in names["/api/copy"])
    left = models_of(server) - STARTED
    assert left == ({f"{each}:latest" for each in names["/api/copy"]} if name == "is_busy_for_deletions" else set())
    assert models_of(server) >= STARTED


PATHS = {
    "native/alias/chat": "/chat/completions",
    "native/alias/completions": "/completions",
    "native/alias/embeddings": "/embeddings",
    "native/alias/listed": "/models",
}


@pytest.mark.parametrize("error", [ServerUnreachableError, RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("step", ["copy", "ask"])
@pytest.mark.parametrize("row", COPYING)
def test_no_copy_stays_where_a_row_ends_in_the_middle(row: str, step: str, error: type[BaseException]) -> None:
    server = NativeServer()
    asker = asker_of(server)
    last = "/api/copy" if step == "copy" else PATHS[row]
    seen: list[set[str]] = []

    def send(call: Call) -> Exchange:
        exchange = asker.send(call)
        if call.path == last:
            seen.append(models_of(server) - STARTED)
            raise error("in the middle")
        return exchange

    with pytest.raises(error):
        examined(row, send, NATIVE_MODELS)
    assert [len(names) for names in seen] == [1]
    assert models_of(server) == STARTED
