"""Members of an answer of chat, wherever they stand in it: in the body, or in any chunk of a stream."""

from __future__ import annotations

from typing import Any

from conformance.probes.response_views import TextResponse, as_list, get_path


def find_member(answer: TextResponse, name: str) -> Any:
    """Return a member of the body, of a stream the first that a chunk has; None where there is none."""
    documents = answer.chunks if answer.streamed else [answer.body]
    return next((found for each in documents if (found := get_path(each, name)) is not None), None)


def find_in_message(answer: TextResponse, *path: str) -> Any:
    """Return what stands at a path of the first choice's message; of a stream, the first that is in a delta.

    Empty values count for nothing; None where there is no other.
    """
    if not answer.streamed:
        return get_path(answer.message, *path) or None
    choices = [choice for chunk in answer.chunks for choice in as_list(get_path(chunk, "choices"))]
    return next((found for choice in choices if (found := get_path(choice, "delta", *path))), None)
