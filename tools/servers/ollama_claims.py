"""What Ollama's page on OpenAI compatibility claims, release by release, as `checklist/data/ollama.json` holds it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.checklist.claims import version_key
from conformance.report.documentation.match import extract_name, match_checkboxes
from conformance.report.documentation.parse import Checkbox, Note, find_checkboxes, find_notes

from .process import ToolError

_FORMS = "`prompt` currently only accepts a string"
_CREATED = "`created` corresponds to when the model was last modified"
_OWNED_BY = '`owned_by` corresponds to the ollama username, defaulting to `"library"`'

NOTES = (
    ("/v1/completions", _FORMS, "completions/notes/prompt_string", True, _FORMS),
    ("/v1/models", _CREATED, "models/notes/created", True, _CREATED),
    ("/v1/models", _OWNED_BY, "models/notes/owned_by", True, _OWNED_BY),
    (
        "/v1/models/{model}", _CREATED,
        "models/notes/retrieve/created", True, _CREATED,
    ),
    (
        "/v1/models/{model}", _OWNED_BY,
        "models/notes/retrieve/owned_by", True, _OWNED_BY,
    ),
    ("/v1/completions", _FORMS, "completions/fields/prompt/array_of_strings", False, "array of strings"),
    ("/v1/completions", _FORMS, "completions/fields/prompt/array_of_tokens", False, "array of tokens"),
    ("/v1/completions", _FORMS, "completions/fields/prompt/array_of_token_arrays", False, "array of token arrays"),
    ("/v1/completions", _FORMS, "completions/fields/prompt/string", True, "string"),
)  # fmt: skip
"""What notes claim: path and text of the note, then row, claim and wording of each claim that follows from it."""

WITHOUT_CLAIM = (
    ("/v1/chat/completions", "Setting `seed` will always set `temperature` to `0`"),
    ("/v1/chat/completions", "`finish_reason` will always be `stop`"),
    (
        "/v1/chat/completions",
        "`usage.prompt_tokens` will be 0 for completions where prompt evaluation is cached",
    ),
)
"""Path and text of notes that no row is about."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one release says of one row."""

    row: str
    wording: str
    claimed: bool
    note: bool = False


class UnassignedError(ToolError):
    """What a page says, and no row is known for: it names each."""


def read_claims(text: str, assigned: Mapping[str, str]) -> tuple[Claim, ...]:
    """Return all claims of a page, in its order; notes in the order of `NOTES`.

    `assigned`: wording -> row, for checkboxes that neither an earlier wording nor a field's name tells.

    Raises:
        UnassignedError: a checkbox or a note has no row, or two checkboxes have the same.
    """
    boxes = _join_twins(_assign_rows(match_checkboxes(find_checkboxes(text), by_position=False), assigned))
    notes = find_notes(text)
    if faults := [*_describe_faults(boxes), *_describe_unknown(notes)]:
        raise UnassignedError("; ".join(faults))
    said = {(note.path, note.text) for note in notes}
    return (
        *(Claim(row=str(box.row), wording=box.wording, claimed=box.ticked) for box in boxes),
        *(
            Claim(row=row, wording=wording, claimed=claimed, note=True)
            for path, note, row, claimed, wording in NOTES
            if (path, note) in said
        ),
    )


def _assign_rows(boxes: Sequence[Checkbox], assigned: Mapping[str, str]) -> list[Checkbox]:
    """Return the checkboxes; a row that nobody knows is the one that is assigned, or made of the name."""
    found: list[Checkbox] = []
    for box in boxes:
        above = f"{box.endpoint}/fields" if box.parent is None else found[box.parent].row
        name = extract_name(box.wording)
        twin = next((other for other in found if _are_twins(other, box)), None)
        row = box.row or (twin.row if twin else assigned.get(box.wording))
        if row is None and name and box.endpoint and above:
            row = f"{above}/{name}"
        found.append(replace(box, row=row))
    return found


def _are_twins(one: Checkbox, other: Checkbox) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("section", "parent", "wording"))


def _join_twins(boxes: Sequence[Checkbox]) -> list[Checkbox]:
    """Return each checkbox once: what stands there both ticked and not, as `Vision` in v0.3.4, is not claimed."""
    joined: list[Checkbox] = []
    for box in boxes:
        twins = [other for other in boxes if _are_twins(other, box)]
        if twins[0] is box:
            joined.append(replace(box, ticked=all(twin.ticked for twin in twins)))
    return joined


def _describe_faults(boxes: Sequence[Checkbox]) -> list[str]:
    open_ones = [f"line {box.line}: no row for the checkbox {box.wording!r}" for box in boxes if box.row is None]
    rows = [box.row for box in boxes if box.row is not None]
    twice = sorted({row for row in rows if rows.count(row) > 1})
    return [*open_ones, *(f"two checkboxes for {row}" for row in twice)]


def _describe_unknown(notes: Sequence[Note]) -> list[str]:
    known = {*WITHOUT_CLAIM, *((path, text) for path, text, *_ in NOTES)}
    return [
        f"line {note.line}: no row for the note {note.text!r} of {note.path}"
        for note in notes
        if (note.path, note.text) not in known
    ]


def start_document(first: str) -> dict[str, Any]:
    """Return the document before its first release."""
    return {"source": "", "kind": "ollama", "first": first, "last": first, "boxes": [], "notes": []}


def add_release(document: Mapping[str, Any], version: str, claims: Sequence[Claim]) -> dict[str, Any]:
    """Return the document with one more release, newer than all that it has.

    A claim is entered where it differs from the one before, in its tick or in its wording; None ends it.
    """
    parts = {
        part: _merge(document[part], version, [claim for claim in claims if claim.note is note], ordered=not note)
        for part, note in (("boxes", False), ("notes", True))
    }
    first = document["first"]
    source = f"Ollama's documentation, the page on OpenAI compatibility, every release from {first} to {version}"
    return {"source": source, "kind": document["kind"], "first": first, "last": version, **parts}


def _merge(
    entries: Sequence[Mapping[str, Any]], version: str, claims: Sequence[Claim], *, ordered: bool
) -> list[dict[str, Any]]:
    """Return the entries of all rows: first those of the page, in its order, then those that have left it."""
    before = {entry["row"]: list(entry["claims"]) for entry in entries}
    merged = []
    for order, claim in enumerate(claims):
        earlier = before.pop(claim.row, [])
        said = {"since": version, "claimed": claim.claimed, "wording": claim.wording}
        merged.append(_entry(claim.row, order if ordered else None, earlier, said))
    for row, earlier in before.items():
        merged.append(_entry(row, None, earlier, {**earlier[-1], "since": version, "claimed": None}))
    return merged


def _entry(row: str, order: int | None, earlier: list[Any], said: Mapping[str, Any]) -> dict[str, Any]:
    same = earlier and all(earlier[-1][name] == said[name] for name in ("claimed", "wording"))
    return {"row": row, "order": order, "claims": earlier if same else [*earlier, said]}


def describe_differences(document: Mapping[str, Any], version: str, claims: Sequence[Claim]) -> list[str]:
    """Return how what the document says of a release differs from the claims of its page, a line each."""
    known = {
        Claim(row=entry["row"], wording=last["wording"], claimed=last["claimed"], note=part == "notes")
        for part in ("boxes", "notes")
        for entry in document[part]
        if (last := _find_claim(entry, version)) is not None and last["claimed"] is not None
    }
    lines = [f"the file says, and the page does not: {claim}" for claim in known.difference(claims)]
    return sorted([*lines, *(f"the page says, and the file does not: {claim}" for claim in set(claims) - known)])


def _find_claim(entry: Mapping[str, Any], version: str) -> Mapping[str, Any] | None:
    valid = [claim for claim in entry["claims"] if version_key(claim["since"]) <= version_key(version)]
    return valid[-1] if valid else None


def format_document(document: Mapping[str, Any]) -> str:
    """Return the document as text, a row a line."""
    head = "".join(
        f" {json.dumps(name)}: {json.dumps(document[name])},\n" for name in ("source", "kind", "first", "last")
    )
    parts = []
    for part in ("boxes", "notes"):
        lines = ",\n".join(f"  {json.dumps(entry)}" for entry in document[part])
        parts.append(f' "{part}": [\n{lines}\n ]')
    return "{\n" + head + ",\n".join(parts) + "\n}\n"
