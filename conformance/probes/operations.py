"""operations: which of the SDK's other operations the server has, each from one request that has no effect.

A server that has an operation says what is wrong with such a request: which member is missing, which id it does not
know. One that has not answers as it does to a route that cannot exist, which is asked too.
"""

from __future__ import annotations

import functools
import re

from conformance.checklist.operations import WEBSOCKET, Operation, load_operations
from conformance.checklist.verdicts import Evidence, Severity, Verdict
from conformance.wire.exchange import Exchange

from . import chance
from .endpoints import Operations
from .endpoints.operations import NO_SUCH_ID, why_not_asked
from .observation import Observation, inconclusive, not_applicable, rejected, supported
from .registry import probe
from .response_views import get_path
from .session import ControlFailedError, RequestFailedError

WITH_ROWS_OF_THEIR_OWN = (
    "chat.completions.create",
    "completions.create",
    "embeddings.create",
    "images.generate",
    "models.list",
    "models.retrieve",
    "responses.",
    "conversations.",
)
"""Operations, and with a dot at the end resources, that other modules examine in full."""

_NO_ROUTE = (404, 405, 410, 501)
_NO_LEAVE = (401, 403, 407)
_MAX_CHARACTERS = 10_000
"""Characters of an answer that are compared."""

_WORD = re.compile(r"[\w-]+")
_MAX_WORD_CHARACTERS = 20
"""Longer words, and those with a digit, may differ from answer to answer: times, and ids of requests."""
_UNKNOWN = re.compile(r"no such|not (be )?found|(not|n't) (exist|find)|unknown", re.IGNORECASE)


def find_operation(operation: Operation, operations: Operations) -> Observation:
    """Tell whether the server has an operation."""
    if reason := why_not_asked(operation):
        return not_applicable(reason)
    seen = _compare(operation, operations)
    if seen.verdict is not Verdict.REJECTED or operations.ask(operation).status != 404 or not operation.ids:
        return seen
    if _may_mean_the_id(operation, operations):
        return inconclusive("404, as for a route that cannot exist; an id that nothing has may be answered so too")
    return seen


def _compare(operation: Operation, operations: Operations) -> Observation:
    """Compare the answer to an operation with the answers to routes that cannot exist.

    Raises:
        ControlFailedError: those are not answered at all.
        RequestFailedError: the operation fails, and they do not.
    """
    nowhere = operations.ask_no_route(operation)
    answer = operations.ask(operation)
    if answer.status in _NO_LEAVE:
        return inconclusive(f"answered with {answer.status}: the key has no leave to ask for it")
    if _say_the_same(answer, nowhere):
        return _judge_as_nowhere(answer, "a route that cannot exist")
    if answer.failure is not None or ((answer.status or 0) >= 500 and answer.status != 501):
        raise RequestFailedError(answer)
    if answer.status in (405, 501):
        return rejected(f"absent: {answer.status} to {operation.method}")
    beside = operations.ask_beside(operation)
    if _say_the_same(answer, beside):
        return _judge_as_nowhere(answer, f"{beside.call.path.partition('?')[0]}, which cannot exist")
    return _judge_own_answer(operation, answer)


def _judge_as_nowhere(answer: Exchange, what: str) -> Observation:
    if answer.status in _NO_ROUTE:
        return rejected(f"absent: {answer.status}, as for {what}")
    return inconclusive(f"answered with {answer.status}, as is {what}")


def _judge_own_answer(operation: Operation, answer: Exchange) -> Observation:
    """Judge an answer that no route which cannot exist gets."""
    words = f"{answer.status}{_quote(answer)}"
    if answer.accepted:
        lacking = f", though it was sent without `{operation.required[0]}`" if operation.required else ""
        unknown = ", though nothing has the id" if operation.ids else ""
        return supported(f"answered with {answer.status}{unknown or lacking}", Evidence.ACCEPTED)
    if not 400 <= (answer.status or 0) < 500:
        return inconclusive(f"answered with {answer.status}")
    if named := _find_named(operation, answer):
        return supported(f"refused for {named}: {words}", Evidence.PARSED)
    return inconclusive(f"refused in words that name neither a missing member nor the id: {words}")


def _may_mean_the_id(operation: Operation, operations: Operations) -> bool:
    """Whether a server that has an operation may answer like that, since there is nothing with its id.

    It may where it has the resource that the id would be of, and does not say of any other request that it does not
    know the id.
    """
    first = operation.path.index("}") + 1
    one, every = operation.path[:first], operation.path[: operation.path.index("/{")]
    gets = [each for each in load_operations().values() if each.method == "GET" and each != operation]
    has_list = any(_has(each, operations) for each in gets if each.path == every)
    return has_list and not any(_has(each, operations) for each in gets if each.path == one)


def _has(operation: Operation, operations: Operations) -> bool:
    """Whether the server is seen to have an operation, which another row is about."""
    try:
        return _compare(operation, operations).verdict.is_positive
    except (ControlFailedError, RequestFailedError):
        return False


def _say_the_same(one: Exchange, other: Exchange) -> bool:
    """Whether two answers are alike but for the path, which each may repeat. Two successes always are."""
    if one.accepted and other.accepted:
        return True
    return one.failure is None and _normalize(one) == _normalize(other)


def _normalize(exchange: Exchange) -> tuple[int | None, str]:
    """Return status and words; of what is no JSON, such as a page, the kind alone.

    The words are without the path and each end of it: some servers take the end of a path for a name.
    """
    if not isinstance(exchange.json, dict | list | str):
        return exchange.status, exchange.header("content-type").partition(";")[0].strip().lower()
    text = _without_path(exchange)
    parts = exchange.call.path.partition("?")[0].strip("/").split("/")
    for first in range(len(parts)):
        text = re.sub(rf"(?<![\w-]){re.escape('/'.join(parts[first:]))}(?![\w-])", "", text)
    return exchange.status, _WORD.sub(lambda word: "#" if _varies(word[0]) else word[0], text)


def _varies(word: str) -> bool:
    return len(word) > _MAX_WORD_CHARACTERS or any(char.isdigit() for char in word)


def _without_path(exchange: Exchange) -> str:
    """Return the beginning of an answer without what it repeats of the address, which it may have clipped."""
    text = exchange.text[:_MAX_CHARACTERS].replace("\\/", "/")
    path, _, query = exchange.call.path.partition("?")
    base = exchange.url.partition("?")[0].removesuffix(path)
    above = base.partition("://")[2].partition("/")[2]
    for before in (base, f"/{above}" if above else "", ""):
        whole, first = f"{before}{path}", f"{before}/{path.split('/')[1]}"
        while (place := text.find(first)) >= 0:
            text = text[:place] + _after_shared(text[place:], f"{whole}?{query}")  # at least `first`
    return text


def _after_shared(text: str, other: str) -> str:
    """Return a text without the beginning that it shares with another."""
    pairs = enumerate(zip(text, other, strict=False))
    return text[next((place for place, (one, two) in pairs if one != two), min(len(text), len(other))) :]


def _find_named(operation: Operation, answer: Exchange) -> str:
    """Return what a refusal names: a member that is missing, the id, or what the id would be of; empty if nothing.

    Keys of its JSON name nothing: every error has a `type`.
    """
    if not isinstance(answer.json, dict):
        return ""
    text = _without_path(answer)
    if NO_SUCH_ID in text:
        return "its id"
    for name in (*operation.required, *operation.ids):
        if re.search(rf'(?<![\w.-]){re.escape(name)}(?![\w-])(?!"\s*:)', text):
            return f"`{name}`"
    if answer.status == 404 and _UNKNOWN.search(text):
        nouns = (part.removesuffix("es").removesuffix("s") for part in re.findall(r"/(\w+)/{", operation.path))
        if any(re.search(rf"\b{noun.replace('_', '[_ ]')}", text, re.IGNORECASE) for noun in nouns):
            return "its id"
    return ""


def _quote(answer: Exchange) -> str:
    said = (get_path(answer.json, "error", "message"), get_path(answer.json, "error"), answer.text[:400])
    text = " ".join(next(each for each in said if isinstance(each, str)).split())
    printable = "".join(char for char in text if char.isprintable())
    return f": {printable[:120]}" if printable else ""


def _has_rows_of_its_own(name: str) -> bool:
    return any(name.startswith(each) if each.endswith(".") else name == each for each in WITH_ROWS_OF_THEIR_OWN)


def _declare(operation: Operation) -> None:
    asked = "" if operation.method == WEBSOCKET else f", `{operation.method} {operation.path}`"
    about = f"The server has `{operation.name}` of the SDK{asked}. It is asked for in a way that has no effect: with "
    about += "ids that nothing has, or without a member that it requires."
    probe(
        operation.row,
        endpoints=(Operations,),
        severity=Severity.SHOULD,
        title=f"`{operation.name}`",
        description=about,
        chance=chance.ROUTES,
    )(functools.partial(find_operation, operation))


for _operation in load_operations().values():
    if not _has_rows_of_its_own(_operation.name):
        _declare(_operation)
