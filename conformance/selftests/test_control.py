"""How a server can be asked is found out in a few requests, for every kind of model and server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from conformance.errors import UsageError
from conformance.probes.control import MAX_REQUESTS, Control
from conformance.probes.endpoints import Chat
from conformance.probes.session import Session

from .asking import MODELS, asker_of
from .openings import controller_of, reported
from .servers import CHAT_MODEL, EMBEDDING_MODEL, HonoursEverything, Reply, Request, Server, listening, made
from .servers.interface import error_reply
from .servers.kinds import KINDS

FOUND = {
    "plain": {"limit_field": "max_tokens", "min_limit": 1, "temperature": 0, "stream": False, "counts": "tokens"},
    "least_16": {"min_limit": 16},
    "warm_only": {"temperature": 0.01},
    "stream_only": {"stream": True, "settings": {"stream_options": {"include_usage": True}}, "counts": "tokens"},
    "reference_reasoning": {"limit_field": "max_completion_tokens", "temperature": None, "thinking": "none"},
    "reference_older": {"limit_field": "max_completion_tokens", "temperature": None, "thinking": "hidden"},
    "thinks_effort": {"thinking": "none", "settings": {"reasoning_effort": "none"}},
    "thinks_inline_off": {"thinking": "none", "settings": {"chat_template_kwargs": {"enable_thinking": False}}},
    "thinks_field": {"thinking": "member", "settings": {}},
    "thinks_inline": {"thinking": "content", "settings": {}},
    "usage_characters": {"counts": "other"},
    "no_usage": {"counts": "none"},
}
"""Kind -> what is found of it, as the report holds it."""


def negotiated(server: Server) -> tuple[Control, int]:
    """The control of a server, and the number of requests that it took."""
    asker = asker_of(server)
    control = Chat(session=Session(send=asker.send, models=MODELS), model=CHAT_MODEL).control
    return control, len(list(asker.cache.all()))


@pytest.mark.parametrize("name", FOUND)
def test_how_each_kind_is_asked_is_found_out(name):
    control, requests = negotiated(KINDS[name].server())
    assert control.works
    record = control.record()
    assert {key: record[key] for key in FOUND[name]} == FOUND[name]
    assert requests <= MAX_REQUESTS


@pytest.mark.parametrize("name", ["thinks_field", "thinks_inline", "reference_older"])
def test_limits_grow_by_what_thinking_takes(name):
    control, _ = negotiated(KINDS[name].server())
    assert control.limit_for(24, 24) >= 24 + 100 > control.limit_for(24, None) or control.thinking == "hidden"


def test_the_plain_kind_is_found_in_two_requests():
    assert negotiated(made("honours_everything"))[1] == 2


def test_a_server_that_takes_nothing_usual_and_thinks_on_costs_no_more():
    kind = KINDS["reference_older"]
    manners = replace(kind.parts.manners, streams_only=True, least_limit=20)
    endless = replace(kind.parts.thinking, shortest=5000, longest=5000)
    server = HonoursEverything(pace=0, late=0, parts=replace(kind.parts, manners=manners, thinking=endless))
    control, requests = negotiated(server)
    assert (control.works, control.stream, control.temperature) == (True, True, None)
    assert control.limit_field == "max_completion_tokens"
    assert requests == MAX_REQUESTS == 12


@dataclass(kw_only=True)
class RefusesChat:
    """Refuses every chat, whatever its fields; honours everything else."""

    status: int = 400
    inner: Server = field(default_factory=lambda: HonoursEverything(pace=0))

    def answer(self, request: Request) -> Reply:
        if request.path == "/v1/chat/completions":
            return error_reply(self.status, "no chat today")
        return self.inner.answer(request)


@pytest.mark.parametrize(("status", "requests"), [(400, 8), (422, 8), (500, 2), (401, 1), (404, 1), (405, 1)])
def test_where_nothing_is_taken_all_that_was_tried_is_told(status, requests):
    control, sent = negotiated(RefusesChat(status=status))
    assert not control.works
    assert (len(control.failures), sent) == (requests, requests)


def test_a_named_chat_model_that_cannot_be_asked_ends_the_run_though_an_embedding_model_works(tmp_path):
    with listening(RefusesChat()) as url:
        controller = controller_of(url, tmp_path, [], model=CHAT_MODEL, embedding_model=EMBEDDING_MODEL)
        with pytest.raises(
            UsageError,
            match=r"no model can be asked: chat model .* \(--model\): status 400: no chat today \(asked with ",
        ):
            controller.open()
        controller.close()


def test_the_control_is_printed_and_stands_in_the_report(tmp_path):
    said: list[str] = []
    with listening(KINDS["reference_reasoning"].server()) as url:
        controller = controller_of(url, tmp_path, said, model=CHAT_MODEL)
        report, _ = reported(controller, ["chat/features/chat_completions"])
        controller.close()
    line = next(line for line in said if line.startswith("asked with max_completion_tokens"))
    assert report["target"]["control"]["line"] == line
    assert report["target"]["control"]["chat"]["temperature"] is None
    assert any("max_tokens" in note and "Unsupported parameter" in note for note in report["notes"])
    rows = {row["id"]: row["verdict"] for row in report["rows"]}
    assert rows["chat/features/chat_completions"] == "supported"
