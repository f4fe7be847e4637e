"""The experiments on the form of a text: it obeys a format that the prompt does not suggest."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .endpoints import TextEndpoint
from .observation import Observation, ignored, inconclusive, partial, supported, weigh
from .response_views import TextResponse
from .session import UndeterminedError
from .unread_fields import check_value_is_read

WORDS = (("zq_key", "v7"), ("qx_name", "w3"))
"""Two words that no prompt suggests; a server that does not constrain cannot write them."""

ASKS_FOR_PROSE = (
    "Write a poem about the sea. Do not write JSON.",
    "Tell the story of a lost dog in plain prose, never in JSON.",
)


def single_value_schema(key: str, word: str, name: str = "one_word") -> dict[str, Any]:
    """Return a schema, called `name`, that allows one document only: {key: word}."""
    schema = {
        "type": "object",
        "properties": {key: {"type": "string", "enum": [word]}},
        "required": [key],
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def read_json(text: str) -> Any:
    """Return the text as JSON, or None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


MAX_DOCUMENT_TOKENS = (32, 96)
"""Tokens of a document, and of the same where white space, which a grammar may allow, fills the first limit."""


def keeps_to(text: str, documents: Sequence[dict[str, Any]]) -> bool | None:
    """Tell whether a text is one of the documents that a schema allows, each an object of one member.

    A limit may cut the text: up to the end of the value it is enough, since nothing else suggests the member. None
    where the text has not come so far, and may still become one.
    """
    so_far = _without_space(text)
    # A number at the very end of the text may go on.
    whole = len(so_far) - text[-1:].isdigit()
    dues = [_without_space(json.dumps(document)) for document in documents]
    if any(read_json(text) == document for document in documents):
        return True
    if any(due.startswith(so_far) and whole >= len(due) - len("}") for due in dues):
        return True
    return None if is_undetermined(text) or any(due.startswith(so_far) for due in dues) else False


def _without_space(text: str) -> str:
    """Return JSON, or the beginning of it, without the white space outside of its strings."""
    return re.sub(r'("(?:[^"\\]|\\.)*"?)|\s+', lambda found: found.group(1) or "", text, flags=re.DOTALL)


def ask_for_document(
    endpoint: TextEndpoint,
    prompt: str | None,
    form: dict[str, Any],
    documents: Sequence[dict[str, Any]],
    **extra: Any,
) -> tuple[bool | None, TextResponse]:
    """Ask for one of the documents, and tell whether it came; with more room where a limit cut the text too early.

    Raises:
        RequestRejectedError, RequestFailedError: the server did not take the form.
    """
    for limit in MAX_DOCUMENT_TOKENS:
        answer = endpoint.ask(prompt, **endpoint.spell_format(form), answer_limit=limit, **extra)
        kept = keeps_to(answer.content, documents)
        if kept is not None or answer.finish_reason == "stop":
            break
    return kept, answer


def check_schema(endpoint: TextEndpoint, **extra: Any) -> Observation:
    """Check that the text is the one document that the schema allows."""
    votes: list[bool | None] = []
    for (key, word), prompt in zip(WORDS[: endpoint.prompt_count], endpoint.prompts, strict=False):
        control = endpoint.ask_control(prompt)
        form = single_value_schema(key, word)
        kept, answer = ask_for_document(endpoint, prompt, form, [{key: word}], **extra)
        votes.append(None if kept is False and not _is_prose(answer, control) else kept)
    return weigh(
        votes,
        seen="the text is the one document that the schema allows, against the prompt",
        absent="the text is prose, as it is without the schema",
        unclear="the text is neither prose nor the one document that the schema allows",
    )


def is_undetermined(text: str) -> bool:
    """Whether the text neither keeps a format nor is prose: space, thoughts before it, a fence around it."""
    return text.strip() in ("", "{") or text.lstrip().startswith(("<think", "`"))


def _is_prose(answer: TextResponse, control: TextResponse) -> bool:
    return answer.content[:12] == control.content[:12] or not answer.content.lstrip().startswith(("{", "["))


def begins_json(text: str) -> bool:
    """Whether the text is a JSON object, or the beginning of one that the limit cut."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return False
    if isinstance(read_json(stripped), dict):
        return True
    inside = stripped[1:].lstrip()
    return bool(inside) and inside[0] in '"}'


def check_json_object(endpoint: TextEndpoint, prompts: tuple[str, ...], **extra: Any) -> Observation:
    """Check that the text is JSON where the prompt asks for prose and the control is prose."""
    votes: list[bool | None] = []
    for prompt in prompts[: endpoint.prompt_count]:
        control = endpoint.ask_control(prompt)
        said = _ask_for_json(endpoint, prompt, **extra)
        if is_undetermined(said):
            votes.append(None)
        elif begins_json(control.content):  # a model that writes such texts anyway, but not whole ones so soon
            longer = endpoint.ask_control(prompt, answer_limit=MAX_DOCUMENT_TOKENS[0])
            votes.append(True if _is_object(said) and not _is_object(longer.content) else None)
        else:
            votes.append(begins_json(said) or (None if said.lstrip().startswith(("{", "[")) else False))
    return weigh(
        votes,
        seen="the text is a JSON object where the prompt asks for prose",
        absent="the text is prose, as it is without the field",
        unclear="the control is JSON too, or the text only begins like JSON, or has not begun",
    )


def _is_object(text: str) -> bool:
    return isinstance(read_json(text.strip()), dict)


def _ask_for_json(endpoint: TextEndpoint, prompt: str, **extra: Any) -> str:
    """Return the text that comes in JSON mode; with more room where white space alone came before the limit."""
    for limit in MAX_DOCUMENT_TOKENS:
        answer = endpoint.ask(prompt, **endpoint.spell_format({"type": "json_object"}), answer_limit=limit, **extra)
        if answer.finish_reason == "stop" or answer.content.strip() not in ("", "{"):
            break
    return answer.content


def check_format_text(endpoint: TextEndpoint, field: str) -> Observation:
    """Check that the format `text` changes nothing, and that the field is read: or any nonsense would do."""
    with suppress(UndeterminedError):  # where greedy text does not repeat itself, it cannot differ either
        ((prompt, control),) = endpoint.find_repeatable_controls(1)
        if not control.is_repeated_in(endpoint.ask(prompt, **endpoint.spell_format({"type": "text"})).text):
            return inconclusive("the text differs from the one without the field")
    return check_value_is_read(endpoint, field)


KEYWORDS: dict[str, tuple[dict[str, Any], Any]] = {
    "integer": ({"type": "integer", "enum": [7]}, [7]),
    "items": ({"type": "array", "items": {"type": "integer", "enum": [4]}, "minItems": 2, "maxItems": 2}, [[4, 4]]),
    "any_of": ({"anyOf": [{"type": "string", "enum": ["zq"]}, {"type": "null"}]}, ["zq", None]),
    "ref": ({"$ref": "#/$defs/word"}, ["zq"]),
}
"""Keyword -> a schema of a member, and the values that it allows."""


def check_keywords(endpoint: TextEndpoint) -> Observation:
    """Check that enums of numbers, arrays of fixed length, anyOf and $ref are enforced."""
    obeyed: list[str] = []
    missed: list[str] = []
    for keyword, (schema, allowed) in KEYWORDS.items():
        document = {
            "type": "object",
            "properties": {"zq": schema},
            "required": ["zq"],
            "additionalProperties": False,
            "$defs": {"word": {"type": "string", "enum": ["zq"]}},
        }
        form = {"type": "json_schema", "json_schema": {"name": keyword, "strict": True, "schema": document}}
        kept, _ = ask_for_document(endpoint, None, form, [{"zq": value} for value in allowed])
        if kept is None:
            limit = MAX_DOCUMENT_TOKENS[-1]
            return inconclusive(f"the text is neither prose nor a whole value within {limit} tokens ({keyword})")
        (obeyed if kept else missed).append(keyword)
    if not missed:
        return supported(f"enforced: {', '.join(obeyed)}")
    if not obeyed:
        return ignored(f"not enforced: {', '.join(missed)}")
    return partial(f"enforced: {', '.join(obeyed)}; not: {', '.join(missed)}")
