"""Servers that do one thing wrong, each as a real one does, and look right to a careless probe.

Each is an honest server behind a proxy that changes requests on their way in, answers on their way out, or both.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .behaviours import IgnoresFields
from .interface import RefusalError, Server
from .proxy import Body, Caches, Proxy, without
from .vocabulary import encode


def caches_and_drops_the_seed() -> Server:
    """A cache before a server that samples and does not know `seed`."""
    return Caches(inner=Proxy(going=lambda body: without(body, "seed")))


def caches_and_ignores_all() -> Server:
    """A cache before a server that samples whatever is asked."""
    return Caches(inner=IgnoresFields(greedy=False))


def says_the_prompt_always() -> Server:
    """Every completion begins with the prompt, as a text generation pipeline gives it; `echo` is not read."""

    def coming(sent: Body, got: Body) -> Body:
        prompts = sent["prompt"] if isinstance(sent.get("prompt"), list) else [sent.get("prompt")]
        if got.get("object") != "text_completion" or sent.get("stream") or not isinstance(prompts[0], str):
            return got
        said = [{**each, "text": prompts[each["index"] % len(prompts)] + each["text"]} for each in got["choices"]]
        return {**got, "choices": said}

    return Proxy(going=lambda body: without(body, "echo"), coming=coming)


def puts_the_suffix_behind_the_text() -> Server:
    """`suffix` is put behind the answer's text and never reaches the model, as text-generation-webui does."""

    def coming(sent: Body, got: Body) -> Body:
        if "suffix" not in sent:
            return got
        return {**got, "choices": [{**each, "text": each["text"] + sent["suffix"]} for each in got["choices"]]}

    return Proxy(going=lambda body: without(body, "suffix"), coming=coming)


def refuses_n_and_drops_best_of() -> Server:
    """More than one choice is refused, whatever `best_of` says, and `best_of` is not read."""

    def going(body: Body) -> Body:
        if body.get("n", 1) != 1:
            raise RefusalError("n must be 1", param="n")
        return without(body, "best_of")

    return Proxy(going=going)


def _without_roles(body: Body, *roles: str) -> Body:
    if not isinstance(body.get("messages"), list):
        return body
    return {**body, "messages": [each for each in body["messages"] if each["role"] not in roles]}


def drops_roles_and_counts_them() -> Server:
    """System messages are dropped, and the tokens are counted of what came in: a proxy that counts by itself."""

    def coming(sent: Body, got: Body) -> Body:
        if not got.get("usage") or "messages" not in sent:
            return got
        return {**got, "usage": {**got["usage"], "prompt_tokens": len(encode(json.dumps(sent["messages"])))}}

    return Proxy(going=lambda body: _without_roles(body, "system", "developer"), coming=coming)


def drops_roles_and_counts_what_is_new() -> Server:
    """System messages are dropped, and a prompt that was asked just before counts one token, as Ollama's did."""
    last: list[Any] = [None]

    def counted(sent: Body, got: Body) -> Body:
        kept = _without_roles(sent, "system", "developer").get("messages")
        known, last[0] = last[0] == kept, kept
        if not got.get("usage") or not known:
            return got
        return {**got, "usage": {**got["usage"], "prompt_tokens": 1}}

    return Proxy(going=lambda body: _without_roles(body, "system", "developer"), coming=counted)


def _with_contents(body: Body, change: Callable[[list[Any]], Any]) -> Body:
    """The body with each content that is a list of parts changed."""
    if not isinstance(body.get("messages"), list):
        return body
    messages = [
        {**each, "content": change(each["content"])} if isinstance(each.get("content"), list) else each
        for each in body["messages"]
    ]
    return {**body, "messages": messages}


def reads_one_part(place: int, *, counts: bool = True) -> Server:
    """Of a content's parts only the first or the last is read. Some such servers count no tokens."""

    def coming(_sent: Body, got: Body) -> Body:
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return got if counts or not got.get("usage") else {**got, "usage": usage}

    return Proxy(going=lambda body: _with_contents(body, lambda parts: [parts[place]]), coming=coming)


def writes_parts_as_text() -> Server:
    """A content's parts reach the model as a list written out, base64 and all: templates that know strings only."""
    return Proxy(going=lambda body: _with_contents(body, str))


def _changed_logprobs(got: Body, change: Callable[[Body], Body]) -> Body:
    choices = got.get("choices") or []
    return {
        **got,
        "choices": [
            {**each, "logprobs": change(each["logprobs"])} if each.get("logprobs") else each for each in choices
        ],
    }


def tells_the_odds_of_another_text() -> Server:
    """The probabilities are those of some other tokens than the text's."""

    def other(told: Body) -> Body:
        if "tokens" in told:
            return {**told, "tokens": ["zq"] * len(told["tokens"])}
        return {**told, "content": [{**each, "token": "zq", "bytes": [122, 113]} for each in told["content"]]}

    return Proxy(coming=lambda _sent, got: _changed_logprobs(got, other))


def tells_odds_unasked() -> Server:
    """Probabilities come with every text, whatever `logprobs` says."""

    def going(body: Body) -> Body:
        if "prompt" in body:
            return {**body, "logprobs": 2}
        return {**body, "logprobs": True, "top_logprobs": 3} if "messages" in body else body

    return Proxy(going=going)


PENALTIES = ("frequency_penalty", "presence_penalty")


def samples_where_a_penalty_is_named() -> Server:
    """The penalties are not read, but a request that names one goes a way on which the temperature gets lost."""

    def going(body: Body) -> Body:
        named = any(name in body for name in PENALTIES)
        return without(body, *PENALTIES, *(("temperature",) if named else ()))

    return Proxy(going=going)


def mirrors_the_request() -> Server:
    """Every field of the request comes back in the answer, and none of those without visible effect is read."""
    unread = ("moderation", "metadata", "store", "prediction", "web_search_options", "audio", "modalities", "user")
    return Proxy(
        going=lambda body: without(body, *unread),
        coming=lambda sent, got: {**without(sent, "model"), **got},
    )


def copies_the_first_choice(text: str | None = None) -> Server:
    """One text is generated; the other choices are copies of it, or hold another text."""

    def coming(sent: Body, got: Body) -> Body:
        choices = got.get("choices")
        if not choices or sent.get("n", 1) < 2:
            return got
        return {**got, "choices": [_as_choice(choices[0], index, text) for index in range(sent["n"])]}

    return Proxy(going=lambda body: without(body, "n"), coming=coming)


def _as_choice(choice: Body, index: int, text: str | None) -> Body:
    if text is None or index == 0:
        return {**choice, "index": index}
    said = {"text": text} if "text" in choice else {}
    for part in ("message", "delta"):
        if part in choice:
            said[part] = {**choice[part], "content": text}
    return {**choice, "index": index, **said}


def says_instead(say: Callable[[str], str], applies: Callable[[Body], bool]) -> Server:
    """Says another text where it applies: `say` makes it of the honest one."""

    def coming(sent: Body, got: Body) -> Body:
        if not applies(sent) or not got.get("choices"):
            return got
        return {**got, "choices": [with_text(each, say) for each in got["choices"]]}

    return Proxy(coming=coming)


def with_text(choice: Body, say: Callable[[str], str]) -> Body:
    """The choice, with the text that is made of its own."""
    if "text" in choice:
        return {**choice, "text": say(choice["text"])}
    part = "message" if "message" in choice else "delta"
    if not choice[part].get("content"):
        return choice
    return {**choice, part: {**choice[part], "content": say(choice[part]["content"])}}


def demands_format(sent: Body) -> bool:
    """Whether the request wants another form than free text."""
    return sent.get("response_format", {"type": "text"}).get("type") != "text"


def writes_space_for_ever() -> Server:
    """A grammar that allows space before the document, and a model that writes nothing else."""
    return says_instead(lambda text: "\n" * len(text.split()), demands_format)


def writes_space_in_the_object() -> Server:
    """The same, after the first brace."""
    return says_instead(lambda text: "{" + 30 * "\n" if text.startswith("{") else "\n", demands_format)


def begins_with(text: str, applies: Callable[[Body], bool]) -> Server:
    """Says something before every text where it applies, in a stream with its first piece."""
    begun: set[str] = set()

    def coming(sent: Body, got: Body) -> Body:
        if not applies(sent) or not got.get("choices") or got["id"] in begun:
            return got
        begun.add(got["id"])
        choice = got["choices"][0]
        if "delta" in choice:
            return {**got, "choices": [{**choice, "delta": {**choice["delta"], "content": text}}]}
        return {**got, "choices": [with_text(choice, lambda said: text + said)]}

    return Proxy(coming=coming)


def fences_what_should_be_json() -> Server:
    """The document comes in a fence, as a model writes it that was only told to."""
    return begins_with("```json\n", demands_format)


def thinks_before_the_document() -> Server:
    """Every text begins with thoughts that the limit may cut: the format holds behind them only."""
    return begins_with("<think> The user wants a text of me, so", lambda _sent: True)


def _without_calls(choice: Body) -> Body:
    if not choice.get("message", {}).get("tool_calls"):
        return choice
    return {**choice, "message": without(choice["message"], "tool_calls"), "finish_reason": "stop"}


def takes_the_calls_out() -> Server:
    """`tool_choice` none goes no further: the calls are taken out of the answer, and nothing is left."""

    def coming(sent: Body, got: Body) -> Body:
        if sent.get("tool_choice") != "none":
            return got
        return {**got, "choices": [_without_calls(each) for each in got["choices"]]}

    def going(body: Body) -> Body:
        return without(body, "tool_choice") if body.get("tool_choice") == "none" else body

    return Proxy(going=going, coming=coming)


def loses_the_tools_where_one_call_is_due() -> Server:
    """With `parallel_tool_calls` false no tool is called at all."""

    def going(body: Body) -> Body:
        few = body.get("parallel_tool_calls") is False
        return without(body, "parallel_tool_calls", *(("tools",) if few else ()))

    return Proxy(going=going)


def has_a_limit_of_its_own(tokens: int = 16) -> Server:
    """Without `max_tokens` an answer has so many tokens; `max_completion_tokens` is not read; nothing is counted."""

    def going(body: Body) -> Body:
        body = without(body, "max_completion_tokens")
        return body if "input" in body else {"max_tokens": tokens, **body}

    return Proxy(going=going, coming=lambda _sent, got: {**got, "usage": None} if got.get("choices") else got)


def ends_with_the_wrong_reason() -> Server:
    """The text ends before the stop sequence, with finish_reason `length`."""

    def coming(sent: Body, got: Body) -> Body:
        if "stop" not in sent or not got.get("choices"):
            return got
        choices = [{**each, "finish_reason": each["finish_reason"] and "length"} for each in got["choices"]]
        return {**got, "choices": choices}

    return Proxy(coming=coming)


def reads_one_stop(place: int) -> Server:
    """Of several stop sequences only the first or the last is read."""

    def going(body: Body) -> Body:
        return {**body, "stop": body["stop"][place]} if isinstance(body.get("stop"), list) else body

    return Proxy(going=going)


def counts_nothing_in_streams() -> Server:
    """The usage at the end of a stream is all zeros."""

    def coming(sent: Body, got: Body) -> Body:
        if not sent.get("stream") or not got.get("usage"):
            return got
        return {**got, "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}

    return Proxy(coming=coming)


def streams_all_choices_as_one() -> Server:
    """The chunks of every choice have index 0."""

    def coming(sent: Body, got: Body) -> Body:
        if not sent.get("stream") or not got.get("choices"):
            return got
        return {**got, "choices": [{**each, "index": 0} for each in got["choices"]]}

    return Proxy(coming=coming)


def counts_only_what_is_new(*dropped: str) -> Server:
    """Fields are not read, and a prompt that was asked just before counts one token."""
    last: list[Any] = [None]

    def coming(sent: Body, got: Body) -> Body:
        asked = sent.get("messages") or sent.get("prompt")
        known, last[0] = last[0] == asked, asked
        return {**got, "usage": {**got["usage"], "prompt_tokens": 1}} if known and got.get("usage") else got

    return Proxy(going=lambda body: without(body, *dropped), coming=coming)


def counts_nothing(*, tells: bool) -> Server:
    """The usage is all zeros, or is not told."""
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}

    def coming(_sent: Body, got: Body) -> Body:
        if not got.get("usage"):
            return got
        return {**got, "usage": zeros} if tells else without(got, "usage")

    return Proxy(coming=coming)


def trims_plain_answers() -> Server:
    """Space around a plain answer is taken away; a stream keeps it."""
    return says_instead(str.strip, lambda sent: not sent.get("stream"))


def hides_thoughts() -> Server:
    """Effort `none` is read as `high`, and the thoughts, which fill the limit, are not shown."""

    def none(sent: Body) -> bool:
        return "none" in (sent.get("reasoning_effort"), sent.get("reasoning", {}).get("effort"))

    def coming(sent: Body, got: Body) -> Body:
        return {**got, "choices": [with_text(each, lambda _: "") for each in got["choices"]]} if none(sent) else got

    return Proxy(coming=coming)


def ends_with_stop_always() -> Server:
    """Whatever ended the text, finish_reason is `stop`."""

    def coming(_sent: Body, got: Body) -> Body:
        choices = [{**each, "finish_reason": each["finish_reason"] and "stop"} for each in got.get("choices", [])]
        return {**got, "choices": choices} if choices else got

    return Proxy(coming=coming)
