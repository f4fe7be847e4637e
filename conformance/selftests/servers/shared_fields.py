"""What values of several endpoints may be alike: metadata, names, schemas, moderation, effort."""

from __future__ import annotations

from typing import Any

from .checks import anything, mapping, nullable, one_of, record, string

METADATA = mapping(string(most=512), most=16, longest_key=64)
NAME = string(least=1, most=64)


def schema(path: str, value: Any) -> None:
    """A JSON Schema."""
    if not isinstance(value, bool):
        mapping(anything)(path, value)


_POLICY = nullable(record({"mode": one_of("score", "block")}, required=("mode",)))
MODERATION = record(
    {"model": string(least=1), "policy": nullable(record({"input": _POLICY, "output": _POLICY}))},
    required=("model",),
)

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
EFFORT = one_of(*EFFORTS, code="unsupported_value")
