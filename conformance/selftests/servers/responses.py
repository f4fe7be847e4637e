"""/v1/responses: every one of its fields, plain, streamed and in the background."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .chat import Chat, choices_of
from .checks import missing, record
from .fields import EXTENSIONS
from .interface import RefusalError, Reply, json_reply
from .messages import text_of
from .responses_fields import RESPONSES
from .responses_hosted import hosted_items
from .responses_input import Item, chat_body, check_calls, items_of, messages_of, new_id, seal, tools_of
from .responses_output import Event, Hosted
from .responses_state import Archive, Conversation, Record
from .responses_stream import Response
from .settings import check_stream, given, paced_pieces

_CHECK = record(RESPONSES)
_CHECK_EXTENDED = record(RESPONSES | EXTENSIONS["responses"])


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a request gives the model to read."""

    asked: Sequence[Item]
    """The items of the request itself."""
    earlier: Sequence[Item]
    """The items before, of an earlier response or of a conversation."""
    conversation: Conversation | None
    chat: dict[str, Any]
    """The request as chat would have it."""
    prompt: tuple[int, ...]


@dataclass(kw_only=True)
class Responses:
    """The endpoint, with what it was told to keep."""

    chat: Chat
    """Whose prompts, model and settings it shares."""
    context_of: Callable[[str], int]
    """The name of a model -> how many tokens prompt and answer may have together."""
    extensions: bool = False
    """Whether fields are read that OpenAI's clause does not have."""
    results_due: bool = False
    """Whether calls must have been answered, as OpenAI demands."""
    pace: float = 0.0
    """Seconds between the events of a stream."""
    late: float = 0.0
    """Seconds between the later events of a long one."""
    archive: Archive = field(default_factory=Archive)

    def check(self, body: Mapping[str, Any]) -> None:
        """Refuse what OpenAI refuses.

        Raises:
            RefusalError: naming the field.
        """
        if "model" not in body:
            raise missing("model")
        (_CHECK_EXTENDED if self.extensions else _CHECK)("", body)
        check_stream(body)
        if body.get("previous_response_id") is not None and body.get("conversation") is not None:
            message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'."
            raise RefusalError(message, param="previous_response_id", code="mutually_exclusive_parameters")
        if body.get("background") and body.get("store") is False:
            raise RefusalError("Background responses require 'store' to be true.", param="background")
        if body.get("prompt") is not None:
            name = body["prompt"]["id"]
            raise RefusalError(f"Prompt with id '{name[:80]}' not found.", param="prompt", status=404)
        self.chat.serving.parts.manners.check(body)

    def answer(self, body: Mapping[str, Any]) -> Reply:
        """The reply to a body that passed the check.

        Raises:
            RefusalError: it asks for what cannot be done.
        """
        body = self._heard(body)
        turn = self.turn(body)
        response = self._response(body, turn)
        kept = Record(response=response, asked=turn.asked, earlier=turn.earlier)
        response.keep = lambda whole: self._keep(kept, turn, whole)
        if body.get("background"):
            self.archive.add(kept)
        if body.get("stream"):
            return self.stream(kept.events())
        return json_reply(response.begun("queued") if body.get("background") else response.whole())

    def stream(self, events: Iterable[Event]) -> Reply:
        """Return the reply that streams events."""
        kind = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))
        return Reply(headers=kind, body=paced_pieces(map(event_bytes, events), self.pace, self.late))

    def _heard(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the server acts on; a deaf one is greedy, and has a limit, as servers that know no field."""
        if not self.chat.serving.parts.deaf:
            return body
        kept = {name: body[name] for name in ("model", "input", "stream") if name in body}
        return {**kept, "temperature": 0, "max_output_tokens": 200}

    def _keep(self, kept: Record, turn: Turn, whole: dict[str, Any]) -> None:
        kept.whole = whole
        if whole["store"]:
            self.archive.add(kept)
        if turn.conversation is not None:
            turn.conversation.items += [*turn.asked, *whole["output"]]

    def turn(self, body: Mapping[str, Any]) -> Turn:
        """Return what the model reads of a request, and of what it goes on.

        Raises:
            RefusalError: there is nothing to read, or no such thing to go on, or too much of it.
        """
        conversation = self._conversation(body)
        earlier: Sequence[Item] = conversation.items[:] if conversation is not None else ()
        if body.get("previous_response_id") is not None:
            earlier = self.archive.previous(body["previous_response_id"])
        asked = self.archive.resolve(items_of(body.get("input")))
        check_calls([*earlier, *asked], results_due=self.results_due)
        messages = messages_of([*earlier, *asked])
        if not messages or body.get("input") == "":
            message = "One of 'input', 'previous_response_id', 'prompt' or 'conversation' must be provided."
            raise RefusalError(message, param="input", code="missing_required_parameter")
        if body.get("instructions"):
            messages.insert(0, {"role": "system", "content": body["instructions"]})
        chat, prompt = self._fitted(body, messages)
        return Turn(asked=asked, earlier=earlier, conversation=conversation, chat=chat, prompt=prompt)

    def _conversation(self, body: Mapping[str, Any]) -> Conversation | None:
        named = body.get("conversation")
        if named is None:
            return None
        return self.archive.conversation(named if isinstance(named, str) else named["id"])

    def _fitted(
        self, body: Mapping[str, Any], messages: Sequence[dict[str, Any]]
    ) -> tuple[dict[str, Any], tuple[int, ...]]:
        """Return the request as chat would have it, with its prompt, without the oldest messages if need be."""
        context = self.context_of(body["model"])
        start = 0
        while True:
            led = [message for message in messages[:start] if message["role"] in ("system", "developer")]
            chat = chat_body(body, [*led, *messages[start:]])
            prompt = self._prompt(chat)
            if len(prompt) < context:
                return chat, prompt
            start += 1
            if given(body, "truncation", "disabled") == "disabled" or start == len(messages):
                message = (
                    "Your input exceeds the context window of this model. "
                    f"Its maximum context length is {context} tokens, but the input has {len(prompt)}."
                )
                raise RefusalError(message, param="input", code="context_length_exceeded")

    def _prompt(self, chat: Mapping[str, Any]) -> tuple[int, ...]:
        """Return the tokens of the whole conversation, whatever chat itself would drop of it."""
        try:
            return Chat.prompt(self.chat, chat)
        except RefusalError as refusal:
            raise RefusalError(refusal.message, param="input", code=refusal.code, status=refusal.status) from refusal

    def _response(self, body: Mapping[str, Any], turn: Turn) -> Response:
        _check_json_named(turn.chat)
        left = self.context_of(body["model"]) - len(turn.prompt)
        chat = {**turn.chat, "max_completion_tokens": min(given(body, "max_output_tokens", left), left)}
        try:
            choice, *_ = choices_of(chat, turn.prompt, self.chat.serving)
        except RefusalError as refusal:
            param = "text.format" if refusal.param == "response_format" else refusal.param
            raise RefusalError(refusal.message, param=param, code=refusal.code) from refusal
        first = [*_compaction(body, turn), *hosted_items(body)]
        for place, item in enumerate(first):
            item.index = place
        return Response(
            body=body,
            prompt=turn.prompt,
            choice=choice,
            serving=self.chat.serving,
            first=first,
            spaces=tools_of(body)[1],
        )


def _check_json_named(chat: Mapping[str, Any]) -> None:
    if chat["response_format"]["type"] != "json_object":
        return
    if not any("json" in text_of(message).lower() for message in chat["messages"]):
        message = (
            "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
            "'json_object'."
        )
        raise RefusalError(message, param="input")


def compaction_of(items: Sequence[Item]) -> Item:
    """Return the item that stands for a conversation: what was said in it, sealed."""
    said = " ".join(filter(None, (text_of(message) for message in messages_of(items))))
    return {"id": new_id("compaction"), "type": "compaction", "encrypted_content": seal(said)}


def _compaction(body: Mapping[str, Any], turn: Turn) -> list[Hosted]:
    """Return the compaction that `context_management` asks for, where the input is long enough for it."""
    thresholds = [each.get("compact_threshold") for each in given(body, "context_management", ())]
    due = any(threshold is not None and len(turn.prompt) > threshold for threshold in thresholds)
    item = compaction_of([*turn.earlier, *turn.asked]) if due else None
    return [Hosted(index=0, item=item, stages=(), result={})] if item is not None else []


def event_bytes(event: Event) -> bytes:
    """Return an event as it goes over the wire."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event['type']}\ndata: {data}\n\n".encode("utf-8", "replace")
