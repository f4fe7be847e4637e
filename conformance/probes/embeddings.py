"""/v1/embeddings, in the order of the documentation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from conformance.checklist.field_values import values
from conformance.checklist.verdicts import Severity

from . import chance, text_generation
from .endpoints import Embeddings
from .observation import Observation, broken, ignored, inconclusive, partial, supported
from .registry import declare_derived, probe
from .response_views import EmbeddingResponse, as_int64, get_path
from .session import ABSENT, RequestRejectedError, UndeterminedError
from .unread_fields import check_value_is_read

ONE, TWO = Embeddings.texts

Vector = tuple[float, ...]


def cosine(one: Vector, two: Vector) -> float:
    """Cosine of the angle between two vectors; 0 where lengths differ or a vector is zero."""
    norms = math.hypot(*one) * math.hypot(*two)
    if len(one) != len(two) or not norms:
        return 0.0
    return sum(a * b for a, b in zip(one, two, strict=True)) / norms


def is_close(one: Vector, two: Vector) -> bool:
    """Whether two vectors mean the same: batching may change the last digits."""
    return cosine(one, two) > 0.999


def is_equal(one: Vector, two: Vector) -> bool:
    """Whether two vectors are the same but for rounding; those of some models are all close to each other."""
    largest = max(map(abs, one), default=0.0)
    return len(one) == len(two) and all(abs(a - b) <= 1e-6 * largest for a, b in zip(one, two, strict=True))


@probe("embeddings/features/embeddings", is_control=True, title="Embeddings", chance=chance.VECTORS)
def embeddings_work(embeddings: Embeddings) -> Observation:
    """Texts become vectors; other texts, other vectors."""
    one, two = (embeddings.ask(text).vectors[0] for text in (ONE, TWO))
    if is_close(one, two):
        return inconclusive("two different texts get nearly the same vector")
    if not is_close(one, embeddings.ask(ONE, repetition=1).vectors[0]):
        return inconclusive("one text gets another vector each time")
    return supported(f"texts become vectors of {len(one)} numbers")


@probe("embeddings/fields/model", values=values(None, 7), chance=chance.STATUS_AND_ERROR)
def model(embeddings: Embeddings) -> Observation:
    """The model that answers; a name that no model has is refused."""
    embeddings.ask_control(ONE)
    return text_generation.judge_unknown_model(embeddings.attempt(ONE, model="no-such-model-zz"))


declare_derived("embeddings/fields/input", "What is embedded, in four forms.", values=values(None, {}))


@probe("embeddings/fields/input/string", chance=chance.VECTORS)
def input_string(embeddings: Embeddings) -> Observation:
    """A string gets one vector, each time the same; another string, another."""
    one, two = (embeddings.ask(text) for text in (ONE, TWO))
    if not is_close(one.vectors[0], embeddings.ask(ONE, repetition=1).vectors[0]):
        return inconclusive("one text gets another vector each time")
    if len(one.data) == len(two.data) == 1 and not is_close(one.vectors[0], two.vectors[0]):
        return supported("each text gets one vector of its own")
    if is_equal(one.vectors[0], two.vectors[0]):
        return ignored("two different texts get one and the same vector")
    if is_close(one.vectors[0], two.vectors[0]):
        return inconclusive("two different texts get nearly the same vector")
    return broken(f"one text gets {len(one.data)} vectors")


@probe("embeddings/fields/input/array_of_strings", chance=chance.VECTORS)
def input_strings(embeddings: Embeddings) -> Observation:
    """An array of strings gets a vector for each, in order, as each would get alone."""
    one, two = (embeddings.ask_control(text) for text in (ONE, TWO))
    batch = embeddings.ask([ONE, TWO, ONE])
    if len(batch.data) != 3:
        return ignored(f"three texts get {len(batch.data)} vectors")
    alone = [one.vectors[0], two.vectors[0], one.vectors[0]]
    if not all(is_close(got, due) for got, due in zip(batch.vectors, alone, strict=True)):
        return broken("the vectors of a batch are not those that each text gets alone")
    if is_close(one.vectors[0], two.vectors[0]):
        return inconclusive("three texts get three vectors; two texts get nearly the same, so that no order shows")
    return supported("three texts get three vectors, each as the text gets alone")


FIRST_IDS = (301, 11)
"""The first of the token ids that are asked about: of words in most vocabularies, else of one as small as bytes."""


def _ask_ids(embeddings: Embeddings, shape: Callable[[int], Any]) -> tuple[int, EmbeddingResponse]:
    """Ask about ids that the vocabulary has, and return the first of them too. `shape` makes the input of it.

    Raises:
        RequestRejectedError, RequestFailedError: the server does not take small ids either.
    """
    for first in FIRST_IDS[:-1]:
        try:
            return first, embeddings.ask(shape(first))
        except RequestRejectedError:
            continue
    return FIRST_IDS[-1], embeddings.ask(shape(FIRST_IDS[-1]))


@probe("embeddings/fields/input/array_of_tokens", chance=chance.VECTORS)
def input_tokens(embeddings: Embeddings) -> Observation:
    """An array of token ids gets one vector; more ids count more prompt tokens."""
    control = embeddings.ask_control(ONE)
    first, three = _ask_ids(embeddings, lambda first: [*range(first, first + 3)])
    # Of other ids than those before: some servers count only what they have not just read.
    five = embeddings.ask([*range(first + 3, first + 8)])
    if len(three.data) != 1:
        return ignored(f"one array of ids gets {len(three.data)} vectors")
    if is_equal(three.vectors[0], five.vectors[0]):
        return ignored("two arrays of ids get one and the same vector")
    if is_close(three.vectors[0], five.vectors[0]):
        return inconclusive("two arrays of ids get nearly the same vector")
    counts = (three.prompt_tokens, five.prompt_tokens)
    if (counts[1] or 0) - (counts[0] or 0) == 2:
        return supported("other ids get another vector, and each id counts as one token")
    if not all(counts) or not 0 < (control.prompt_tokens or 0) < len(ONE) / 2:
        return inconclusive("other ids get another vector, but what the server counts are no tokens")
    return broken(f"3 and 5 ids count {counts[0]} and {counts[1]} tokens")


@probe("embeddings/fields/input/array_of_token_arrays", chance=chance.VECTORS)
def input_token_arrays(embeddings: Embeddings) -> Observation:
    """Arrays of token ids get a vector each."""
    embeddings.ask_control(ONE)
    first, answer = _ask_ids(embeddings, lambda first: [[*range(first, first + 3)], [first + 3, first + 4]])
    if len(answer.data) != 2:
        return ignored(f"two arrays of ids get {len(answer.data)} vectors")
    if is_equal(*answer.vectors):
        return ignored("two arrays of ids get one and the same vector")
    if is_close(*answer.vectors):
        return inconclusive("two arrays of ids get nearly the same vector")
    alone = embeddings.attempt([*range(first, first + 3)])
    if alone.accepted and not is_close(answer.vectors[0], EmbeddingResponse(alone).vectors[0]):
        return broken("the vector of an array of ids is not the one that it gets alone")
    return supported("two arrays of ids get two vectors")


@probe("embeddings/fields/encoding_format", values=values("float", "zz_bogus"), chance=chance.VECTORS)
def encoding_format(embeddings: Embeddings) -> Observation:
    """`float`, or `base64` of little-endian float32; the same numbers either way."""
    plain = embeddings.ask_control(ONE)
    coded = embeddings.ask(ONE, encoding_format="base64")
    if not isinstance(coded.raw, str):
        return ignored("a list of numbers comes where base64 was asked for")
    if not isinstance(plain.raw, list):
        return ignored("base64 comes where floats were asked for")
    if len(plain.vectors[0]) == len(coded.vectors[0]) and is_close(plain.vectors[0], coded.vectors[0]):
        return supported("base64 decodes to the numbers that come as floats")
    return broken(f"base64 decodes to {len(coded.vectors[0])} other numbers than the {len(plain.vectors[0])} floats")


@probe("embeddings/fields/encoding_format/absent", title="floats where absent", chance=chance.VECTORS)
def encoding_absent(embeddings: Embeddings) -> Observation:
    """Without the field the vectors come as numbers. The SDK always sends it, so this is asked without the SDK."""
    embeddings.ask_control(ONE)
    answer = embeddings.ask(ONE, transport="http", encoding_format=ABSENT)
    coded = embeddings.attempt(ONE, encoding_format="base64")
    if isinstance(answer.raw, list) and coded.accepted and isinstance(EmbeddingResponse(coded).raw, list):
        return inconclusive("numbers come even where base64 is asked for: what is default cannot be told")
    if isinstance(answer.raw, list):
        return supported("numbers come where no format is named")
    return broken("no list of numbers comes where no format is named")


@probe("embeddings/fields/dimensions", values=values(8, "zz"), chance=chance.VECTORS)
def dimensions(embeddings: Embeddings) -> Observation:
    """The vector has so many numbers: the beginning of the whole one, scaled to unit length."""
    whole_one = embeddings.ask_control(ONE).vectors[0]
    half = len(whole_one) // 2
    if half < 2:
        raise UndeterminedError("the vectors are too short to be shortened")
    shortened = [embeddings.ask(ONE, dimensions=size).vectors[0] for size in (half, 7)]
    lengths = [len(vector) for vector in shortened]
    if lengths == [len(whole_one)] * 2:
        return ignored(f"{half} and 7 numbers were asked for, and {len(whole_one)} came")
    if lengths != [half, 7]:
        return broken(f"{half} and 7 numbers were asked for, and {lengths} came")
    prefix = all(is_close(vector, whole_one[: len(vector)]) for vector in shortened)
    unit = all(abs(math.hypot(*vector) - 1) < 1e-3 for vector in shortened)
    if prefix and unit:
        return supported("the vectors are the whole one's beginning, scaled to unit length")
    return partial(
        "the vectors have the asked length, but are not " + ("of unit length" if prefix else "a beginning")
    )


@probe("embeddings/fields/user", values=values("zq-user", {}), chance=chance.STATUSES)
def user(embeddings: Embeddings) -> Observation:
    """An identifier of the end user, for OpenAI's own records."""
    return check_value_is_read(embeddings, "user")


@probe("embeddings/response/sdk_default", title="the SDK's own default is decoded", chance=chance.VECTORS)
def sdk_default(embeddings: Embeddings) -> Observation:
    """The SDK asks for base64 unless told otherwise, and decodes it: as many numbers as come as floats."""
    plain = embeddings.ask_control(ONE)
    answer = embeddings.ask(ONE, encoding_format=ABSENT)
    taken = answer.exchange.sdk_result
    lengths = () if taken is None else taken.vector_lengths
    if lengths == (len(plain.vectors[0]),):
        return supported("the SDK decodes as many numbers as come as floats")
    return broken(f"the SDK decodes {lengths} numbers where {len(plain.vectors[0])} come as floats")


@probe("embeddings/response/usage_adds_up", title="prompt tokens add up", chance=chance.VECTORS)
def usage_adds_up(embeddings: Embeddings) -> Observation:
    """A batch counts the tokens of its texts, and total_tokens equals prompt_tokens."""
    one, two = (embeddings.ask_control(text) for text in (ONE, TWO))
    batch = embeddings.ask([ONE, TWO, ONE])
    counts = [answer.prompt_tokens for answer in (one, two, batch)]
    if None in counts:
        return broken("`usage.prompt_tokens` is missing")
    if as_int64(get_path(batch.exchange.json, "usage", "total_tokens")) != counts[2]:
        return broken("`usage.total_tokens` is not `usage.prompt_tokens`")
    if counts[2] != 2 * (counts[0] or 0) + (counts[1] or 0):
        return broken(f"texts of {counts[0]}, {counts[1]} and {counts[0]} tokens count {counts[2]} together")
    return supported("a batch counts the tokens of its texts")


@probe(
    "embeddings/response/unit_length", severity=Severity.SHOULD, title="vectors of unit length", chance=chance.VECTORS
)
def unit_length(embeddings: Embeddings) -> Observation:
    """Vectors have length 1, as OpenAI's have: a dot product is then the cosine."""
    norm = math.hypot(*embeddings.ask_control(ONE).vectors[0])
    if abs(norm - 1) < 1e-3:
        return supported("the vector has length 1")
    # OpenAI says so of its own models, not of the API: who wants a cosine can divide.
    return partial(f"the vector has length {norm:.3f}")
