"""responses/fields: which model answers, how long, and how far from the likeliest text."""

from __future__ import annotations

from conformance.checklist.field_values import values
from conformance.probes import chance, text_generation, token_choice, told_odds
from conformance.probes.control import CONTROL_TOKENS
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation, broken, inconclusive, partial, supported
from conformance.probes.registry import declare_derived, probe
from conformance.probes.repetition import trim_cut
from conformance.probes.response_output import TERMINAL_EVENTS, OutputResponse
from conformance.probes.response_views import get_path
from conformance.probes.text_generation import has_more_tokens
from conformance.wire.json_text import quote_value


@probe("responses/fields/model", values=values(None, 7), chance=chance.STATUS_AND_ERROR)
def model(responses: Responses) -> Observation:
    """The model that answers; a name that no model has is refused."""
    return text_generation.check_unknown_model(responses)


@probe("responses/fields/temperature", values=values(0.5, "hot"), chance=chance.HOTTEST_OF_THREE)
def temperature(responses: Responses) -> Observation:
    """0 to 2: how far sampling strays from the likeliest token."""
    return token_choice.check_temperature(responses)


@probe("responses/fields/top_p", values=values(0.9, "wide"), chance=chance.HOTTEST_OF_TWO)
def top_p(responses: Responses) -> Observation:
    """Sampling considers only the tokens that make up this share of the probability."""
    return token_choice.check_top_p(responses)


declare_derived(
    "responses/fields/max_output_tokens",
    "The most tokens that an answer may have, thinking included.",
    values=values(16, "zz"),
)


@probe("responses/fields/max_output_tokens/plain", title="without stream", chance=chance.GREEDY_TEXT)
def max_output_tokens(responses: Responses) -> Observation:
    """The answer ends at the limit."""
    return text_generation.check_token_limit(responses, "max_output_tokens", names_end=False)


@probe("responses/fields/max_output_tokens/stream", title="with stream", chance=chance.GREEDY_TEXT)
def max_output_tokens_stream(responses: Responses) -> Observation:
    """A stream ends at the limit too."""
    return text_generation.check_token_limit(responses, "max_output_tokens", stream=True, names_end=False)


@probe(
    "responses/fields/max_output_tokens/incomplete", title="a cut answer is `incomplete`", chance=chance.GREEDY_TEXT
)
def max_output_tokens_incomplete(responses: Responses) -> Observation:
    """An answer that the limit cut says so: agents take a cut turn for a finished one otherwise."""
    limit = max(3, responses.control.min_limit)
    if limit >= CONTROL_TOKENS:
        return inconclusive(f"the smallest limit that is taken, {limit}, is no less than the control's")
    for prompt in responses.prompts[:2]:
        control = responses.ask_control(prompt)
        for stream in (True,) if responses.control.stream else (False, True):
            answer = responses.ask(prompt, max_output_tokens=limit, stream=stream)
            if stream and not answer.finished_choice_count:
                answer = responses.ask(prompt, max_output_tokens=limit, stream=stream, repetition=1)
            fault = _find_end_fault(answer)
            counted = responses.control.counts == "tokens" and answer.completion_tokens == limit
            if not _is_cut(answer, control, limit) and (fault is not None or not counted):
                return inconclusive("the answer may have ended by itself, before the limit")
            if fault is not None:
                return fault
    return supported("the status is `incomplete`, for the reason `max_output_tokens`, plain and streamed")


def _is_cut(answer: OutputResponse, control: OutputResponse, limit: int) -> bool:
    begins = control.text.strip().startswith(trim_cut(answer.text).strip())
    return begins and len(answer.text) < len(control.text) and has_more_tokens(control, limit)


def _find_end_fault(answer: OutputResponse) -> Observation | None:
    """Return what is wrong with the end of an answer that was cut; None where nothing is."""
    reason = get_path(answer.body, "incomplete_details", "reason")
    if answer.streamed and not answer.finished_choice_count:
        return inconclusive("the stream ends before its last event")
    if answer.status == "completed":
        return broken("an answer that the limit cut says that it is `completed`")
    if answer.status != "incomplete":
        return broken(f"the status of an answer that the limit cut is {quote_value(answer.status)}")
    if reason != "max_output_tokens":
        return partial(f"the status is `incomplete`, and the reason {quote_value(reason)}, not `max_output_tokens`")
    if answer.streamed:
        ends = [get_path(event, "type") for event in answer.chunks if get_path(event, "type") in TERMINAL_EVENTS]
        if ends != ["response.incomplete"]:
            return partial(f"the status is `incomplete`, and the stream ends with {quote_value(ends, 60)}")
    last = answer.items[-1] if answer.items else None
    if get_path(last, "status") not in ("incomplete", None):
        return partial(f"the response is `incomplete`, and its last item {quote_value(get_path(last, 'status'))}")
    return None


@probe("responses/fields/top_logprobs", values=values(2, "zz", **Responses.logprobs_fields), chance=chance.MEMBERS)
def top_logprobs(responses: Responses) -> Observation:
    """0 to 20: as many alternatives at each token."""
    return told_odds.check_top_logprobs(responses)


@probe("responses/fields/stream", values=values(False, "zz"), chance=chance.MEMBERS)
def stream(responses: Responses) -> Observation:
    """The answer arrives as server-sent events."""
    return text_generation.check_stream(responses)


declare_derived(
    "responses/fields/stream_options",
    "Settings of a stream.",
    values=values({"include_obfuscation": False}, 7, stream=True),
)


@probe("responses/fields/stream_options/include_obfuscation", chance=chance.MEMBERS)
def include_obfuscation(responses: Responses) -> Observation:
    """Events carry random characters that even out their sizes, against eavesdroppers; false turns them off."""
    return text_generation.check_include_obfuscation(responses)
