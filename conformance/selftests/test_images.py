"""The rows of images: what is told without a picture, what costs none by accident, and what fools could claim."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.probes.pictures import Picture, decode_base64, read_picture
from conformance.probes.sample_images import SIDE, png

from .asking import MODELS, asker_of, examined
from .ollamas import FakeOllama
from .servers import CHAT_MODEL, IMAGE_MODEL, HonoursEverything, Reply, Request
from .servers.behaviours import with_body
from .servers.images import DRAWN
from .servers.interface import error_reply, json_reply
from .test_opening import Lists, target_of

S, R, U = Verdict.SUPPORTED, Verdict.REJECTED, Verdict.INCONCLUSIVE
IGNORED, PARTIAL, BROKEN, NONE = Verdict.IGNORED, Verdict.PARTIAL, Verdict.BROKEN, Verdict.NOT_APPLICABLE

TEXT_ONLY = {capability: model for capability, model in MODELS.items() if capability != "images"}
"""The models of a target that declares none for pictures."""

ROWS = [row.id for row in load_catalog().values() if row.endpoint == "images" and row.probe]
ROUTE = {"images/fields/model", "images/fields/prompt"}
"""Rows that are told without a picture."""
PATH = "/v1/images/generations"


@dataclass(kw_only=True)
class Draws:
    """Honours everything but for what a test changes about pictures, and counts what comes to that route."""

    inner: HonoursEverything = field(default_factory=lambda: HonoursEverything(lenient=True, pace=0))
    bodies: list[Any] = field(default_factory=list)
    drawn: int = 0

    def answer(self, request: Request) -> Reply:
        if request.path != PATH:
            return self.other(request)
        self.bodies.append(request.json)
        reply = self.draw(request)
        self.drawn += reply.status == 200
        return reply

    def other(self, request: Request) -> Reply:
        return self.inner.answer(request)

    def draw(self, request: Request) -> Reply:
        return self.inner.answer(request)


def found(server: Draws, models: Mapping[str, str] = MODELS, rows: Any = tuple(ROWS)) -> dict[str, Any]:
    asker = asker_of(server)
    return {row: examined(row, asker.send, models) for row in rows}


def with_fields(request: Request, **fields: Any) -> Request:
    return with_body(request, {**request.json, **fields})


def test_without_an_image_model_the_route_is_told_by_refusals_and_no_picture_is_made():
    server = Draws()
    told = found(server, TEXT_ONLY)
    assert {row: finding.verdict for row, finding in told.items()} == dict.fromkeys(ROWS, NONE) | dict.fromkeys(
        ROUTE, S
    )
    assert {told[row].evidence for row in ROUTE} == {Evidence.PARSED}
    assert (server.drawn, len(server.bodies)) == (0, 2)


def test_all_rows_and_errors_of_a_declared_model_make_as_many_pictures_as_the_option_says():
    server = Draws(inner=HonoursEverything(pace=0))
    errors = [row.id for row in load_catalog().values() if row.id.startswith("errors/images/")]
    assert {finding.verdict for finding in found(server, MODELS, [*ROWS, *errors]).values()} == {S}
    assert 15 < server.drawn < 25


@pytest.mark.parametrize("models", [TEXT_ONLY, MODELS], ids=["undeclared", "declared"])
def test_an_absent_route_is_rejected_for_two_requests_at_most(models):
    class Absent(Draws):
        def draw(self, request: Request) -> Reply:  # noqa: ARG002
            return Reply(status=404, headers=(("content-type", "text/plain"),), body=b"404 page not found")

    server = Absent()
    told = found(server, models)
    asked = {row: finding for row, finding in told.items() if finding.verdict is not NONE}
    assert {finding.verdict for finding in asked.values()} == {R}
    assert {finding.reason for finding in asked.values()} == {"the endpoint is absent: 404"}
    assert set(asked) >= ROUTE
    assert len(server.bodies) <= 2


class TakesAnyName(Draws):
    """One model answers, whatever name is asked for."""

    def other(self, request: Request) -> Reply:
        asked = isinstance(request.json, dict) and "model" in request.json
        return self.inner.answer(with_fields(request, model=CHAT_MODEL) if asked else request)

    def draw(self, request: Request) -> Reply:
        return self.inner.answer(with_fields(request, model=IMAGE_MODEL))


def test_a_server_that_takes_any_name_makes_no_picture_by_accident():
    server = TakesAnyName()
    told = found(server, TEXT_ONLY, ROUTE)
    assert (told["images/fields/model"].verdict, told["images/fields/prompt"].verdict) == (U, S)
    assert server.drawn == 0
    assert found(TakesAnyName(), MODELS, ROUTE)["images/fields/model"].verdict is IGNORED


def answering(reply: Reply) -> Draws:
    class Says(Draws):
        def draw(self, request: Request) -> Reply:  # noqa: ARG002
            return reply

    return Says()


@pytest.mark.parametrize(
    ("reply", "model", "prompt"),
    [
        (json_reply({}), IGNORED, IGNORED),
        (error_reply(400, "pictures are switched off"), U, U),
        (error_reply(404, "model 'mini' makes no pictures"), U, U),
        (error_reply(400, "model 'mini' makes no pictures"), U, U),
        (error_reply(401, "name a prompt and a key"), U, U),
        (error_reply(500, "no prompt"), U, U),
        (error_reply(405, "method not allowed"), R, R),
        (json_reply({"detail": "Not Found"}, 404), R, R),
    ],
    ids=["empty 200", "off", "404 of the model", "400 of the model", "key", "crash", "method", "not found"],
)
def test_what_one_answer_to_everything_says_of_the_route(reply, model, prompt):
    told = found(answering(reply), TEXT_ONLY, ROUTE)
    verdicts = (told["images/fields/model"].verdict, told["images/fields/prompt"].verdict)
    assert verdicts == (model, prompt), {row: finding.reason for row, finding in told.items()}


class Resizes(Draws):
    """Every picture has the size that is made of the one asked for."""

    def __init__(self, resized: Any) -> None:
        super().__init__()
        self.resized = resized

    def draw(self, request: Request) -> Reply:
        return self.inner.answer(with_fields(request, size=self.resized(request.json.get("size", "512x512"))))


@pytest.mark.parametrize(
    ("resized", "due"),
    [
        (lambda size: size, S),
        (lambda _: "512x512", IGNORED),
        (lambda _: "320x200", IGNORED),
        (lambda size: "256x264" if size == "256x256" else size, PARTIAL),
    ],
)
def test_sizes_are_read_from_the_picture_itself(resized, due):
    told = found(Resizes(resized), MODELS, ["images/fields/size"])["images/fields/size"]
    assert told.verdict is due, told.reason


class TakesOneSize(Draws):
    """Makes pictures of one size, and refuses to be asked for another."""

    def draw(self, request: Request) -> Reply:
        if request.json.get("size", "512x512") != "512x512":
            return error_reply(400, "512x512 alone", param="size")
        return self.inner.answer(with_fields(request, size="512x512"))


def test_where_one_size_is_taken_and_is_the_usual_one_nobody_can_tell():
    assert found(TakesOneSize(), MODELS, ["images/fields/size"])["images/fields/size"].verdict is U


class SendsAddresses(Draws):
    """Sends the address of the picture unless base64 is asked for, as OpenAI's older models did."""

    def draw(self, request: Request) -> Reply:
        return self.inner.answer(with_fields(request, **{"response_format": "url", **request.json}))


def test_a_server_that_sends_addresses_by_default_is_asked_for_the_picture_itself():
    told = found(SendsAddresses(), MODELS)
    assert {row: finding.reason for row, finding in told.items() if finding.verdict is not S} == {}


class SendsOnlyAddresses(Draws):
    """Sends addresses, whatever is asked for."""

    def draw(self, request: Request) -> Reply:
        return self.inner.answer(with_fields(request, response_format="url"))


def test_of_pictures_that_only_have_an_address_nothing_is_claimed_and_none_is_fetched():
    rows = ["images/fields/size", "images/fields/output_format", "images/fields/response_format"]
    told = found(SendsOnlyAddresses(), MODELS, rows)
    assert [told[row].verdict for row in rows] == [U, U, IGNORED]


class RefusesAddresses(Draws):
    """Sends base64 alone, as Ollama does."""

    def draw(self, request: Request) -> Reply:
        if request.json.get("response_format") == "url":
            return error_reply(400, "b64_json alone", param="response_format")
        return self.inner.answer(request)


class SendsOnlyBase64(Draws):
    """Sends base64, whatever is asked for."""

    def draw(self, request: Request) -> Reply:
        return self.inner.answer(with_fields(request, response_format="b64_json"))


@pytest.mark.parametrize(("server", "due"), [(RefusesAddresses, PARTIAL), (SendsOnlyBase64, IGNORED)])
def test_one_of_two_forms_is_partial_where_the_other_is_refused_and_ignored_where_it_is_not(server, due):
    row = "images/fields/response_format"
    assert found(server(), MODELS, [row])[row].verdict is due


def test_pictures_that_are_longer_than_what_is_read_are_no_fault():
    class SendsMuch(Draws):
        def draw(self, request: Request) -> Reply:
            reply = self.inner.answer(request)
            if request.json.get("n") != 2:
                return reply
            body = {**json.loads(reply.body), "data": [{"b64_json": "A" * (5 << 20)}] * 2}
            return replace(reply, body=json.dumps(body).encode())

    told = found(SendsMuch(), MODELS, ["images/fields/n"])["images/fields/n"]
    assert (told.verdict, told.reason) == (U, "the pictures are longer than what is read of an answer")


@pytest.mark.parametrize(
    ("entry", "due"),
    [
        ({"b64_json": "bm8gcGljdHVyZQ=="}, U),
        ({"b64_json": "%%"}, BROKEN),
        ({"b64_json": None, "url": None}, BROKEN),
        ({"url": "https://nobody.invalid/a.png"}, S),
        ({"url": f"data:image/png;base64,{base64.b64encode(png('checks')).decode()}"}, S),
        (None, BROKEN),
    ],
)
def test_what_counts_as_a_picture(entry, due):
    row = "images/features/image_generation"
    told = found(answering(json_reply({"created": 1_760_000_000, "data": [entry]})), MODELS, [row])[row]
    assert told.verdict is due, told.reason


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "gif"])
def test_format_and_size_are_read_from_the_first_bytes(name):
    assert read_picture(DRAWN[name](640, 48)) == Picture(format=name, width=640, height=48)


def test_a_real_png_and_the_other_forms_of_webp_and_jpeg_are_read():
    assert read_picture(png("checks")) == Picture(format="png", width=SIDE, height=SIDE)
    lossy = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\x30\x01\0\x9d\x01\x2a\x40\x01\xf0\0" + bytes(8)
    assert read_picture(lossy) == Picture(format="webp", width=320, height=240)
    extended = b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0" + bytes(8)
    assert read_picture(extended) == Picture(format="webp", width=320, height=240)
    jpeg = DRAWN["jpeg"](320, 240)
    filled = jpeg[:2] + b"\xff\xdb\0\x04\0\0\xff\xff\xc4\0\x03\0\xff\xd0" + jpeg[20:]
    assert read_picture(filled) == Picture(format="jpeg", width=320, height=240)
    assert read_picture(b'<?xml version="1.0"?><svg/>') == Picture(format="svg", width=0, height=0)


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_that_is_cut_anywhere_is_read_or_is_none_and_nothing_is_raised(name):
    whole = DRAWN[name](640, 48)
    due = {read_picture(whole), None}
    assert {read_picture(whole[:length]) for length in range(len(whole) + 1)} == due
    for place in range(len(whole)):
        read_picture(whole[:place] + b"\xff\x00" + whole[place + 2 :])


def test_base64_is_read_strictly():
    assert decode_base64("data:image/png;base64,AAA=") == b"\0\0"
    assert {decode_base64(text) for text in ("%%", "AA%%AA", "\u00e9", "A", "data:")} == {b""}


def test_an_image_model_is_named_by_its_option_and_never_found_by_itself(tmp_path):
    server = FakeOllama()
    server.models = {"chatty:latest": {"capabilities": ["completion"]}, "draws:latest": {"capabilities": ["image"]}}
    assert "images" not in target_of(server, tmp_path).models
    assert target_of(server, tmp_path, images_model="draws").models["images"].digest == "digest of draws:latest"
    assert target_of(Lists({}), tmp_path, images_model="draws").models["images"].id == "draws"
