"""The kinds of models and servers that there are, as combinations of parts: all honour every field, but the deaf.

A kind also says what is true of it that is not true of the plain one: which fields it refuses in its own words, which
it drops, and which rows may be other than supported, and why. `conformance.selftests.test_any_model` asks all rows
of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from . import vocabularies
from .gateways import Gateway, Interrupts
from .honours import HonoursEverything
from .interface import Server
from .model import Model
from .parts import FIXED, PLAIN, Counting, Manners, Parts, Thinking
from .vocabulary import Vocabulary

Expected = tuple[frozenset[str], str]
"""Verdicts that a row may have, and why."""

TEXT = ("chat", "completions", "responses")
"""Endpoints that are asked of a kind, unless its parts touch others: those would be as they are of the plain one."""
CHOICES = ("chat", "completions")
"""Endpoints of kinds that differ by their words alone: some of them are asked at `/responses` too."""
THOUGHTS = ("chat", "responses", "clients")
ALL = ("chat", "completions", "responses", "clients", "errors", "embeddings", "models")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of model or server."""

    description: str
    parts: Parts = PLAIN
    wrap: Callable[[Server], Server] | None = None
    """What stands before the server."""
    lenient: bool = False
    pace: float = 0.0
    """Seconds between the chunks of a stream."""
    extensions: bool = True
    endpoints: tuple[str, ...] = TEXT
    decided: float = 1.0
    """The share of its rows that must be decided."""
    refuses: tuple[str, ...] = ()
    """Fields that it refuses, or some values of them that others take."""
    drops: tuple[str, ...] = ()
    """Fields, or members of them, that it does not act on."""
    others: Mapping[str, Expected] = field(default_factory=dict)
    """Row -> the further verdicts it may have; a `*` at the end stands for all that begin so."""

    @property
    def has_other_shape(self) -> bool:
        """Whether its answers are of another shape than those of the plain kind, and not only of another text."""
        return self.needs_sdk or self.parts.counting != PLAIN.counting

    @property
    def needs_sdk(self) -> bool:
        """Whether its answers are such as the SDK might not take, so that all calls must go through it."""
        return self.wrap is not None or self.endpoints == ALL

    def server(self) -> Server:
        """A server of this kind, that has not been asked yet."""
        made = HonoursEverything(
            lenient=self.lenient, extensions=self.extensions, pace=self.pace, late=0, parts=self.parts
        )
        return made if self.wrap is None else self.wrap(made)


def _may(why: str, *verdicts: str) -> Expected:
    return frozenset(verdicts), why


def _speaks(vocabulary: Vocabulary, **model: object) -> Parts:
    return Parts(model=Model(vocabulary=vocabulary, **model))  # type: ignore[arg-type]


_THINKS = Thinking(shortest=60, longest=100, switches=())
_EFFORT = ("reasoning_effort", "reasoning/effort", "think")
_TAGS = {"responses/response/thoughts_apart": _may("thoughts stand in the content", "broken")}
_REFUSAL = "Sorry, but that is nothing that this model can help with."
_NO_USAGE = {
    "*/response/schema": _may("the schema has usage as required", "broken"),
    "*/response/schema/details": _may("the schema has usage as required", "broken"),
    "*/response/usage": _may("there is none", "broken", "ignored"),
    "*/response/usage_adds_up": _may("there is none", "broken"),
    "*/stream/usage_last": _may("there is none", "broken", "ignored"),
    "*/fields/stream_options/include_usage": _may("a stream has none, asked or not", "ignored"),
    "responses/stream/usage": _may("there is none", "broken"),
    "responses/stream/schema": _may("the schema has usage as required", "broken"),
}
_UNTRUE_COUNTS = {
    "*/response/usage": _may("its counts are wrong", "broken", "partial"),
    "*/response/usage_adds_up": _may("its counts are wrong", "broken", "partial"),
    "*/response/length_is_the_limit": _may("it says that there are more tokens than the limit allows", "broken"),
    "responses/response/usage/repeatable": _may("what it counts hangs on what it has read before", "broken"),
}

PLAIN_KINDS: dict[str, Kind] = {
    "plain": Kind(description="Honours every field.", endpoints=ALL),
    "lenient": Kind(
        description="Lets unknown fields pass.",
        lenient=True,
        endpoints=(*TEXT, "errors"),
        others={
            "errors/*/unknown_field": _may("it lets them pass", "ignored"),
            "errors/*/wrong_type/*": _may("fields that are idle are not read", "ignored"),
        },
    ),
    "markdown": Kind(description="Writes Markdown.", parts=_speaks(vocabularies.MARKDOWN), endpoints=CHOICES),
    "json": Kind(
        description="Writes what looks like JSON.", parts=_speaks(vocabularies.JSON, opening='{"'), endpoints=CHOICES
    ),
    "capitals": Kind(description="Writes in capitals.", parts=_speaks(vocabularies.CAPITALS), endpoints=CHOICES),
    "chinese": Kind(description="Writes Chinese.", parts=_speaks(vocabularies.CHINESE)),
    "japanese": Kind(description="Writes Japanese.", parts=_speaks(vocabularies.JAPANESE), endpoints=CHOICES),
    "russian": Kind(description="Writes Russian letters.", parts=_speaks(vocabularies.RUSSIAN), endpoints=CHOICES),
    "emoji": Kind(
        description="Writes emoji of two tokens each.", parts=_speaks(vocabularies.EMOJI), endpoints=CHOICES
    ),
    "emoji_drop": Kind(description="The same; drops half an emoji.", parts=_speaks(vocabularies.EMOJI_DROP)),
    "leading_newline": Kind(
        description="Begins each text with two newlines.",
        parts=Parts(model=Model(opening="\n\n")),
        endpoints=CHOICES,
    ),
    "leading_space": Kind(description="Begins each text with a space.", parts=Parts(model=Model(opening=" "))),
    "big_tokens": Kind(description="Has tokens of three words.", parts=_speaks(vocabularies.BIG)),
    "bytes": Kind(
        description="Has a vocabulary of 258.", parts=_speaks(vocabularies.BYTES), endpoints=(*TEXT, "embeddings")
    ),
    "special_low": Kind(
        description="Has control tokens as ids below 1,000.",
        parts=_speaks(vocabularies.SPECIAL_LOW),
        endpoints=(*CHOICES, "embeddings"),
    ),
    "one_choice": Kind(
        description="Refuses more than one choice.",
        parts=Parts(manners=Manners(most_choices=1)),
        endpoints=CHOICES,
        refuses=("n", "best_of"),
    ),
    "slow": Kind(description="Takes its time for each token of a stream.", pace=0.005, endpoints=("chat",)),
    "context_1k": Kind(
        description="Takes 1,024 tokens in all.",
        parts=Parts(manners=Manners(context=1024)),
        endpoints=TEXT,
    ),
    "gateway": Kind(
        endpoints=(*TEXT, "clients"),
        description="Comments, further members, another model's name, usage always.",
        parts=Parts(counting=Counting(unasked=True)),
        wrap=lambda inner: Gateway(inner=inner),
        others={
            "*/response/model": _may("the answer names another model", "broken", "ignored", "partial"),
            "*/fields/stream_options/include_usage": _may("usage comes unasked", "ignored", "partial"),
        },
    ),
    "base": Kind(
        description="Has no chat template, and never ends of itself.",
        parts=Parts(model=Model(template=False, longest=None), manners=Manners(context=1024)),
    ),
}

MODEL_KINDS: dict[str, Kind] = {
    "terse": Kind(
        description="Answers in one to three words.",
        parts=Parts(model=Model(shortest=1, longest=3)),
        decided=0.9,
    ),
    "single": Kind(
        description="Answers with one token.",
        parts=Parts(model=Model(shortest=1, longest=1)),
        decided=0.9,
    ),
    "guard": Kind(
        description="Says `safe` or `unsafe`, and is sure of it.",
        parts=Parts(model=Model(sayings=("safe", "unsafe"), lead=9.0)),
        decided=0.9,
    ),
    "same_refusal": Kind(
        description="Says one and the same to everything.",
        parts=Parts(model=Model(sayings=(_REFUSAL,), lead=5.0)),
        decided=0.9,
    ),
    "translator": Kind(
        description="Says what it is given in other words.",
        parts=Parts(model=Model(translates=True, lead=4.0)),
        decided=0.9,
    ),
    "certain": Kind(description="Is sure of each token.", parts=Parts(model=Model(lead=5.0)), decided=0.9),
    "loop": Kind(description="Repeats itself.", parts=Parts(model=Model(period=7, lead=5.0)), decided=0.9),
    "flips_10": Kind(description="Changes a late token in one text of ten.", parts=Parts(flips=10), decided=0.9),
    "flips_50": Kind(description="Changes a late token in one text of two.", parts=Parts(flips=50), decided=0.85),
}

THINKING_KINDS: dict[str, Kind] = {
    "thinks_field": Kind(
        description="Thinks in `reasoning_content`, always.",
        parts=Parts(thinking=replace(_THINKS, member="reasoning_content", stops=True)),
        endpoints=THOUGHTS,
        decided=0.97,
        drops=_EFFORT,
    ),
    "thinks_vllm": Kind(
        description="Thinks in `reasoning`, with log probabilities, unless the template is told not to.",
        parts=Parts(thinking=replace(_THINKS, has_odds=True, stops=True, switches=("template",))),
        endpoints=THOUGHTS,
        decided=0.97,
        drops=_EFFORT,
    ),
    "thinks_effort": Kind(
        description="Thinks in `reasoning`, unless reasoning_effort is `none`.",
        parts=Parts(thinking=replace(_THINKS, switches=("effort",))),
        endpoints=THOUGHTS,
        decided=0.97,
    ),
    "thinks_no_usage": Kind(
        description="Thinks in `reasoning_content`, and counts nothing.",
        parts=Parts(thinking=replace(_THINKS, member="reasoning_content"), counting=Counting(unit="nothing")),
        endpoints=(*TEXT, "clients"),
        decided=0.97,
        drops=_EFFORT,
        others=_NO_USAGE,
    ),
    "thinks_inline": Kind(
        description="Thinks between tags in the content.",
        parts=Parts(thinking=replace(_THINKS, member="", has_odds=True, stops=True)),
        endpoints=THOUGHTS,
        decided=0.97,
        drops=_EFFORT,
        others=_TAGS,
    ),
    "thinks_inline_off": Kind(
        description="The same, unless the template is told not to.",
        parts=Parts(thinking=replace(_THINKS, member="", has_odds=True, stops=True, switches=("template",))),
        endpoints=THOUGHTS,
        decided=0.97,
        drops=_EFFORT,
        others=_TAGS,
    ),
    "reference_reasoning": Kind(
        description="OpenAI's reasoning models: fixed sampling, hidden thoughts, no completions.",
        parts=Parts(
            thinking=Thinking(shortest=60, longest=100, hidden=True),
            manners=Manners(reasoning_only=True, completes=False),
            seeds=False,
        ),
        extensions=False,
        endpoints=(*TEXT, "clients", "errors"),
        decided=0.75,
        refuses=("max_tokens", "stop", "logprobs", "top_logprobs", "logit_bias", *FIXED),
        drops=("seed",),
        others={
            "completions/*": _may("there are no completions", "rejected"),
            "errors/completions/*": _may("there are no completions", "rejected"),
            "chat/fields/reasoning/effort": _may("it is an extension", "rejected"),
            "responses/fields/think": _may("it is an extension", "rejected"),
        },
    ),
    "reference_older": Kind(
        description="OpenAI's older reasoning models: the same, and nothing turns thinking off.",
        parts=Parts(
            thinking=Thinking(shortest=60, longest=100, hidden=True, switches=()),
            manners=Manners(reasoning_only=True, completes=False),
            seeds=False,
        ),
        extensions=False,
        endpoints=(*TEXT, "errors"),
        decided=0.75,
        refuses=("max_tokens", "stop", "logprobs", "top_logprobs", "logit_bias", *FIXED),
        drops=("seed", "reasoning_effort"),
        others={
            "completions/*": _may("there are no completions", "rejected"),
            "errors/completions/*": _may("there are no completions", "rejected"),
            "chat/fields/reasoning/effort": _may("it is an extension", "rejected"),
            "responses/fields/think": _may("it is an extension", "rejected"),
        },
    ),
}

MANNER_KINDS: dict[str, Kind] = {
    "least_16": Kind(
        description="Refuses limits below 16.",
        parts=Parts(manners=Manners(least_limit=16)),
        endpoints=(*TEXT, "clients", "errors"),
        decided=0.9,
        others={
            "*/fields/max_tokens/*": _may("it takes 16 and more", "partial"),
            "*/fields/max_completion_tokens/*": _may("it takes 16 and more", "partial"),
        },
    ),
    "cool": Kind(
        description="Takes temperatures up to 1.",
        parts=Parts(manners=Manners(hottest=1.0)),
        decided=0.97,
        others={"*/fields/temperature": _may("it takes 0 to 1", "partial")},
    ),
    "warm_only": Kind(
        description="Refuses temperature 0 and takes 0.01.",
        parts=Parts(manners=Manners(coldest=0.01)),
        endpoints=(*TEXT, "clients", "errors"),
        decided=0.9,
        others={"*/fields/temperature": _may("it takes 0.01 to 2", "partial")},
    ),
    "stream_only": Kind(
        description="Answers in streams alone.",
        parts=Parts(manners=Manners(streams_only=True)),
        endpoints=(*TEXT, "clients", "errors"),
        decided=0.9,
        refuses=("best_of",),
        others={"chat/fields/tools/custom": _may("chunks know calls of functions only, says the schema", "partial")},
    ),
    "batch_text": Kind(
        description="Gives several prompts in one request other texts than each alone.",
        parts=Parts(manners=Manners(batch_differs=True)),
        decided=0.97,
    ),
    "interrupted": Kind(
        endpoints=(*TEXT, "clients"),
        description="Ends one stream of three with [DONE], as when another client's request comes.",
        wrap=lambda inner: Interrupts(inner=inner, crowd=3),
        decided=0.85,
        others={"*/stream/*": _may("streams do end without a finish_reason", "broken", "partial")},
    ),
    "usage_characters": Kind(
        description="Counts characters.",
        parts=Parts(counting=Counting(unit="characters")),
        endpoints=(*TEXT, "embeddings"),
        decided=0.97,
        others=_UNTRUE_COUNTS,
    ),
    "usage_uncached": Kind(
        description="Counts what of a prompt it has not read before.",
        parts=Parts(counting=Counting(prompt="uncached")),
        endpoints=(*TEXT, "embeddings"),
        decided=0.97,
        others=_UNTRUE_COUNTS,
    ),
    "usage_no_prompt": Kind(
        description="Counts no prompt.",
        parts=Parts(counting=Counting(prompt="zero")),
        endpoints=(*TEXT, "embeddings"),
        decided=0.97,
        others=_UNTRUE_COUNTS,
    ),
    "usage_zeros": Kind(
        description="Has a usage of zeros in each chunk, and the true one where it is asked for.",
        parts=Parts(counting=Counting(zeros=True)),
        decided=0.97,
        others={"*/fields/stream_options/include_usage": _may("some usage comes unasked", "partial", "ignored")},
    ),
    "no_usage": Kind(
        description="Counts nothing.",
        parts=Parts(counting=Counting(unit="nothing")),
        endpoints=(*TEXT, "embeddings"),
        decided=0.96,
        others=_NO_USAGE,
    ),
}

HONEST: dict[str, Kind] = {**PLAIN_KINDS, **MODEL_KINDS, **THINKING_KINDS, **MANNER_KINDS}


def _brief(model: Model) -> Model:
    """Return the model that ends its answers by itself soon, and yet later than controls do by their limit."""
    return replace(model, longest=min(model.longest or MOST, MOST))


def _hasty(thinking: Thinking) -> Thinking:
    return replace(thinking, shortest=min(thinking.shortest, MOST), longest=min(thinking.longest, MOST))


MOST = 36
"""Tokens of an answer, and of thoughts, where no limit is heard."""


def deafened(kind: Kind) -> Kind:
    """Return the kind that checks every type and range, and then drops the field."""
    return replace(
        kind,
        description=f"{kind.description} Checks every field, and acts on none.",
        parts=replace(kind.parts, deaf=True, model=_brief(kind.parts.model), thinking=_hasty(kind.parts.thinking)),
        decided=0.0,
        others={
            **kind.others,
            "*/stream/usage_last": _may("it drops stream_options", "broken", "ignored"),
            "*/response/length_is_the_limit": _may("it drops the limit", "broken", "ignored"),
            "completions/fields/best_of": _may("it refuses one below n", "partial"),
            "clients/openai_python/parse": _may("it drops response_format", "broken", "ignored"),
            "clients/openai_python/responses_parse": _may("it drops `text`", "broken", "ignored"),
            "responses/response/echo/*": _may("it tells what it acts on, not what was sent", "broken"),
            "responses/fields/truncation/disabled": _may("it is what comes without it", "supported"),
            "errors/responses/undeclared_tool": _may("it drops tool_choice", "ignored"),
            "errors/responses/unknown_previous_response_id": _may("it drops previous_response_id", "ignored"),
        },
    )


DEAF: dict[str, Kind] = {
    f"deaf_{name}": deafened(HONEST[name]) for name in ("plain", "terse", "thinks_field", "certain", "flips_50")
}

KINDS: dict[str, Kind] = {**HONEST, **DEAF}
"""Name -> kind."""
