"""The honest server refuses what OpenAI refuses, takes what OpenAI takes, and answers in OpenAI's shapes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from conformance.judge.schema import violations
from conformance.runner import image_server as images

from .asking import HTTP
from .fields import EXACT
from .honours import HonoursEverything
from .transport import BASE_URL, InProcess

PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
}
USER = {"role": "user", "content": "Hi"}
BODIES: dict[str, dict[str, Any]] = {
    "chat": {"model": "mini", "messages": [USER], "max_tokens": 2, "temperature": 0},
    "completions": {"model": "mini", "prompt": "Hi", "max_tokens": 2, "temperature": 0},
    "embeddings": {"model": "mini-embed", "input": "Hi"},
    "responses": {"model": "mini", "input": "Hi", "max_output_tokens": 16, "temperature": 0},
}
TOOL = {"type": "function", "function": {"name": "f"}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def post(endpoint: str, **fields: Any) -> httpx.Response:
    body = {name: value for name, value in {**BODIES[endpoint], **fields}.items() if value is not Ellipsis}
    return HTTP.post(PATHS[endpoint], content=json.dumps(body).encode(), headers={"content-type": "application/json"})


def part(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [content]}]}


def form(kind: str, **more: Any) -> dict[str, Any]:
    return {"response_format": {"type": kind, **more}}


CHAT: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"temperature": 3}, "temperature", "decimal_above_max_value"),
    ({"temperature": -1}, "temperature", "decimal_below_min_value"),
    ({"top_p": 2}, "top_p", "decimal_above_max_value"),
    ({"frequency_penalty": 3}, "frequency_penalty", "decimal_above_max_value"),
    ({"presence_penalty": -3}, "presence_penalty", "decimal_below_min_value"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"top_p": "wide"}, "top_p", "invalid_type"),
    ({"n": "2"}, "n", "invalid_type"),
    ({"n": True}, "n", "invalid_type"),
    ({"store": "yes"}, "store", "invalid_type"),
    ({"seed": 1.5}, "seed", "invalid_type"),
    ({"user": {}}, "user", "invalid_type"),
    ({"tools": "x"}, "tools", "invalid_type"),
    ({"messages": "x"}, "messages", "invalid_type"),
    ({"response_format": "json"}, "response_format", "invalid_type"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"max_completion_tokens": 0, "max_tokens": ...}, "max_completion_tokens", "integer_below_min_value"),
    ({"max_tokens": -5}, "max_tokens", "integer_below_min_value"),
    ({"max_tokens": 10**9}, "max_tokens", "invalid_value"),
    ({"max_tokens": 2, "max_completion_tokens": 2}, "max_tokens", None),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
    ({"logprobs": True, "top_logprobs": -1}, "top_logprobs", "integer_below_min_value"),
    ({"top_logprobs": 2}, "top_logprobs", None),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
    ({"logit_bias": {"5": 101}}, "logit_bias", None),
    ({"logit_bias": {"abc": 1}}, "logit_bias", None),
    ({"zz_unknown": 1}, "zz_unknown", "unknown_parameter"),
    ({"service_tier": "bogus"}, "service_tier", "invalid_value"),
    ({"verbosity": "bogus"}, "verbosity", "invalid_value"),
    ({"reasoning_effort": "bogus"}, "reasoning_effort", "unsupported_value"),
    ({"tools": [TOOL], "tool_choice": "bogus"}, "tool_choice", "invalid_value"),
    (form("bogus"), "response_format.type", "invalid_value"),
    ({"response_format": {}}, "response_format.type", "missing_required_parameter"),
    (form("json_schema"), "response_format.json_schema", "missing_required_parameter"),
    (form("json_schema", json_schema={}), "response_format.json_schema.name", "missing_required_parameter"),
    (form("json_object"), "messages", None),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
    ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name", "empty_string"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice", None),
    ({"tool_choice": "auto"}, "tool_choice", None),
    ({"parallel_tool_calls": True}, "parallel_tool_calls", None),
    ({"stream_options": {}}, "stream_options", None),
    ({"stream": True, "stream_options": {"bogus": 1}}, "stream_options.bogus", "unknown_parameter"),
    ({"metadata": {str(key): "" for key in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k": "v" * 600}}, "metadata.k", "string_above_max_length"),
    ({"metadata": {"k": 1}}, "metadata.k", "invalid_type"),
    ({"messages": ...}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "bogus", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages.[0].content", None),
    ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content", "invalid_type"),
    ({"messages": ["x"]}, "messages[0]", "invalid_type"),
    ({"messages": [USER, {"role": "tool", "tool_call_id": "c", "content": ""}]}, "messages.[1].role", None),
    (part({"type": "image_url", "image_url": {"url": "data:image/png;base64,!!!!"}}), None, None),
    (part({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}), None, None),
    (part({"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/a.png"}}), None, "invalid_image_url"),
    (part({"type": "image_url", "image_url": {"url": "https://elsewhere.invalid/a.png"}}), None, "invalid_image_url"),
    ({"model": ...}, None, None),
]
OTHERS: list[tuple[str, dict[str, Any], str | None]] = [
    ("completions", {"prompt": ...}, "prompt"),
    ("completions", {"best_of": 1, "n": 2}, "best_of"),
    ("completions", {"logprobs": 6}, "logprobs"),
    ("completions", {"suffix": 7}, "suffix"),
    ("completions", {"prompt": [1, "a"]}, "prompt[1]"),
    ("embeddings", {"input": ""}, "input"),
    ("embeddings", {"input": []}, "input"),
    ("embeddings", {"input": ...}, "input"),
    ("embeddings", {"input": ["a"] * 2049}, "input"),
    ("embeddings", {"input": {}}, "input"),
    ("embeddings", {"dimensions": 0}, "dimensions"),
    ("embeddings", {"encoding_format": "x"}, "encoding_format"),
]


def is_envelope(response: httpx.Response, param: str | None = None, code: str | None = None) -> None:
    assert response.headers["content-type"] == "application/json"
    error = response.json()["error"]
    assert list(violations("error", response.json())) == []
    assert error["type"] == "invalid_request_error"
    assert param is None or error["param"] == param
    assert code is None or error["code"] == code


@pytest.mark.parametrize(("fields", "param", "code"), CHAT, ids=lambda value: str(value)[:50])
def test_bad_chat_requests(fields: dict[str, Any], param: str | None, code: str | None) -> None:
    for more in ({}, {"stream": True}):
        if "stream_options" not in fields:
            response = post("chat", **{**fields, **more})
            assert response.status_code == 400
            is_envelope(response, param, code)
    response = post("chat", **fields)
    assert response.status_code == 400
    is_envelope(response, param, code)


@pytest.mark.parametrize(("endpoint", "fields", "param"), OTHERS, ids=lambda value: str(value)[:50])
def test_other_bad_requests(endpoint: str, fields: dict[str, Any], param: str | None) -> None:
    response = post(endpoint, **fields)
    assert response.status_code == 400
    is_envelope(response, param)


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'"x"', b"\xff", b'{"model": NaN}', b"[" * 100_000])
def test_bodies_that_are_no_object(body: bytes) -> None:
    response = HTTP.post("/chat/completions", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    is_envelope(response)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/chat/completions", 405),
        ("DELETE", "/models", 405),
        ("POST", "/nope", 404),
        ("GET", "/models/nope", 404),
        ("GET", "/chat/completions/nope", 404),
    ],
)
def test_routes(method: str, path: str, status: int) -> None:
    response = HTTP.request(method, path)
    assert response.status_code == status
    is_envelope(response)


def test_other_content_types_are_refused() -> None:
    response = HTTP.post("/chat/completions", content=b"{}", headers={"content-type": "text/plain"})
    assert response.status_code == 415


def test_a_key_is_asked_for_where_there_is_one() -> None:
    http = httpx.Client(transport=InProcess(HonoursEverything(key="sk-1")), base_url=BASE_URL)
    statuses = [
        http.get("/models", headers=headers).status_code
        for headers in ({}, {"authorization": "Bearer no"}, {"authorization": "Bearer sk-1"})
    ]
    assert statuses == [401, 401, 200]


NOT_NULL = {
    "chat": ("messages model function_call functions parallel_tool_calls prompt_cache_options response_format"
             " tool_choice tools user web_search_options"),
    "completions": "model user",
    "embeddings": "input model dimensions encoding_format user",
    "responses": "model access_programs image input prompt_cache_options text tool_choice tools user",
}  # fmt: skip
"""Endpoint -> the fields that may not be null, by the request schemas."""


@pytest.mark.parametrize(("endpoint", "field"), [(each, name) for each in EXACT for name in EXACT[each]])
def test_null_is_taken_where_the_schema_allows_it(endpoint: str, field: str) -> None:
    assert post(endpoint, **{field: None}).status_code == (400 if field in NOT_NULL[endpoint].split() else 200)


@pytest.mark.parametrize(
    "fields",
    [
        *({"temperature": value} for value in (0, 2)),
        *({"top_p": value} for value in (0, 1)),
        *({"frequency_penalty": value} for value in (-2, 2)),
        *({"logprobs": True, "top_logprobs": value} for value in (0, 20)),
        {"metadata": {str(key): "" for key in range(16)}},
        {"stop": ["a", "b", "c", "d"]},
        {"n": 128, "max_tokens": 1},
        {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, USER]},
    ],
    ids=str,
)
def test_bounds_are_inside(fields: dict[str, Any]) -> None:
    assert post("chat", **fields).status_code == 200


def test_unanswered_calls_are_refused_where_results_are_due() -> None:
    http = httpx.Client(transport=InProcess(HonoursEverything(results_due=True)), base_url=BASE_URL)
    messages = [USER, {"role": "assistant", "tool_calls": [CALL]}, USER]
    assert http.post("/chat/completions", json={**BODIES["chat"], "messages": messages}).status_code == 400


ANSWERS: list[tuple[str, str, dict[str, Any]]] = [
    ("chat", "chat_completion", {}),
    ("chat", "chat_completion", {"logprobs": True, "top_logprobs": 2, "stop": "zz"}),
    ("chat", "chat_completion", {"tools": [TOOL], "tool_choice": "required", "max_tokens": 64}),
    ("chat", "chat_completion", {"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "wav"}}),
    ("chat", "chat_completion", {"web_search_options": {}, "moderation": {"model": "m"}, "reasoning_effort": "low"}),
    ("completions", "completion", {}),
    ("completions", "completion", {"logprobs": 2, "echo": True, "n": 2}),
    ("embeddings", "embedding_list", {}),
    ("embeddings", "embedding_list", {"encoding_format": "base64"}),
]


@pytest.mark.parametrize(("endpoint", "schema", "fields"), ANSWERS, ids=str)
def test_answers_obey_their_schemas(endpoint: str, schema: str, fields: dict[str, Any]) -> None:
    assert list(violations(schema, post(endpoint, **fields).json())) == []
    if endpoint == "embeddings":
        return
    options = {"include_usage": True}
    response = post(endpoint, **fields, stream=True, stream_options=options)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = response.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    for event in events[:-2]:
        assert list(violations(f"{schema}_chunk", json.loads(event.removeprefix("data: ")))) == []


def test_the_list_of_models_obeys_its_schema() -> None:
    listed = HTTP.get("/models").json()
    assert list(violations("model_list", listed)) == []
    assert [HTTP.get(f"/models/{entry['id']}").json() for entry in listed["data"]] == listed["data"]
    assert HTTP.get("/models/team%2Fmini:latest").json()["id"] == "team/mini:latest"


def test_pictures_are_fetched_from_this_machine() -> None:
    text = {"type": "text", "text": "What is it?"}
    with images.serve_sample_images("http://127.0.0.1:9/v1") as url:
        answers = [
            post("chat", messages=[{"role": "user", "content": [text, picture]}], max_tokens=9).json()
            for pattern in ("checks", "stripes")
            for picture in (
                {"type": "image_url", "image_url": {"url": f"{url}/{pattern}.png"}},
                {"type": "image_url", "image_url": f"{url}/{pattern}.png"},
            )
        ]
    texts = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert texts[0] == texts[1] != texts[2] == texts[3]


JUNK: list[Any] = [0, -1, 1.5, 10**400, True, "", "\ud800", [[]], [None], {"a": 1}, {"type": "x"}, {"type": ["a"]}]


@pytest.mark.parametrize(("endpoint", "field"), [(each, name) for each in EXACT for name in EXACT[each]])
def test_no_junk_upsets_it(endpoint: str, field: str) -> None:
    for junk in JUNK:
        response = post(endpoint, **{field: junk})
        assert response.status_code in (200, 400, 404)
        if response.status_code != 200:
            is_envelope(response)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"enum": []},
        {"type": "array", "minItems": 10**7},
        {"type": "string", "minLength": 10**9},
        {"type": "string", "pattern": "(a{9999}){999}"},
        {"type": "number", "multipleOf": 0},
        {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
    ids=str,
)
def test_schemas_that_cannot_be_followed_are_refused(schema: dict[str, Any]) -> None:
    response = post("chat", **form("json_schema", json_schema={"name": "zq", "schema": schema}))
    assert response.status_code == 400
    is_envelope(response, "response_format")
