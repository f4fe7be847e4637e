"""Each kind of model and server is what its name says, and honours every field all the same: seen through the SDK."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from conformance.selftests import test_servers  # noqa: F401 - enters its checks

from . import asking, vocabularies
from .asking import CHECKS, PROSE, TIME, WEATHER
from .kinds import DEAF, HONEST, KINDS
from .parts import FIXED
from .transport import BASE_URL, InProcess
from .vocabulary import WORDS, Vocabulary

OTHER_TEXTS = ("markdown", "json", "capitals", "chinese", "japanese", "russian", "emoji", "emoji_drop",
               "leading_newline", "leading_space", "big_tokens", "bytes", "special_low", "base")  # fmt: skip
"""Kinds that differ from the plain one in their text alone."""

UNLIKE = {
    "usage_zeros": {"stream_options": "each chunk has a usage"},
    "gateway": {"model": "the answer names another model"},
    "base": {
        "messages": "roles do not reach it",
        "input": "roles do not reach it",
        "max_tokens": "nothing else ends it",
        "max_output_tokens": "nothing else ends it",
        "context_management": "the text that is too long for its threshold is longer than the context",
    },
    "certain": dict.fromkeys(("presence_penalty", "frequency_penalty", "seed"), "the first choice leads by far"),
    "special_low": {"logit_bias": "300 is a control token"},
}
"""Kind -> fields whose check holds of the plain kind's text or counts alone, and why."""


def sdk(name: str) -> OpenAI:
    http = httpx.Client(transport=InProcess(KINDS[name].server()), base_url=BASE_URL)
    return OpenAI(base_url=BASE_URL, api_key="x", max_retries=0, http_client=http)  # type: ignore[arg-type]


def asker(name: str) -> Callable[..., Any]:
    """A function that asks one server of a kind for a greedy answer of 24 tokens."""
    client = sdk(name)

    def ask(prompt: str = PROSE[0], **fields: Any) -> Any:
        messages = [{"role": "user", "content": prompt}]
        given = {"model": "mini", "messages": messages, "temperature": 0, "max_tokens": 24, **fields}
        return client.chat.completions.create(**{name: each for name, each in given.items() if each is not ...})

    return ask


def text(answer: Any) -> str:
    return str(answer.choices[0].message.content)


def joined(chunks: Any, member: str = "content") -> str:
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    return "".join(getattr(delta, member, None) or "" for delta in deltas)


def refusal(ask: Callable[[], Any]) -> Any:
    with pytest.raises(openai.APIStatusError) as raised:
        ask()
    assert 400 <= raised.value.status_code < 500
    return raised.value


@pytest.mark.parametrize("name", UNLIKE)
def test_what_shows_that_a_field_is_honoured_shows_it_here_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking.TRANSPORT, "server", KINDS[name].server())
    for (endpoint, field), check in CHECKS.items():
        if endpoint in KINDS[name].endpoints and field not in UNLIKE[name]:
            check()


@pytest.mark.parametrize("name", [name for name, each in vars(vocabularies).items() if isinstance(each, Vocabulary)])
def test_a_vocabulary_reads_every_text_and_writes_it_again(name: str) -> None:
    vocabulary = getattr(vocabularies, name)
    for given in (*PROSE, "Zażółć 你好 \U0001f600\n\tx", WORDS.decode(range(258, 300)), ""):
        assert vocabulary.decode(vocabulary.encode(given)) == given
    assert all(vocabulary.is_word(token) for token in vocabulary.words)
    assert vocabulary.size < 1 << 16


LOOKS = {
    "markdown": r".*(\*\*\w+\*\*|## |`\w+`|\n- ).*",
    "json": r'\{".*": .*',
    "capitals": r"( [A-Z]{5})+",
    "chinese": r"[一-龥]{24}",
    "japanese": r"[ぁ-ゖ一-鿿]{24,}",
    "russian": "( [\u0430-\u044f]{5})+",
    "emoji": ".*[\U0001f300-\U0001f9ff].*",
    "leading_newline": r"\n\n.*\w",
    "leading_space": r"  \w.*",
    "big_tokens": r"( \w+){72}",
    "bytes": r"[a-z ]{24}",
    "special_low": r"( \w{5})+",
}


@pytest.mark.parametrize("name", LOOKS)
def test_the_text_looks_as_the_name_says(name: str) -> None:
    ask = asker(name)
    for prompt in PROSE:
        said = text(ask(prompt))
        assert re.fullmatch(LOOKS[name], said, re.DOTALL), said
        assert said == text(ask(prompt)) == joined(ask(prompt, stream=True))


@pytest.mark.parametrize("name", OTHER_TEXTS)
def test_other_texts_are_cut_limited_forced_and_told_with_their_odds(name: str) -> None:
    ask = asker(name)
    control = text(ask()).rstrip("\ufffd")
    place = next(at for at in range(len(control) // 3, len(control)) if control.find(control[at : at + 4]) == at)
    cut = ask(stop=control[place : place + 4])
    assert (text(cut), cut.choices[0].finish_reason) == (control[:place], "stop")
    short = ask(max_tokens=3)
    assert (short.usage.completion_tokens, short.choices[0].finish_reason) == (3, "length")
    assert control.startswith(text(short).rstrip("\ufffd"))
    told = ask(logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert b"".join(bytes(each.bytes) for each in told).decode("utf-8", "ignore") == control
    vocabulary = HONEST[name].parts.vocabulary
    token = next(each for each in reversed(vocabulary.words) if vocabulary.decode([each]).strip())
    forced = text(ask(logit_bias={str(token): 100}, max_tokens=4))
    assert forced.endswith(2 * vocabulary.decode([token]))
    assert text(ask(temperature=1, seed=1)) == text(ask(temperature=1, seed=1)) != text(ask(temperature=1, seed=2))
    assert len({text(ask()), text(ask(temperature=2)), text(ask(temperature=2))}) == 3
    assert text(ask(temperature=2, top_p=0.001)) == text(ask())
    assert len({text(ask(frequency_penalty=value)) for value in (0, 2, -2)}) == 3


def test_a_limit_cuts_emoji_in_half() -> None:
    ends = [text(asker("emoji")(max_tokens=limit)) for limit in range(1, 25)]
    assert any(end.endswith("\ufffd") for end in ends)
    assert not any("\ufffd" in end[:-1] for end in ends)
    for limit in range(1, 25):
        choice = asker("emoji_drop")(max_tokens=limit, logprobs=True).choices[0]
        told = b"".join(bytes(each.bytes) for each in choice.logprobs.content)
        assert choice.message.content == told.decode("utf-8", "ignore")
        assert (ends[limit - 1] == choice.message.content) == (not ends[limit - 1].endswith("\ufffd"))


def test_token_ids_are_those_of_the_vocabulary() -> None:
    assert "below 258" in refusal(lambda: asker("bytes")(logit_bias={"258": 1})).message
    client = sdk("bytes")
    for ask in (
        lambda ids: client.completions.create(model="mini", prompt=ids),
        lambda ids: client.embeddings.create(model="mini-embed", input=ids, encoding_format="float"),
    ):
        assert ask([10, 20, 257]).usage.prompt_tokens == 3
        assert refusal(lambda ask=ask: ask([300])).status_code == 400
    unseen = asker("special_low")(logit_bias={"300": 100}, max_tokens=6)
    assert (text(unseen), unseen.usage.completion_tokens) == ("", 6)


@pytest.mark.parametrize(("name", "counts"), [("terse", {1, 2, 3}), ("single", {1}), ("guard", {4, 6})])
def test_short_answers_end_of_themselves(name: str, counts: set[int]) -> None:
    ask = asker(name)
    answers = [ask(f"{prompt} {number}") for prompt in PROSE for number in range(6)]
    assert {answer.usage.completion_tokens for answer in answers} == counts
    assert {answer.choices[0].finish_reason for answer in answers} == {"stop"}
    said = {text(answer) for answer in answers}
    assert said == {"safe", "unsafe"} if name == "guard" else len(said) > 5


def test_one_refusal_for_all_and_a_translation_for_each() -> None:
    same = asker("same_refusal")
    assert len({text(same(prompt)) for prompt in PROSE}) == 1
    assert len({same(prompt).usage.prompt_tokens for prompt in PROSE}) > 1
    other = asker("translator")
    short, long = (other(prompt, max_tokens=200) for prompt in (" bread bread", " bread bread storm bread"))
    assert long.usage.completion_tokens - short.usage.completion_tokens == 2
    assert {each.choices[0].finish_reason for each in (short, long)} == {"stop"}
    assert len(re.findall(r" (\w+)", text(short))) > len(set(re.findall(r" (\w+)", text(short))))


def test_the_certain_lead_by_far_and_the_loop_repeats_itself() -> None:
    for entry in asker("certain")(logprobs=True, top_logprobs=2).choices[0].logprobs.content:
        assert entry.top_logprobs[0].logprob - entry.top_logprobs[1].logprob > 3
    for name in ("certain", "loop"):
        ask = asker(name)
        assert text(ask(presence_penalty=2)) == text(ask()) != text(ask(temperature=2))
        hot = {"temperature": 2, "seed": 11, "max_tokens": 60}
        changed = [text(ask(prompt, **hot)) != text(ask(prompt, presence_penalty=2, **hot)) for prompt in PROSE]
        assert any(changed)
    words = text(asker("loop")(max_tokens=28)).split()
    assert words[:7] == words[7:14] == words[14:21] == words[21:]
    assert text(asker("loop")(max_tokens=60)) != text(asker("loop")(max_tokens=60, frequency_penalty=2))


def test_a_base_model_reads_one_text_and_never_ends() -> None:
    ask = asker("base")
    one = [{"role": "user", "content": "Bread."}, {"role": "system", "content": "Wine."}]
    two = [{"role": "system", "content": "Bread."}, {"role": "user", "content": "Wine."}]
    assert text(ask(messages=one)) == text(ask(messages=two))
    endless = ask(max_tokens=...)
    assert endless.choices[0].finish_reason == "length"
    assert endless.usage.total_tokens == HONEST["base"].parts.manners.context


@pytest.mark.parametrize(("name", "share"), [("flips_10", 10), ("flips_50", 50)])
def test_late_tokens_flip_now_and_then_and_the_same_ones_each_time(name: str, share: int) -> None:
    runs = [[text(ask()) for _ in range(80)] for ask in (asker(name), asker(name))]
    assert runs[0] == runs[1]
    usual = text(asker("plain")())
    changed = [said for said in runs[0] if said != usual]
    assert abs(len(changed) - 0.8 * share) < 9
    for said in changed:
        pairs = list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(said, usual, strict=False)))
        assert len(pairs) > 30
        assert said.split()[-1] != usual.split()[-1] or said.split()[-2] != usual.split()[-2]


SHOWN = {"thinks_field": "reasoning_content", "thinks_vllm": "reasoning", "thinks_effort": "reasoning",
         "thinks_no_usage": "reasoning_content"}  # fmt: skip
OFF: dict[str, dict[str, Any]] = {
    "thinks_vllm": {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
    "thinks_inline_off": {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
    "thinks_effort": {"reasoning_effort": "none"},
}


@pytest.mark.parametrize("name", SHOWN)
def test_thoughts_come_first_and_eat_small_limits(name: str) -> None:
    ask, member = asker(name), SHOWN[name]
    for prompt in PROSE:
        eaten = ask(prompt).choices[0]
        assert (eaten.message.content or "", eaten.finish_reason) == ("", "length")
        whole = ask(prompt, max_tokens=200).choices[0].message
        thoughts = getattr(whole, member)
        assert 60 <= len(thoughts.split()) <= 100
        assert thoughts.startswith(getattr(eaten.message, member))
        chunks = list(ask(prompt, max_tokens=200, stream=True))
        assert (joined(chunks, member), joined(chunks)) == (thoughts, whole.content)
        assert whole.content.strip()
    assert (ask().usage is None) == (name == "thinks_no_usage")
    call = ask(tools=[WEATHER, TIME], tool_choice="required", max_tokens=200).choices[0]
    assert (call.finish_reason, len(call.message.tool_calls)) == ("tool_calls", 1)
    form = {"type": "json_object"}
    assert json.loads(text(ask("No JSON please.", response_format=form, max_tokens=200)))


@pytest.mark.parametrize("name", ["thinks_inline", "thinks_inline_off"])
def test_thoughts_between_tags_are_content(name: str) -> None:
    ask = asker(name)
    assert text(ask()).startswith("<think>\n ")
    whole = ask(max_tokens=200, logprobs=True).choices[0]
    thoughts, _, answer = whole.message.content.partition("\n</think>\n\n")
    assert thoughts.startswith("<think>\n")
    assert answer.strip()
    assert "".join(each.token for each in whole.logprobs.content) == whole.message.content
    assert joined(ask(max_tokens=200, stream=True)) == whole.message.content


@pytest.mark.parametrize("name", OFF)
def test_thinking_is_turned_off_in_the_servers_own_way(name: str) -> None:
    answer = asker(name)(**OFF[name])
    assert len(text(answer).split()) == 24
    assert "<think>" not in text(answer)
    assert not getattr(answer.choices[0].message, "reasoning", None)
    assert answer.usage.completion_tokens_details.reasoning_tokens == 0


def test_log_probabilities_are_of_thoughts_where_the_server_tells_those() -> None:
    for name, has_odds in (("thinks_field", False), ("thinks_vllm", True)):
        choice = asker(name)(max_tokens=200, logprobs=True).choices[0]
        told = "".join(each.token for each in choice.logprobs.content)
        thoughts = getattr(choice.message, SHOWN[name]) if has_odds else ""
        assert told == thoughts + choice.message.content


def test_fields_act_on_thoughts_too() -> None:
    ask = asker("thinks_field")

    def thoughts(**fields: Any) -> str:
        return str(ask(**fields).choices[0].message.reasoning_content)

    usual = thoughts()
    assert len({usual, thoughts(presence_penalty=2), thoughts(frequency_penalty=-2), thoughts(temperature=2)}) == 4
    assert thoughts(temperature=1, seed=1) == thoughts(temperature=1, seed=1) != thoughts(temperature=1, seed=2)
    assert len(set(thoughts(logit_bias={"300": 100}).split())) == 1
    stopped = ask(stop=usual.split()[9]).choices[0]
    assert (stopped.finish_reason, stopped.message.content or "") == ("stop", "")
    assert stopped.message.reasoning_content == usual.partition(usual.split()[9])[0]


def test_reasoning_models_of_the_reference_refuse_in_their_own_words() -> None:
    client = sdk("reference_reasoning")
    plain: dict[str, Any] = {"model": "mini", "messages": [{"role": "user", "content": PROSE[0]}]}

    def ask(**fields: Any) -> Any:
        return client.chat.completions.create(**plain, **fields)

    assert "Use 'max_completion_tokens' instead" in refusal(lambda: ask(max_tokens=9)).message
    for field, value in {
        "stop": "x",
        "logprobs": True,
        "logit_bias": {"300": 1},
        **dict.fromkeys(FIXED, 0.5),
    }.items():
        refused = refusal(lambda field=field, value=value: ask(**{field: value}))
        assert (refused.param, refused.code) in ((field, "unsupported_parameter"), (field, "unsupported_value"))
    for field, value in FIXED.items():
        assert ask(max_completion_tokens=9, **{field: value}).usage.completion_tokens == 9
    answers = [ask(max_completion_tokens=140, seed=1) for _ in range(3)]
    assert len({text(answer) for answer in answers}) == 3
    for answer in answers:
        usage = answer.usage
        assert 60 <= usage.completion_tokens_details.reasoning_tokens <= 100
        assert usage.completion_tokens == 140
        assert not hasattr(answer.choices[0].message, "reasoning")
    assert refusal(lambda: client.completions.create(model="mini", prompt="x")).status_code == 404


def test_each_has_manners_of_its_own() -> None:
    assert "16" in refusal(lambda: asker("least_16")(max_tokens=15)).message
    assert asker("least_16")(max_tokens=16).usage.completion_tokens == 16
    assert refusal(lambda: asker("cool")(temperature=1.2)).status_code == 422
    assert text(asker("cool")(temperature=1)) != text(asker("cool")())
    assert refusal(lambda: asker("warm_only")(temperature=0)).status_code == 422
    assert text(asker("warm_only")(temperature=0.01)) == text(asker("plain")())
    assert "stream" in refusal(asker("stream_only")).message
    assert joined(asker("stream_only")(stream=True)) == text(asker("plain")())
    assert "1024" in refusal(lambda: asker("context_1k")(" bread" * 1100)).message
    assert refusal(lambda: asker("context_1k")(max_tokens=1020)).param == "max_tokens"
    assert "1 choice" in refusal(lambda: asker("one_choice")(n=2)).message
    client = sdk("batch_text")
    given: dict[str, Any] = {"model": "mini", "temperature": 0, "max_tokens": 24}
    both = client.completions.create(prompt=list(PROSE[:2]), **given).choices
    alone = [client.completions.create(prompt=prompt, **given).choices[0].text for prompt in PROSE[:2]]
    assert [each.text[:40] for each in both] == [each[:40] for each in alone]
    assert [each.text for each in both] != alone


def test_usage_is_what_the_name_says() -> None:
    plain = asker("plain")()
    characters = asker("usage_characters")()
    assert characters.usage.completion_tokens == len(text(characters)) > plain.usage.completion_tokens
    ask = asker("usage_uncached")
    first, again, longer = (ask(prompt).usage.prompt_tokens for prompt in (PROSE[0], PROSE[0], f"{PROSE[0]} bread"))
    assert (first, again) == (plain.usage.prompt_tokens, 0)
    assert 0 < longer < first
    assert asker("usage_no_prompt")().usage.prompt_tokens == 0
    assert asker("no_usage")().usage is None
    chunks = list(asker("usage_zeros")(stream=True))
    assert {chunk.usage.total_tokens for chunk in chunks} == {0}
    told = list(asker("usage_zeros")(stream=True, stream_options={"include_usage": True}))
    assert told[-1].usage == plain.usage


def test_a_gateway_comments_renames_and_tells_usage_beside_the_last_choice() -> None:
    http = httpx.Client(transport=InProcess(KINDS["gateway"].server()), base_url=BASE_URL)
    body = {"model": "mini", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9, "stream": True}
    lines = http.post("/chat/completions", json=body).text.splitlines()
    assert [line for line in lines if line.startswith(":")]
    chunks = list(asker("gateway")(stream=True))
    assert chunks[-1].usage.completion_tokens == 24
    assert chunks[-1].choices[0].finish_reason == "length"
    assert {chunk.model for chunk in chunks} == {"vendor/mini-2026-01-01"}


def test_another_request_interrupts_a_stream() -> None:
    ask = asker("interrupted")
    running = ask(stream=True)
    first = next(running)
    ask()
    assert first.choices[0].finish_reason is None
    assert [chunk.choices[0].finish_reason for chunk in running] in ([], [None])
    crowded = [joined(ask(stream=True)) for _ in range(6)]
    assert sorted(len(said.split()) for said in crowded) == [3, 3, 24, 24, 24, 24]


@pytest.mark.parametrize("name", DEAF)
def test_the_deaf_check_every_field_and_act_on_none(name: str) -> None:
    ask = asker(name)
    if not KINDS[name].parts.flips:
        control = ask(temperature=..., max_tokens=...)
        for fields in ({"temperature": 2}, {"max_tokens": 1}, {"stop": " "}, {"logit_bias": {"300": 100}}, {"n": 3},
                       {"response_format": {"type": "json_object"}}, {"presence_penalty": 2}, {"logprobs": True},
                       {"tools": [WEATHER], "tool_choice": "required"}):  # fmt: skip
            answer = ask("Write JSON." if "response_format" in fields else PROSE[0], **fields)
            assert len(answer.choices) == 1
            if "response_format" not in fields:
                assert text(answer) == text(control)
                assert answer.usage == control.usage
    for fields in (
        {"temperature": "hot"},
        {"temperature": 3},
        {"max_tokens": 0},
        {"stop": 7},
        {"n": "x"},
        {"seed": 1.5},
    ):
        assert refusal(lambda fields=fields: ask(**fields)).param in fields
    assert len(joined(ask(stream=True)).split()) in ((1, 2, 3) if name == "deaf_terse" else (36,))
