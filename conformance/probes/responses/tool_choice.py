"""responses/fields: what chooses among the tools, and how many are called."""

from __future__ import annotations

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance, tool_calls
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation
from conformance.probes.registry import declare_derived, probe
from conformance.probes.unread_fields import check_value_is_read

from .tools import FLAT_TOOL

declare_derived(
    "responses/fields/tool_choice",
    "Whether, and which, tool is called.",
    capability="tools",
    values=values("auto", 7, tools=[FLAT_TOOL]),
)


@probe("responses/fields/tool_choice/none", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_none(responses: Responses) -> Observation:
    """`none`: no tool is called, where auto calls one."""
    return tool_calls.check_choice_none(responses)


@probe("responses/fields/tool_choice/auto", capability="tools", chance=chance.GREEDY_OR_STATUS)
def choice_auto(responses: Responses) -> Observation:
    """`auto`, the default: the model decides. The value is read, or any nonsense would do."""
    return tool_calls.check_choice_auto(responses)


@probe("responses/fields/tool_choice/required", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_required(responses: Responses) -> Observation:
    """`required`: a tool is called, where auto would not."""
    return tool_calls.check_choice_required(responses)


@probe("responses/fields/tool_choice/named", capability="tools", chance=chance.GREEDY_ANSWER)
def choice_named(responses: Responses) -> Observation:
    """A function by name: that one is called, where the examples call another."""
    return tool_calls.check_choice_named(responses)


@probe(
    "responses/fields/tool_choice/allowed_tools",
    capability="tools",
    severity=Severity.SHOULD,
    chance=chance.GREEDY_ANSWER,
)
def choice_allowed(responses: Responses) -> Observation:
    """Only the tools named may be called, and one must be."""
    return tool_calls.check_choice_allowed(responses)


@probe(
    "responses/fields/parallel_tool_calls",
    capability="tools",
    values=values(False, "zz", tools=[FLAT_TOOL]),
    chance=chance.GREEDY_OR_STATUS,
)
def parallel_tool_calls(responses: Responses) -> Observation:
    """False: at most one tool is called in an answer, where true calls two."""
    return tool_calls.check_parallel_calls(responses)


@probe(
    "responses/fields/max_tool_calls",
    severity=Severity.SHOULD,
    values=values(1, "zz"),
    chance=chance.STATUSES,
)
def max_tool_calls(responses: Responses) -> Observation:
    """How many calls of hosted tools an answer may make."""
    return check_value_is_read(responses, "max_tool_calls")
