"""Servers whose text hangs on what they were asked before are told from those that only sample, or ignore a seed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from conformance.checklist.verdicts import Verdict
from conformance.probes.endpoints import Chat
from conformance.probes.session import Session, UndeterminedError
from conformance.runner.cache_dependence import depends_on_cache

from .asking import MODELS, asker_of, examined
from .servers import CHAT_MODEL, HonoursEverything, Reply, Request, Server, made, strips


@dataclass(kw_only=True)
class Remembers:
    """Computes a prompt that it was just asked otherwise than a new one: text comes out as under another seed."""

    inner: Server
    prompts: tuple[str, ...]
    """Those that it does this to."""
    greedy: bool = False
    """Whether text at temperature 0 changes too."""
    last: str = ""

    def answer(self, request: Request) -> Reply:
        body = request.json
        prompt = body["messages"][0]["content"]
        again, self.last = prompt == self.last, prompt
        if again and prompt in self.prompts:
            if self.greedy and body["temperature"] == 0:
                body["messages"][0]["content"] += " Or so."
            elif "seed" in body:
                body["seed"] += 1000
        return self.inner.answer(replace(request, body=json.dumps(body).encode()))


def depends(server: Server) -> bool:
    session = Session(send=asker_of(server).send, models=MODELS)
    return depends_on_cache(Chat(session=session, model=CHAT_MODEL))


def honest() -> Server:
    return HonoursEverything(lenient=True, pace=0)


@pytest.mark.parametrize("prompts", [Chat.prompts, Chat.prompts[1:], Chat.prompts[:1]])
@pytest.mark.parametrize("greedy", [True, False])
def test_a_server_that_remembers_the_last_prompt_is_found(prompts, greedy):
    assert depends(Remembers(inner=honest(), prompts=prompts, greedy=greedy))


def test_an_honest_server_and_one_that_ignores_the_seed_do_not_depend_on_it():
    assert not depends(honest())
    assert not depends(strips("seed", honest()))


def test_a_prompt_whose_greedy_text_changes_is_passed_over_for_a_spare():
    server = Remembers(inner=honest(), prompts=Chat.prompts[:1], greedy=True)
    steady = Chat(
        session=Session(send=asker_of(server).send, models=MODELS), model=CHAT_MODEL
    ).find_repeatable_controls()
    assert [prompt for prompt, _ in steady] == [*Chat.prompts[1:]]
    server = Remembers(inner=honest(), prompts=Chat.prompts[:2], greedy=True)
    with pytest.raises(UndeterminedError, match="differently"):
        Chat(session=Session(send=asker_of(server).send, models=MODELS), model=CHAT_MODEL).find_repeatable_controls()


@pytest.mark.parametrize("name", ["refuses_extras", "always_repeats_itself", "absent_404", "crashes_on_extras"])
def test_what_their_own_rows_tell_is_not_taken_for_it(name):
    assert not depends(made(name))


@pytest.mark.parametrize(
    ("wobbling", "verdict"),
    [(0, Verdict.SUPPORTED), (1, Verdict.SUPPORTED), (2, Verdict.INCONCLUSIVE), (3, Verdict.IGNORED)],
)
def test_rounding_on_one_prompt_of_three_does_not_hide_a_seed_that_is_honoured(wobbling, verdict):
    server = Remembers(inner=honest(), prompts=Chat.prompts[:wobbling])
    assert examined("chat/fields/seed", asker_of(server).send).verdict is verdict
