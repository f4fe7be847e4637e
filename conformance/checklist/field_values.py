"""What a request field is asked with to tell whether anybody reads it: a valid value, and nonsense of another type.

The values themselves stand at the declaration of each field's row, beside its experiment. Source of fields and types:
the request schemas of OpenAI's API (openai-openapi, 2026-08-21) and of the SDK 3.52.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class FieldValues:
    """A valid value, nonsense, and what must be sent beside the valid value for it to be valid."""

    valid: Any
    """None stands for what every control sends."""
    invalid: Any
    context: Mapping[str, Any] = field(default_factory=dict)
    capability: str = ""
    """What the valid value needs a model for; empty where any model of the endpoint takes it."""


def values(valid: Any, invalid: Any, /, *, capability: str = "", **context: Any) -> FieldValues:
    """Return the values of a field; `context` holds other fields, without which the valid value is not allowed."""
    return FieldValues(valid=valid, invalid=invalid, context=context, capability=capability)


MODEL_COPY_PREFIX = "gpt-3.5-turbo-conformance-alias"
"""Begins each name that rows copy a model to: like a client's default name, and one that no client would use."""
