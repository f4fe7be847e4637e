"""responses/fields: tools in the flat form, and what chooses among them."""

from __future__ import annotations

from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Evidence, Severity, Verdict
from conformance.probes import chance, tool_calls
from conformance.probes.added_text import (
    LONG_TEXT,
    UNSTABLE_COUNTS,
    check_added_turns,
    excuse_template,
    find_controls,
)
from conformance.probes.availability import send_bad
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, broken, ignored, inconclusive, partial, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.response_output import OutputResponse
from conformance.probes.response_views import get_path
from conformance.probes.session import UndeterminedError, is_refused
from conformance.probes.tool_calls import read_arguments
from conformance.probes.tool_conversations import (
    EXAMPLES,
    MAX_CALL_TOKENS,
    TOOL_NAMES,
    TOOLS,
    after_a_call,
    answered,
    ask_for_call,
    calls_nothing,
    spell,
    user,
)
from conformance.probes.unread_fields import is_unread
from conformance.wire.exchange import Exchange
from conformance.wire.json_text import quote_value

from .inputs import output_message

_NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
FLAT_TOOL: dict[str, Any] = {"type": "function", "name": "get_weather", "parameters": _NO_ARGUMENTS, "strict": False}
"""A tool for requests that only have to be accepted."""

STREAMING: tuple[dict[str, Any], ...] = ({}, {"stream": True})
"""What asks for an answer plain and as a stream."""

declare_derived(
    "responses/fields/tools",
    "The tools that the model may call.",
    capability="tools",
    values=values([FLAT_TOOL], "zz"),
)


@probe("responses/fields/tools/function", capability="tools", chance=chance.GREEDY_ANSWER)
def tools_function(responses: Responses) -> Observation:
    """A function's name and arguments come back as an item `function_call`."""
    return tool_calls.check_call(responses)


@probe("responses/fields/tools/function/stream", capability="tools", title="with stream", chance=chance.GREEDY_ANSWER)
def tools_stream(responses: Responses) -> Observation:
    """The events of a stream make up the same call."""
    return tool_calls.check_call(responses, stream=True)


@probe(
    "responses/fields/tools/function/strict",
    capability="tools",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_ANSWER,
)
def tools_strict(responses: Responses) -> Observation:
    """With `strict`, the arguments obey the schema: here a word that the conversation does not suggest."""
    return tool_calls.check_strict(responses)


@probe("responses/fields/tools/function/nulls", capability="tools", title="null members", chance=chance.STATUSES)
def tools_nulls(responses: Responses) -> Observation:
    """`description`, `strict` and `parameters` may be null, as the SDK's types allow it."""
    control = responses.ask_control(limit=1)
    tool = {"type": "function", "name": "get_weather", "description": None, "strict": None, "parameters": None}
    answer = responses.ask(tools=[tool], limit=1)
    if not answer.prompt_tokens or not control.prompt_tokens:
        return inconclusive("the server counts no input tokens")
    if not responses.has_stable_prompt_count(responses.prompts[0]):
        return inconclusive(UNSTABLE_COUNTS)
    if answer.prompt_tokens == control.prompt_tokens:
        return ignored("the function is taken, and does not reach the prompt")
    return supported("a function whose description, strict and parameters are null reaches the prompt")


@probe("responses/fields/tools/text_beside_call", capability="tools", chance=chance.GREEDY_ANSWER)
def text_beside_call(responses: Responses) -> Observation:
    """An answer that says something and then calls a function holds both: a message, and then the call.

    The stream is asked for even where the plain answer lacks the text: the rules of streams judge it.
    """
    conversation = [
        each
        for item in responses.spell_turns(EXAMPLES)
        for each in ([output_message("Let me check."), item] if item.get("type") == "function_call" else [item])
    ]
    tools = responses.spell_tools(TOOLS)
    answers = [ask_for_call(responses.ask, conversation, tools=tools, **streaming) for streaming in STREAMING]
    judged = []
    for answer in answers:
        if not isinstance(answer, OutputResponse) or not answer.called_tools:
            return inconclusive("the model calls no function where the examples show it")
        if not answer.content.strip():
            return _judge_lost_text(responses, answer)
        # Thoughts and what the server itself runs may stand between.
        judged.append([kind for kind in answer.item_types if kind in ("message", "function_call")])
    if all(types[:2] == ["message", "function_call"] for types in judged):
        return supported("the answer holds a message, and then the call, plain and streamed")
    return broken(f"the answer's items are {str(judged[0])[:60]} plain and {str(judged[1])[:60]} streamed")


def _judge_lost_text(responses: Responses, answer: OutputResponse) -> Observation:
    """Judge an answer that holds a call alone, by the tokens that the same call takes where no text is shown."""
    alone = ask_for_call(responses.ask_control, spell(responses, EXAMPLES), tools=responses.spell_tools(TOOLS))
    counts = (alone.completion_tokens, answer.completion_tokens)
    same = alone.called_tools == answer.called_tools and not answer.thoughts.strip()
    if not same or None in counts or responses.control.counts != "tokens":
        return inconclusive("the model calls the function without a word before it, or the word is lost")
    if (answer.completion_tokens or 0) - (alone.completion_tokens or 0) >= MIN_LOST_TOKENS:
        return broken(
            f"{answer.completion_tokens} tokens were generated where the call alone takes {alone.completion_tokens}: "
            "the text before it is lost"
        )
    return inconclusive("the model calls the function without a word before it")


MIN_LOST_TOKENS = 3
"""Tokens that a text of three words takes at the least."""


@probe(
    "responses/fields/input/function_call_output",
    title="a call and its output",
    capability="tools",
    chance=chance.GREEDY_TEXT,
)
def round_trip(responses: Responses) -> Observation:
    """The output of a function reaches the model."""
    seen = check_added_turns(
        responses, lambda prompt: after_a_call(prompt, LONG_TEXT), lambda prompt: after_a_call(prompt, "Rain.")
    )
    return excuse_template(responses, seen)


@probe(
    "responses/fields/input/function_call_output/parts",
    title="an output as text parts",
    capability="tools",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_TEXT,
)
def output_parts(responses: Responses) -> Observation:
    """The output of a function as an array of `input_text` parts reaches the model as a string does."""

    def parts(text: str) -> Any:
        return [{"type": "input_text", "text": text}]

    seen = check_added_turns(
        responses,
        lambda prompt: after_a_call(prompt, parts(LONG_TEXT)),
        lambda prompt: after_a_call(prompt, parts("Rain.")),
    )
    return excuse_template(responses, seen)


@probe("responses/fields/tools/custom", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_custom(responses: Responses) -> Observation:
    """A custom tool takes free text; its call comes as `custom_tool_call` with `input`."""
    return tool_calls.check_custom(responses, responses.ask, "custom_tool_call")


@probe("responses/fields/tools/namespace", capability="tools", severity=Severity.SHOULD, chance=chance.GREEDY_ANSWER)
def tools_namespace(responses: Responses) -> Observation:
    """Tools may stand in a namespace; their calls name it."""
    flat = responses.spell_tools(TOOLS)
    space = {"type": "namespace", "name": "zq_space", "description": "Tools.", "tools": flat}
    conversation = spell(responses, EXAMPLES)
    inside = [
        {**item, "namespace": "zq_space"} if item.get("type") == "function_call" else item for item in conversation
    ]
    control = responses.ask_control(inside, answer_limit=MAX_CALL_TOKENS)
    free = ask_for_call(responses.ask_prerequisite, conversation, tools=flat)
    answer = ask_for_call(responses.ask, inside, tools=[space])
    if not isinstance(answer, OutputResponse) or not answer.called_tools:
        if free.called_tools and calls_nothing(answer, *TOOL_NAMES):
            return ignored("the function is called outside of a namespace, and not in one")
        if free.called_tools and is_unread(answer, control, other=responses.ask_control()):
            return ignored("with the namespace, the answer and the prompt's tokens are the same as without tools")
        return inconclusive("the model calls no function where the examples show it")
    named = get_path(answer.items_of("function_call"), 0, "namespace")
    return (
        supported("the call names the namespace")
        if named == "zq_space"
        else partial("the function is called, and its call does not name the namespace")
    )


HOSTED_TOOLS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "web_search": ({"type": "web_search"}, {"search_context_size": "zz_bogus"}, "web_search_call"),
    "file_search": (
        {"type": "file_search", "vector_store_ids": ["vs_zq_unknown"]}, {"max_num_results": "zz"}, "file_search_call",
    ),
    "code_interpreter": (
        {"type": "code_interpreter", "container": {"type": "auto"}}, {"container": 7}, "code_interpreter_call",
    ),
    "image_generation": ({"type": "image_generation"}, {"size": "zz_bogus"}, "image_generation_call"),
    "mcp": (
        {"type": "mcp", "server_label": "zq", "server_url": "http://127.0.0.1:9/", "require_approval": "never"},
        {"require_approval": "zz_bogus"},
        "mcp_list_tools",
    ),
}  # fmt: skip
"""Tool that the server itself runs -> its declaration, nonsense in it, and the item that shows it."""

INVENTED_TYPE = "zz_bogus"
"""The type of no tool."""


def _declare_hosted(name: str, tool: dict[str, Any], nonsense: dict[str, Any], item: str) -> None:
    @probe(
        f"responses/fields/tools/{name}",
        description=f"A tool of type `{name}`, which the server itself runs: an item `{item}`, or a refusal.",
        severity=Severity.SHOULD,
        chance=chance.GREEDY_ANSWER,
    )
    def hosted(responses: Responses) -> Observation:
        return _check_hosted(responses, tool, {**tool, **nonsense}, item)


def _check_hosted(responses: Responses, tool: dict[str, Any], nonsense: dict[str, Any], item: str) -> Observation:
    """Check that a tool that only the server can run is not dropped in silence.

    The prompt gives no reason to run it, so that nothing is searched: where the item does not come, it is told by
    nonsense in the tool's declaration whether that is read. A server may run the tool and read no more of its
    declaration than the type: it is dropped only where its tokens are those of a type that does not exist.
    """
    greedy, ((prompt, control), *_) = find_controls(responses)
    answer = responses.ask(prompt, tools=[tool])
    if item in answer.item_types:
        return supported(f"the answer holds an item `{item}`")
    counted = bool(answer.prompt_tokens) and responses.has_stable_prompt_count(prompt)
    grown = counted and (answer.prompt_tokens or 0) > (control.prompt_tokens or 0)
    if counted and answer.prompt_tokens == control.prompt_tokens and greedy and answer.text == control.text:
        return ignored("with the tool, the answer and the prompt's tokens are the same as without")
    bad = send_bad(responses, tools=[nonsense])
    if is_refused(bad) and grown:
        return supported(
            "the tool adds tokens to the prompt, and nonsense in its declaration is refused: it is read",
            Evidence.PARSED,
        )
    if is_refused(bad):
        return inconclusive("nonsense in the tool's declaration is refused; whether the tool is at hand is not shown")
    if not bad.accepted:
        return inconclusive(f"nonsense in the tool's declaration is answered with {bad.failure or bad.status}")
    if _is_like_an_invented_tool(responses, bad):
        return ignored(f"the answer has no item `{item}`, and the prompt's tokens are those of a tool that is none")
    if counted and answer.prompt_tokens == control.prompt_tokens:  # fewer may be: tools can replace a default text
        return ignored(f"the answer has no item `{item}`, and nonsense in the tool's declaration is taken too")
    return inconclusive("the tool changes the prompt, and is not run; nonsense in its declaration is taken too")


def _is_like_an_invented_tool(responses: Responses, bad: Exchange) -> bool:
    """Tell whether a tool costs the tokens of one whose type no server knows. A tool that is read may cost others."""
    invented = send_bad(responses, tools=[{"type": INVENTED_TYPE}])
    if not invented.accepted:
        return False
    counts = [responses.read(exchange).prompt_tokens for exchange in (bad, invented)]
    return counts[0] == counts[1] and bool(counts[0])


for _name, (_tool, _nonsense, _item) in HOSTED_TOOLS.items():
    _declare_hosted(_name, _tool, _nonsense, _item)


@probe(
    "responses/fields/tools/cut_call",
    capability="tools",
    title="a call that the limit cuts",
    chance=chance.GREEDY_ANSWER,
)
def cut_call(responses: Responses) -> Observation:
    """A call that the limit cut is not told as a whole one: the response is `incomplete`, streamed too."""
    whole = ask_for_call(responses.ask_prerequisite, spell(responses, EXAMPLES), tools=responses.spell_tools(TOOLS))
    taken = whole.completion_tokens
    limit = max(responses.control.min_limit, taken // 2 if taken else MIN_CUT_TOKENS)
    arguments = [read_arguments(text) for _, text in whole.called_tools]
    if not arguments or None in arguments or (taken and limit >= taken):
        return inconclusive("no call comes that a limit could cut")
    seen = [
        _judge_cut_call(
            responses,
            responses.ask(
                spell(responses, EXAMPLES), tools=responses.spell_tools(TOOLS), max_output_tokens=limit, **streaming
            ),
            limit,
        )
        for streaming in STREAMING
    ]
    return next((each for each in seen if each.verdict is not Verdict.SUPPORTED), seen[0])


def _judge_cut_call(responses: Responses, answer: OutputResponse, limit: int) -> Observation:
    halves = [item for item in answer.items_of("function_call") if read_arguments(str(item.get("arguments"))) is None]
    reached = responses.control.counts == "tokens" and answer.completion_tokens == limit
    if answer.status == "completed" and not halves and (answer.called_tools or not reached):
        return inconclusive("the answer has ended by itself, before the limit or past it")
    if answer.status == "completed":
        told = "holds half a call" if halves else "holds no whole call"
        return broken(f"the limit cut the call: the answer {told}, and says that it is `completed`")
    if any(item.get("status") == "completed" for item in halves):
        return broken("half a call says that it is `completed`")
    if answer.status != "incomplete":
        raise UndeterminedError(f"the status of the answer is {quote_value(answer.status)}")
    return supported("the response is `incomplete`, and no half call is told as a whole one")


MIN_CUT_TOKENS = 4
"""Tokens at which a call is cut where nothing tells how many it has: no name and arguments fit into them."""


@probe(
    "responses/fields/input/function_call/unanswered",
    capability="tools",
    title="an output without its call",
    severity=Severity.SHOULD,
    chance=chance.STATUSES,
)
def output_without_call(responses: Responses) -> Observation:
    """An output that belongs to no call is refused; servers that take it are lenient."""
    responses.ask_control()
    exchange = responses.attempt_minimal(input=responses.spell_turns([user("Hi"), answered("call_zq_unknown")]))
    if exchange.accepted:
        return ignored("an output that belongs to no call is answered like any other input")
    if not is_refused(exchange):
        return broken(f"an output that belongs to no call is answered with {exchange.failure or exchange.status}")
    return supported(f"an output that belongs to no call is refused with {exchange.status}")
