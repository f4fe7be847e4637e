"""The miniature /v1/responses refuses what OpenAI refuses, in its words."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from .asking import HTTP, SDK, answered, refused, respond
from .responses_witnesses import absent, user


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/responses"), ("DELETE", "/responses"), ("PUT", "/responses/x"), ("GET", "/responses/x/cancel")],
)
def test_a_wrong_method(method: str, path: str) -> None:
    response = HTTP.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"]


def test_no_other_route() -> None:
    for path in ("/responses/a/b", "/responsesx", "/conversations/a/b/c/d"):
        assert HTTP.get(path).status_code == 404


BAD_INPUTS: list[tuple[Any, str]] = [
    ([{"type": "zz"}], "input[0].type"),
    ([{"role": "zz", "content": "Hi"}], "input[0].role"),
    ([user([{"type": "text", "text": "Hi"}])], "input[0].content[0].type"),
    ([user([{"type": "input_image", "image_url": {"url": "x"}}])], "input[0].content[0].image_url"),
    ([user([{"type": "input_image", "image_url": "!!!!"}])], "input"),
    ([user([{"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="}])], "input"),
    ([user([{"type": "input_image"}])], "input[0].content[0].image_url"),
    ([{"role": "assistant", "content": [{"type": "input_text", "text": "Hi"}]}], "input[0].content[0].type"),
    ([{"type": "function_call", "call_id": "c", "name": "f", "arguments": "nope"}], "input[0].arguments"),
    ([{"type": "function_call_output", "call_id": "c", "output": "x"}], "input"),
    ([], "input"),
    ("", "input"),
    (7, "input"),
]


@pytest.mark.parametrize(("given", "param"), BAD_INPUTS, ids=lambda value: str(value)[:40])
def test_bad_inputs(given: Any, param: str) -> None:
    refused(lambda: respond(given), param)


def test_bad_files_are_not_found() -> None:
    for part in ({"type": "input_image", "file_id": "file-zz"}, {"type": "input_file", "file_id": "file-zz"}):
        absent(lambda part=part: respond([user([part])]))


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"zz_unknown": 1}, "zz_unknown"),
    ({"tools": "x"}, "tools"),
    ({"tools": [{"type": "zz"}]}, "tools[0].type"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].function"),
    ({"text": {"format": {"type": "bogus"}}}, "text.format.type"),
    ({"text": 7}, "text"),
    ({"reasoning": {"effort": "zz"}}, "reasoning.effort"),
    ({"metadata": {str(key): "" for key in range(17)}}, "metadata"),
    ({"top_logprobs": 21}, "top_logprobs"),
    ({"max_output_tokens": -5}, "max_output_tokens"),
]


@pytest.mark.parametrize(("fields", "param"), BAD_FIELDS, ids=str)
def test_bad_fields(fields: dict[str, Any], param: str) -> None:
    for stream in (False, True):
        refused(lambda stream=stream: respond(extra_body=fields, stream=stream), param)


def test_a_missing_input() -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        SDK.responses.create(model="mini")
    assert (raised.value.param, raised.value.code) == ("input", "missing_required_parameter")
    assert answered(previous_response_id=respond().id)
