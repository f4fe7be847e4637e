"""The answer of `/responses` as probes read it: its items as the one choice that the shared experiments know."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from .response_views import MalformedResponseError, TextResponse, as_list, get_path

TERMINAL_EVENTS = ("response.completed", "response.incomplete", "response.failed")
"""The events of which one ends a stream."""

LIFECYCLE_EVENTS = ("response.created", "response.queued", "response.in_progress", *TERMINAL_EVENTS)
"""The events that hold a whole response."""

_TEXT_DELTA = "response.output_text.delta"
_THOUGHT_DELTAS = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")

_FINISHES = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""`incomplete_details.reason` -> the finish_reason of chat that means the same."""


class OutputResponse(TextResponse):
    """An accepted answer with output items, streamed or not."""

    @property
    def response(self) -> Any:
        """The response object; of a stream, the one that its last lifecycle event holds; an empty one without any."""
        if not self.streamed:
            return self.exchange.json if isinstance(self.exchange.json, dict) else {}
        held = (get_path(event, "response") for event in reversed(self.chunks) if _is_lifecycle(event))
        return next((each for each in held if isinstance(each, dict)), {})

    @cached_property
    def body(self) -> Any:
        """The response object.

        Raises:
            MalformedResponseError: the answer is none, or is a stream without events.
        """
        if self.streamed:
            if not self.chunks:
                raise MalformedResponseError(self.exchange, "server-sent events")
        elif not isinstance(self.exchange.json, dict):
            raise MalformedResponseError(self.exchange, "a JSON object")
        return self.response

    @cached_property
    def items(self) -> list[Any]:
        """The output items; of a stream those of its last event, or those that its events ended with."""
        output = self.body.get("output")
        if self.streamed:
            done = [get_path(event, "item") for event in self.events_of("response.output_item.done")]
            return as_list(output) or done
        if not isinstance(output, list):
            raise MalformedResponseError(self.exchange, "output")
        return output

    def events_of(self, kind: str) -> list[Any]:
        """Return the events of a type, in order."""
        return [event for event in self.chunks if get_path(event, "type") == kind]

    def items_of(self, kind: str) -> list[Any]:
        """Return the output items of a type, in order."""
        return [item for item in self.items if get_path(item, "type") == kind]

    @property
    def item_types(self) -> list[Any]:
        """The types of the output items, in order."""
        return [get_path(item, "type") for item in self.items]

    @property
    def id(self) -> str | None:
        """The id of the response."""
        found = self.body.get("id")
        return found if isinstance(found, str) and found else None

    @property
    def status(self) -> Any:
        """The status of the response."""
        return self.body.get("status")

    @cached_property
    def choices(self) -> list[Any]:
        """The output as one choice, as chat would tell it."""
        calls = [call for item in self.items if (call := _as_tool_call(item)) is not None]
        message: dict[str, Any] = {"role": "assistant", "content": self._said, "reasoning_content": self._thought}
        if calls:
            message["tool_calls"] = calls
        logprobs = self._logprobs
        return [
            {
                "index": 0,
                "message": message,
                "finish_reason": self._finish(bool(calls)),
                "logprobs": {"content": logprobs} if logprobs else None,
            }
        ]

    @property
    def indices(self) -> list[int]:
        """The index of the only choice there is."""
        return [get_path(choice, "index") for choice in self.choices]

    @property
    def text_parts(self) -> list[Any]:
        """The `output_text` parts of the messages, in order."""
        return [
            part
            for item in self.items_of("message")
            for part in as_list(get_path(item, "content"))
            if get_path(part, "type") == "output_text"
        ]

    @property
    def _said(self) -> str:
        pieces = self._deltas(_TEXT_DELTA)
        return pieces or _join(get_path(part, "text") for part in self.text_parts)

    @property
    def _thought(self) -> str:
        if pieces := self._deltas(*_THOUGHT_DELTAS):
            return pieces
        items = self.items_of("reasoning")
        parts = [part for name in ("summary", "content") for item in items for part in as_list(get_path(item, name))]
        return _join(get_path(part, "text") for part in parts)

    def _deltas(self, *kinds: str) -> str:
        """Return the joined deltas of a stream."""
        if not self.streamed:
            return ""
        return _join(get_path(event, "delta") for event in self.chunks if get_path(event, "type") in kinds)

    @property
    def _logprobs(self) -> list[Any]:
        told = [entry for part in self.text_parts for entry in as_list(get_path(part, "logprobs"))]
        events = self.events_of(_TEXT_DELTA) if self.streamed else []
        return told or [entry for event in events for entry in as_list(get_path(event, "logprobs"))]

    def _finish(self, called: bool) -> str | None:
        if self.status == "incomplete":
            reason = get_path(self.body, "incomplete_details", "reason")
            return _FINISHES.get(reason) if isinstance(reason, str) else None
        if self.status == "completed":
            return "tool_calls" if called else "stop"
        return None

    @property
    def usage(self) -> Any:
        """The usage with the names that chat has for the counts; None where there is none."""
        usage = self.body.get("usage")
        if not isinstance(usage, dict):
            return None
        return {
            "prompt_tokens": usage.get("input_tokens"),
            "completion_tokens": usage.get("output_tokens"),
            "total_tokens": usage.get("total_tokens"),
            "completion_tokens_details": usage.get("output_tokens_details"),
        }

    @property
    def finished_choice_count(self) -> int:
        """How many choices of a stream came to an end: one, or none."""
        return sum(1 for event in self.chunks if get_path(event, "type") in TERMINAL_EVENTS)

    @property
    def text_times(self) -> list[float]:
        """When each piece of a stream with text arrived, thoughts included, in seconds."""
        kinds = (_TEXT_DELTA, *_THOUGHT_DELTAS)
        return [event.seconds for event in self.exchange.events if get_path(event.json, "type") in kinds]

    @property
    def content_chunk_count(self) -> int:
        """How many pieces of text a stream had, thoughts included."""
        kinds = (_TEXT_DELTA, *_THOUGHT_DELTAS)
        return sum(1 for event in self.chunks if get_path(event, "type") in kinds and get_path(event, "delta"))


def _is_lifecycle(event: Any) -> bool:
    return get_path(event, "type") in LIFECYCLE_EVENTS


def _join(texts: Iterator[Any]) -> str:
    return "".join(text for text in texts if isinstance(text, str))


def _as_tool_call(item: Any) -> dict[str, Any] | None:
    """Return a call item as chat tells a tool call; None for other items."""
    kind = get_path(item, "type")
    call_id, name = get_path(item, "call_id"), get_path(item, "name")
    if kind == "function_call":
        function = {"name": name, "arguments": get_path(item, "arguments")}
        return {"id": call_id, "type": "function", "function": function}
    if kind == "custom_tool_call":
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": get_path(item, "input")}}
    return None
