"""The miniature server that honours everything does: each field, seen through the real SDK."""

from __future__ import annotations

import math
from typing import Any

import openai
import pytest

from conformance.selftests.servers import chat_witnesses, responses_witnesses  # noqa: F401 - enter their checks
from conformance.selftests.servers.asking import (
    CHECKS,
    HTTP,
    PROSE,
    WORDS,
    complete,
    embed,
    honoured,
    honoured_by_both,
    piece,
    reads_values,
    refused,
    written,
)
from conformance.selftests.servers.fields import EXACT, FIELDS
from conformance.selftests.servers.vocabulary import words

OF_ALL = EXACT | FIELDS


@pytest.mark.parametrize(("endpoint", "field"), [(each, name) for each in OF_ALL for name in OF_ALL[each]])
def test_honours(endpoint: str, field: str) -> None:
    CHECKS.get((endpoint, field), lambda: reads_values(endpoint, field))()


@honoured_by_both("model")
def _(_say: Any, ask: Any, _name: str) -> None:
    assert ask(model="team/mini:latest").model == "team/mini:latest"
    with pytest.raises(openai.NotFoundError) as raised:
        ask(model="nope")
    assert raised.value.code == "model_not_found"


@honoured_by_both("frequency_penalty", "presence_penalty")
def _(say: Any, _ask: Any, name: str) -> None:
    for prompt in PROSE:
        assert len({say(prompt), say(prompt, **{name: 2}), say(prompt, **{name: -2})}) == 3


@honoured_by_both("logit_bias")
def _(say: Any, _ask: Any, _name: str) -> None:
    assert say(logit_bias={"300": 100}, max_tokens=4) == f" {words()[42]}" * 4
    first = f" {say().split()[0]}"
    token = 258 + words().index(first.strip())
    assert not say(logit_bias={str(token): -100}).startswith(first)


@honoured_by_both("max_tokens")
def _(say: Any, ask: Any, _name: str) -> None:
    answer = ask(max_tokens=3)
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (3, "length")
    assert ask(max_tokens=400).choices[0].finish_reason == "stop"
    assert len(say(max_tokens=400).split()) > 64


@honoured_by_both("n")
def _(_say: Any, ask: Any, _name: str) -> None:
    answer = ask(n=3, temperature=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage.completion_tokens == 3 * WORDS


@honoured_by_both("seed")
def _(say: Any, _ask: Any, _name: str) -> None:
    assert say(temperature=1, seed=11) == say(temperature=1, seed=11) != say(temperature=1, seed=12)
    assert say(temperature=1) != say(temperature=1)


@honoured_by_both("stop")
def _(say: Any, ask: Any, _name: str) -> None:
    control = say()
    word = control.split()[9]
    for stop in (word, ["\u2603\u2603", word], word[1:3], f"{word} {control.split()[10]}"[2:-2]):
        answer = ask(stop=stop)
        cut = stop if isinstance(stop, str) else word
        choice = answer.choices[0]
        text = choice.text if hasattr(choice, "text") else choice.message.content
        assert (text, choice.finish_reason) == (control.partition(cut)[0], "stop")
        pieces = list(ask(stop=stop, stream=True))
        assert "".join(piece(chunk) for chunk in pieces) == text
    assert say(stop=None) == say(stop=[]) == control


@honoured_by_both("stream")
def _(say: Any, ask: Any, _name: str) -> None:
    chunks = list(ask(stream=True))
    assert "".join(map(piece, chunks)) == say()
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["length"]
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    two = list(ask(stream=True, n=2, temperature=1))
    assert [chunk.choices[0].index for chunk in two if chunk.choices[0].finish_reason] == [0, 1]


@honoured_by_both("stream_options")
def _(_say: Any, ask: Any, _name: str) -> None:
    chunks = list(ask(stream=True, stream_options={"include_usage": True, "include_obfuscation": False}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage == ask().usage
    assert all(chunk.usage is None and not getattr(chunk, "obfuscation", None) for chunk in chunks[:-1])
    assert all(chunk.choices and chunk.obfuscation for chunk in ask(stream=True))
    refused(lambda: ask(stream_options={"include_usage": True}), "stream_options")


@honoured_by_both("temperature")
def _(say: Any, _ask: Any, _name: str) -> None:
    assert len({say(temperature=2) for _ in range(4)} | {say(), say()}) == 5


@honoured_by_both("top_p")
def _(say: Any, _ask: Any, _name: str) -> None:
    assert say(temperature=2, top_p=0.001) == say(temperature=2, top_p=0) == say()
    assert say(temperature=2, top_p=1) != say()


@honoured_by_both("user")
def _(say: Any, ask: Any, _name: str) -> None:
    assert say(user="zq") == say()
    refused(lambda: ask(user={}), "user", "invalid_type")


@honoured("completions", "prompt")
def _() -> None:
    both = complete(list(PROSE[:2]))
    assert [choice.text for choice in both.choices] == [written(PROSE[0]), written(PROSE[1])]
    assert complete([301, 302, 303]).usage.prompt_tokens == 3
    arrays = complete([[301, 302, 303], [304, 305]])
    assert (len(arrays.choices), arrays.usage.prompt_tokens) == (2, 5)
    assert written(None) == written([0])


@honoured("completions", "best_of")
def _() -> None:
    assert complete(best_of=3, temperature=1).usage.completion_tokens == 3 * WORDS
    assert len(complete(best_of=3, n=2, temperature=1).choices) == 2
    refused(lambda: complete(best_of=1, n=2), "best_of")


@honoured("completions", "echo")
def _() -> None:
    assert written(echo=True) == PROSE[0] + written()
    silent = complete(echo=True, max_tokens=0)
    assert (silent.choices[0].text, silent.usage.completion_tokens) == (PROSE[0], 0)
    assert complete(max_tokens=openai.omit).usage.completion_tokens == 16


@honoured("completions", "logprobs")
def _() -> None:
    for echo, start in ((False, len(PROSE[0])), (True, 0)):
        choice = complete(logprobs=2, echo=echo).choices[0]
        told = choice.logprobs
        assert "".join(told.tokens) == choice.text
        assert told.text_offset[0] == start
        assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == len(told.text_offset)
        assert (told.token_logprobs[0] is None) == echo
        assert all(2 <= len(top) <= 3 for top in told.top_logprobs[1:])
        chunks = [chunk.choices[0].logprobs for chunk in complete(logprobs=2, echo=echo, stream=True)]
        assert [place for chunk in chunks if chunk for place in chunk.text_offset] == told.text_offset


@honoured("completions", "suffix")
def _() -> None:
    longer = complete(suffix=" The end.")
    assert longer.usage.prompt_tokens > complete().usage.prompt_tokens
    assert longer.choices[0].text != written()


@honoured("embeddings", "input")
def _() -> None:
    one, two = (embed(text) for text in PROSE[:2])
    both = embed(list(PROSE[:2]))
    assert [each.embedding for each in both.data] == [one.data[0].embedding, two.data[0].embedding]
    assert both.usage.prompt_tokens == one.usage.prompt_tokens + two.usage.prompt_tokens
    assert embed([301, 302, 303]).usage.prompt_tokens == 3
    assert len(embed([[301, 302], [303]]).data) == 2


@honoured("embeddings", "model")
def _() -> None:
    refused(lambda: embed(model="mini"), "model")
    with pytest.raises(openai.NotFoundError):
        embed(model="nope")


@honoured("embeddings", "dimensions")
def _() -> None:
    whole = embed().data[0].embedding
    for size in (1, 7, len(whole)):
        part = embed(dimensions=size).data[0].embedding
        assert math.hypot(*part) == pytest.approx(1, abs=1e-6)
        norm = math.hypot(*whole[:size])
        assert part == pytest.approx([number / norm for number in whole[:size]], abs=1e-6)
    refused(lambda: embed(dimensions=len(whole) + 1), "dimensions")


@honoured("embeddings", "encoding_format")
def _() -> None:
    assert embed(encoding_format=openai.omit).data[0].embedding == embed().data[0].embedding
    raw = HTTP.post("/embeddings", json={"model": "mini-embed", "input": "a"}).json()
    assert isinstance(raw["data"][0]["embedding"], list)


@honoured("embeddings", "user")
def _() -> None:
    assert embed(user="zq").data == embed().data
    refused(lambda: embed(user={}), "user", "invalid_type")
