"""What the endpoints share that answer with text: controls that repeat, and streams."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from conformance.probes.control import (
    CONTROL_TOKENS,
    THINKING_FIELDS,
    THINKING_SWITCHES,
    Control,
    LimitField,
    negotiate,
)
from conformance.probes.repetition import RepeatedResponse, departs_early, is_continuation, read_repeated
from conformance.probes.response_views import TextResponse
from conformance.probes.session import ABSENT, RequestFailedError, RequestRejectedError, Session, UndeterminedError
from conformance.wire.exchange import Call, Exchange

from .endpoint import RequestEndpoint


@dataclass(kw_only=True)
class TextEndpoint(RequestEndpoint[TextResponse]):
    """What chat and completions share: prompts, controls, treatments."""

    prompts: ClassVar[tuple[str, ...]]
    """Three, and a spare. Of several hundred, those that SmolLM2-135M is surest of: in each of the first 24 tokens,
    raw and in its chat template, its first choice leads the second by 0.2 nats, the spare's by 0.15. Where the lead
    was 0.004, rounding decided, and so what the server held in its cache."""

    prompts_per_text: ClassVar[int] = 2
    """Prompts that an added text is shown on. Where counts of input tokens are required, one is enough."""
    generates = True
    minimal_fields: ClassVar[Mapping[str, Any]] = {"limit": 1}
    limit_fields: ClassVar[tuple[LimitField, ...]] = ("max_tokens",)
    """Fields that limit the answer, the likeliest first."""
    thinking_switches: ClassVar[tuple[Mapping[str, Any], ...]] = THINKING_SWITCHES
    """Fields by which thinking may be turned off."""
    usage_of_stream: ClassVar[Mapping[str, Any]] = {"stream_options": {"include_usage": True}}
    """What asks for the usage of a stream; empty where it comes unasked."""
    warm_up_subject = "Hi"
    response_rules: ClassVar[tuple[str, ...]] = (
        "schema",
        "schema/details",
        "usage",
        "choice_indices",
        "finish_reason",
        "length_is_the_limit",
        "created",
        "model",
        "content_type",
    )
    stream_rules: ClassVar[tuple[str, ...]] = (
        "schema",
        "schema/details",
        "content_type",
        "framing",
        "done",
        "constant",
        "finishes_once",
        "no_empty_choices",
        "usage_last",
        "indices",
        "utf8",
    )

    logprobs_fields: ClassVar[Mapping[str, Any]] = {}
    """What asks for the probabilities of the tokens."""
    odds_fields: ClassVar[Mapping[str, Any]] = {}
    """What asks for the probabilities of the tokens and of several others."""

    pinned: Control | None = None
    """How to ask, where that is not to be negotiated."""

    @property
    def prompt_count(self) -> int:
        """Prompts that a text is shown on: one is never enough where answers are sampled, and luck has a part."""
        return self.prompts_per_text if self.control.temperature == 0 else max(2, self.prompts_per_text)

    @property
    def without_switches(self) -> dict[str, Any]:
        """What leaves out of a request that which turns thinking off in plain ones."""
        return {name: ABSENT for switch in self.thinking_switches for name in switch}

    @property
    def control(self) -> Control:
        """How the plain request is asked: found out with the first request, and shared by all rows of a run."""
        if self.pinned is not None:
            return self.pinned
        known = self.session.controls
        if (self.name, self.model) not in known:
            known[self.name, self.model] = negotiate(self)
        found: Control = known[self.name, self.model]
        return found

    def attempt_as(self, control: Control, /, *, limit: int = CONTROL_TOKENS) -> Exchange:
        """Send the plain request as a control says, in no row's name, and return what came of it."""
        session = Session(send=self.session.send, models=self.session.models)
        return replace(self, session=session, pinned=control).attempt(limit=limit)

    def spell_format(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that demand a form of the text: `form` is a `response_format`, as chat has it."""
        return {"response_format": dict(form)}

    @abstractmethod
    def subject_fields(self, subject: Any, /) -> dict[str, Any]:
        """Return the fields that say what the request is about; None stands for the first prompt."""

    def body(
        self, subject: Any, /, *, limit: int | None = CONTROL_TOKENS, answer_limit: int | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Return the plain request about a subject, asked as the control says, with the fields put over it.

        `limit`: the most tokens of text, thoughts included; None for none. `answer_limit`: the most tokens of the
        answer that comes after the thoughts, in place of `limit`. A limit among the fields replaces both.
        """
        control = self.control
        literal = any(isinstance(fields.get(name), int) for name in self.limit_fields)
        unlimited = literal or (limit is None and answer_limit is None)
        limits: dict[str, Any] = {}
        if not unlimited:
            limits[control.limit_field] = control.limit_for(limit or 0, answer_limit)
        settings = control.fields
        if not THINKING_FIELDS.isdisjoint(fields):  # a row that sets how much is thought must not be overruled
            settings = {name: value for name, value in settings.items() if name not in THINKING_FIELDS}
        if "stream" in fields:  # what the row itself streams has the options that the row gives
            settings.pop("stream_options", None)
        return {"model": self.model, **self.subject_fields(subject), **settings, **limits, **fields}

    def minimal_body(self) -> dict[str, Any]:
        """Return the smallest request that is taken."""
        control = self.control
        subject = {name: value for name, value in super().minimal_body().items() if name not in self.limit_fields}
        streamed = {"stream": True} if control.stream else {}
        return {**subject, **streamed, control.limit_field: control.limit_for(1, None)}

    def warm_up_call(self) -> Call:
        """Return the call that makes the server load the model, whether it takes its fields or not."""
        return super(TextEndpoint, replace(self, pinned=Control())).warm_up_call()

    def read(self, exchange: Exchange) -> TextResponse:
        """Return the view of a response with choices."""
        return TextResponse(exchange)

    def ask_stream_with_usage(self, prompt: Any = None, /, **fields: Any) -> TextResponse:
        """Send a treatment that streams, with its usage where the server can tell that of a stream.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take it, with the usage nor without.
        """
        try:
            return self.ask(prompt, **fields, stream=True, **self.usage_of_stream)
        except (RequestRejectedError, RequestFailedError):
            return self.ask(prompt, **fields, stream=True)

    def repeat_control(self, prompt: str) -> TextResponse:
        """Send the greedy control once more, with a token more: a cache of whole requests cannot answer it.

        Raises:
            ControlFailedError: it does not work.
        """
        return self.ask_control(prompt, limit=CONTROL_TOKENS + 1)

    def _ask_twice(self, prompt: str, *, answered: bool) -> tuple[TextResponse, TextResponse]:
        if not answered or self.control.thinking == "none":
            return self.ask_control(prompt), self.repeat_control(prompt)
        one, two = (self.ask_control(prompt, answer_limit=CONTROL_TOKENS + more) for more in (0, 1))
        return one, two

    def has_stable_prompt_count(self, prompt: str) -> bool:
        """Tell whether a prompt counts as many tokens each time: some count only what they have not cached.

        Of a prompt that an earlier run has sent already they count next to nothing, each time.
        """
        count = self.ask_control(prompt).prompt_tokens
        return count == self.repeat_control(prompt).prompt_tokens and (count or 0) >= len(prompt.split()) / 4

    def find_repeatable_controls(
        self, count: int = 3, *, answered: bool = False
    ) -> list[tuple[str, RepeatedResponse]]:
        """Return prompts and their greedy controls, each asked twice, as far as the two are equal.

        A prompt whose text changes from the start, as rounding may do to one, is passed over for a spare. `answered`:
        with as many tokens of an answer, behind what the model thinks before it.

        Raises:
            UndeterminedError: too few prompts get equal text twice, or the model said nothing.
        """
        if self.control.temperature is None:
            raise UndeterminedError("temperature 0 is refused, and text at the server's own need not repeat itself")
        found: list[tuple[str, RepeatedResponse]] = []
        for prompt in self.prompts:
            if len(found) == count:
                break
            control, again = self._ask_twice(prompt, answered=answered)
            if not control.text.strip():
                raise UndeterminedError("the control said nothing")
            repeated = read_repeated(control, again)
            if repeated is not None:
                found.append((prompt, repeated))
        if len(found) < count:
            raise UndeterminedError("two equal requests at temperature 0 were answered differently")
        return found

    @property
    def is_steady(self) -> bool:
        """Whether greedy text repeated itself wholly on the first prompts."""
        twice = (self._ask_twice(prompt, answered=False) for prompt in self.prompts[:2])
        return all(is_continuation(again.text, control.text) for control, again in twice)

    def departs_again(self, prompt: str, control: RepeatedResponse, **fields: Any) -> bool | None:
        """Tell whether a text that departs early from its control does so once more; None where it does not.

        Asked only where greedy text was seen to change by itself: else no rounding is known that could have done it.
        """
        if self.is_steady:
            return True
        return departs_early(self.ask(prompt, repetition=1, **fields).text, control.text) or None

    def is_changed(
        self, prompt: str, control: RepeatedResponse, *, confirm: bool = True, **fields: Any
    ) -> bool | None:
        """Tell whether fields make the greedy text of a prompt another; None where rounding may have done it.

        Rounding changes a late token rather than an early one, and not each time. So a text that departs in its
        second half is asked twice more, and its control too, unless `confirm` is false.

        Raises:
            RequestRejectedError, RequestFailedError: the server did not take the fields.
        """
        answer = self.ask(prompt, **fields)
        if control.is_repeated_in(answer.text):
            return False
        if departs_early(answer.text, control.text):
            return self.departs_again(prompt, control, **fields)
        if not confirm:
            return None
        for repetition in (1, 2):
            again = self.ask(prompt, repetition=repetition, **fields)
            plain = self.ask_control(prompt, repetition=repetition)
            if again.text != answer.text or not control.is_repeated_in(plain.text):
                return None
        return True
