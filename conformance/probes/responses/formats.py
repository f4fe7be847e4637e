"""responses/fields/text: the form that the text must have."""

from __future__ import annotations

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity
from conformance.probes import chance, documents
from conformance.probes.effort import check_verbosity
from conformance.probes.endpoints import Responses
from conformance.probes.observation import Observation
from conformance.probes.registry import declare_derived, probe

declare_derived(
    "responses/fields/text",
    "The form of the text, and how much is said.",
    values=values({"format": {"type": "text"}}, 7),
)
declare_derived("responses/fields/text/format", "The form that the text must have.")


@probe("responses/fields/text/format/text", chance=chance.GREEDY_OR_STATUS)
def format_text(responses: Responses) -> Observation:
    """`text`, the default. The value is read, or any nonsense would do."""
    return documents.check_format_text(responses, "text")


@probe("responses/fields/text/format/json_object", chance=chance.FORCED_DOCUMENT)
def format_json_object(responses: Responses) -> Observation:
    """`json_object`: the text is a JSON object. The prompt must name JSON (ours does, to forbid it)."""
    return documents.check_json_object(responses, documents.ASKS_FOR_PROSE)


@probe("responses/fields/text/format/json_schema", chance=chance.FORCED_DOCUMENT)
def format_json_schema(responses: Responses) -> Observation:
    """`json_schema`: the text obeys the schema."""
    return documents.check_schema(responses)


@probe("responses/fields/text/format/json_schema/stream", title="with stream", chance=chance.FORCED_DOCUMENT)
def format_json_schema_stream(responses: Responses) -> Observation:
    """The joined deltas obey the schema too."""
    return documents.check_schema(responses, stream=True)


@probe(
    "responses/fields/text/format/json_schema/keywords", title="keywords of the schema", chance=chance.FORCED_DOCUMENT
)
def format_keywords(responses: Responses) -> Observation:
    """Enums of numbers, arrays of fixed length, anyOf and $ref are enforced, as `.parse()` of the SDK needs them."""
    whole = documents.check_schema(responses)  # asked for its own row anyway
    return documents.check_keywords(responses) if whole.verdict.is_positive else whole


@probe("responses/fields/text/verbosity", severity=Severity.SHOULD, chance=chance.GREEDY_OR_STATUS)
def verbosity(responses: Responses) -> Observation:
    """From low to high: how much the model says."""
    allowed = values({"verbosity": "low"}, {"verbosity": "zz_bogus"})
    return check_verbosity(responses, "text", lambda value: {"text": {"verbosity": value}}, allowed)
