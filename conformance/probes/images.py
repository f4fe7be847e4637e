"""/v1/images/generations, in the order of the documentation.

Whether the route reads `model` and `prompt` is told without making a picture, on any server. All other rows make
pictures, and so are asked only of a model that the user declared for them.
"""

from __future__ import annotations

import re
from typing import Any

from conformance.checklist.field_values import FieldValues, values
from conformance.checklist.verdicts import Evidence, Severity
from conformance.wire.exchange import Exchange

from . import chance
from .endpoints import Chat
from .endpoints.images import Images, ImagesRoute
from .observation import Observation, broken, ignored, inconclusive, partial, rejected, supported
from .pictures import ImagesResponse, Picture, decode_base64, read_picture
from .registry import probe
from .session import ControlFailedError, RequestRejectedError, UndeterminedError, is_rejection
from .unread_fields import check_value_is_read, require_effect

ABSENT_STATUSES = (404, 405, 501)
UNREADABLE = (400, 422)
"""Statuses that speak of the request's body."""
OF_THE_CLIENT = (401, 403, 429)
"""Statuses that speak of who asks, not of what is asked."""
UNKNOWN = "no-such-model-zz"


@probe("images/features/image_generation", is_control=True, chance=chance.PICTURES)
def image_generation(images: Images) -> Observation:
    """A prompt becomes a picture: in base64, or as an address, which is not fetched."""
    answer = images.ask()
    picture = answer.picture
    if picture is None:
        return supported("the address of a picture comes")
    return supported(f"a picture comes: {picture.format}, {picture.size}")


# What can be told without making a picture


def is_absent(exchange: Exchange) -> bool:
    """Tell whether a refusal is the route's: it says nothing of a model or a prompt, which only a handler reads."""
    words = re.search("model|prompt", exchange.text, re.IGNORECASE)
    return exchange.failure is None and exchange.status in ABSENT_STATUSES and words is None


def ask_without_prompt(route: ImagesRoute) -> Exchange:
    """Send a request that no picture can come of: a model, and no prompt."""
    return route.attempt(model=route.image_model or route.model)


@probe("images/fields/model", capability="chat", values=values(None, 7), chance=chance.STATUS_AND_ERROR)
def model(route: ImagesRoute) -> Observation:
    """The model that answers; a name that no model has is refused."""
    bare = ask_without_prompt(route)
    if is_absent(bare):
        return rejected(f"the endpoint is absent: {bare.status}")
    if bare.accepted:
        unknown = route.attempt(model=UNKNOWN)
    else:
        _require_leave(route)
        unknown = route.attempt(model=UNKNOWN, **Images.smallest)
    if unknown.accepted:
        return ignored("a name that no model has is answered like the real one")
    told_apart = UNKNOWN in unknown.text or (unknown.status == 404 and bare.status in UNREADABLE)
    if unknown.failure is None and unknown.status in (404, *UNREADABLE) and told_apart:
        return supported(f"a name that no model has is refused with {unknown.status}", Evidence.PARSED)
    return inconclusive(f"an unknown name was answered with status {unknown.failure or unknown.status}")


def _require_leave(route: ImagesRoute) -> None:
    """See that a whole request for an unknown model makes no picture by accident.

    Raises:
        UndeterminedError: the server takes unknown names, so it might make one, and no model is declared for it.
    """
    if route.image_model is not None:
        return
    try:
        unknown = Chat(session=route.session, model=route.model).attempt_minimal(model=UNKNOWN)
    except ControlFailedError:
        unknown = None
    if unknown is None or unknown.failure or unknown.status is None or not is_rejection(unknown.status):
        raise UndeterminedError("the server may answer unknown names too, and no model is declared for pictures")


@probe("images/fields/prompt", capability="chat", values=values(None, 7), chance=chance.STATUS_AND_ERROR)
def prompt(route: ImagesRoute) -> Observation:
    """What is drawn; a request without it is refused."""
    bare = ask_without_prompt(route)
    if is_absent(bare):
        return rejected(f"the endpoint is absent: {bare.status}")
    if bare.accepted:
        return ignored(f"a request without a prompt is answered with {bare.status}")
    if bare.failure is not None or bare.status is None or not is_rejection(bare.status):
        return inconclusive(f"a request without a prompt is answered with {bare.failure or bare.status}")
    words = f"a request without a prompt is refused with {bare.status}"
    if bare.status not in OF_THE_CLIENT and re.search("prompt", bare.text, re.IGNORECASE):
        return supported(f"{words}, in words that name it", Evidence.PARSED)
    return inconclusive(f"{words}, for a reason that need not be the prompt")


# What needs a model that makes pictures

SIZES = ("256x256", "512x512", "1024x1024", "1536x1024", "1024x1536")
"""Sizes that models were made for, the cheapest first: few take them all."""


@probe("images/fields/size", values=values("1024x1024", "zz"), chance=chance.PICTURES)
def size(images: Images) -> Observation:
    """Width and height of the picture, in pixels. Few models take every size: two are asked for that are taken."""
    control, companions = _ask_encoded(images)
    found: dict[str, str] = {}
    refusals: list[RequestRejectedError] = []
    for wanted in SIZES:
        try:
            found[wanted] = _picture(images.ask(size=wanted, **companions)).size
        except RequestRejectedError as refusal:
            refusals.append(refusal)
        if len(found) == 2:
            break
    if not found:
        raise refusals[0]
    told = ", ".join(f"{got} where {wanted} was asked for" for wanted, got in found.items())
    if set(found.values()) == {control.size}:
        return ignored(told) if set(found) != {control.size} else inconclusive(f"{told}, as without the field")
    if all(wanted == got for wanted, got in found.items()):
        return supported(f"the picture has the size that was asked for: {', '.join(found)}")
    return partial(f"the field is read, but {told}")


def _ask_encoded(images: Images) -> tuple[Picture, dict[str, Any]]:
    """Return the plain request's picture, and the fields without which only its address would come.

    Raises:
        RequestRejectedError, RequestFailedError: the server does not take the field that asks for the picture itself.
        UndeterminedError: only an address comes, whatever is asked for.
    """
    picture = images.ask_control().picture
    if picture is not None:
        return picture, {}
    companions: dict[str, Any] = {"response_format": "b64_json"}
    return _picture(images.ask_prerequisite(**companions)), companions


def _picture(answer: ImagesResponse) -> Picture:
    """Return the first picture of an answer.

    Raises:
        UndeterminedError: only its address comes.
    """
    if answer.picture is None:
        raise UndeterminedError("only the address of a picture comes, and it is not fetched")
    return answer.picture


@probe("images/fields/response_format", values=values("b64_json", "zz_bogus"), chance=chance.PICTURES)
def response_format(images: Images) -> Observation:
    """`b64_json`: the picture itself, in base64. `url`: its address."""
    images.ask_control()
    held = images.ask(response_format="b64_json")
    if not held.encoded:
        return ignored("no base64 comes where it was asked for")
    read = held.picture
    try:
        linked = images.ask(response_format="url")
    except RequestRejectedError as refusal:
        return partial(f"`b64_json` comes as asked for; `url` is refused with {refusal.exchange.status}")
    if linked.urls and not linked.encoded:
        return supported(f"a picture comes as base64 ({read.format if read else ''}) and as an address, as asked for")
    return ignored("base64 comes where the address was asked for")


@probe("images/fields/n", values=values(2, "zz"), chance=chance.PICTURES)
def n(images: Images) -> Observation:
    """How many pictures are made."""
    single = len(images.ask_control().data)
    count = len(images.ask(n=2).data)
    if single == count == 2:
        return inconclusive("two pictures come, also where their number is not named")
    if count == 2:
        return supported("two pictures come where two were asked for")
    return ignored(f"{count} comes where two were asked for") if count == single else broken(f"{count} pictures come")


@probe("images/fields/output_format", values=values("jpeg", "zz_bogus"), chance=chance.PICTURES)
def output_format(images: Images) -> Observation:
    """The format of the picture's bytes: `png`, `jpeg` or `webp`."""
    control, companions = _ask_encoded(images)
    wanted = "png" if control.format == "jpeg" else "jpeg"
    found = _picture(images.ask(output_format=wanted, **companions)).format
    if found == wanted:
        return supported(f"the picture is {wanted} where that was asked for, and {control.format} without")
    words = f"the picture is {found} where {wanted} was asked for"
    return ignored(words) if found == control.format else broken(words)


@probe("images/fields/stream", values=values(True, "zz"), chance=chance.PICTURES)
def stream(images: Images) -> Observation:
    """The picture comes as an event stream, whose last event holds it."""
    answer = images.ask(stream=True)
    completed = answer.events("completed")
    if not completed:
        return ignored("no event comes that holds the picture") if answer.exchange.json else broken("no event comes")
    text = completed[-1].get("b64_json")
    if isinstance(text, str) and read_picture(decode_base64(text)) is not None:
        return supported("the picture comes in an event")
    return broken("the event that ends the stream holds no picture")


@probe(
    "images/fields/partial_images",
    severity=Severity.SHOULD,
    values=values(1, "zz", stream=True),
    chance=chance.PICTURES,
)
def partial_images(images: Images) -> Observation:
    """How many unfinished pictures come before the finished one. Fewer may come where that is done sooner."""
    plain = images.ask_prerequisite(stream=True)
    count = len(images.ask(stream=True, partial_images=1).events("partial_image"))
    if count and not plain.events("partial_image"):
        return supported(f"unfinished pictures come before the finished one: {count}")
    read = check_value_is_read(images, "partial_images")
    return require_effect(read, absent=False, words="as many unfinished pictures come as without the field")


UNSEEN: dict[str, tuple[str, FieldValues]] = {
    "quality": ("How much work the picture is worth.", values("low", "zz_bogus")),
    "style": ("`vivid` or `natural`, of models that are retired.", values("vivid", "zz_bogus")),
    "user": ("An identifier of the end user, for OpenAI's own records.", values("zq-user", {})),
    "background": ("Whether the background is transparent.", values("opaque", "zz_bogus")),
    "complexity": ("How much work the plan of the picture is worth.", values("low", "zz_bogus")),
    "frame_count": ("How many frames a moving picture has.", values(2, "zz", output_format="gif")),
    "frame_duration_ms": ("How long each frame is shown.", values(100, "zz", output_format="gif")),
    "moderation": ("How strictly what is drawn is filtered.", values("low", "zz_bogus")),
    "output_compression": ("How far the picture is compressed.", values(50, "zz", output_format="jpeg")),
    "safety_identifier": ("An identifier of the end user, for OpenAI's own checks.", values("zq-user", {})),
    "svg": ("Which model writes a drawing.", values({"model": "zq-author"}, 7, output_format="svg")),
}
"""Field -> what it is for, where its effect is one of taste, price or time, which no header of a picture tells."""


def _declare(field: str, description: str, allowed: FieldValues) -> None:
    @probe(
        f"images/fields/{field}",
        description=description,
        severity=Severity.SHOULD,
        chance=chance.STATUSES,
        values=allowed,
    )
    def _reads(images: Images) -> Observation:
        return check_value_is_read(images, field)


for _field, (_description, _values) in UNSEEN.items():
    _declare(_field, _description, _values)
