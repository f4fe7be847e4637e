"""The miniature's native API does what Ollama's documentation says of it, route by route."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from .interface import RefusalError
from .native import CHAT, EMBEDDING, FROM_A_HOST, MODELS, SMALL, NativeServer, local_time, parse_name
from .transport import InProcess

ROOT = "http://mini.test"
HELLO = [{"role": "user", "content": "Hello."}]


@pytest.fixture
def server() -> NativeServer:
    return NativeServer()


@pytest.fixture
def client(server: NativeServer) -> httpx.Client:
    return httpx.Client(transport=InProcess(server), base_url=ROOT)


def names(client: httpx.Client, path: str = "/api/tags") -> list[str]:
    return [entry["name"] for entry in client.get(path).json()["models"]]


def chat(client: httpx.Client, model: str, messages: list[dict[str, str]] | None = None) -> httpx.Response:
    body = {"model": model, "messages": messages or HELLO, "max_tokens": 1, "temperature": 0}
    return client.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize(
    ("text", "whole", "namespace"),
    [
        ("mini", "mini:latest", "library"),
        ("mini:q4", "mini:q4", "library"),
        ("library/mini", "mini:latest", "library"),
        ("team/mini", "team/mini:latest", "team"),
        ("hf.co/user/model:tag", "hf.co/user/model:tag", "user"),
        ("hf.co/library/model", "hf.co/library/model:latest", "library"),
        ("127.0.0.1:5000/ns/name", "127.0.0.1:5000/ns/name:latest", "ns"),
    ],
)
def test_names_have_tags_namespaces_and_hosts(text: str, whole: str, namespace: str) -> None:
    name = parse_name(text)
    assert (str(name), name.namespace) == (whole, namespace)
    assert parse_name(whole) == name


@pytest.mark.parametrize("text", ["", ":x", "a:", "a b", "/a", "a/b/c/d", "a//b", "a:b:c", 7, None, ["a"]])
def test_what_is_no_name_is_refused(text: object) -> None:
    with pytest.raises(RefusalError, match="is invalid"):
        parse_name(text)


@pytest.mark.parametrize(
    ("fraction", "written"), [(0, "05"), (120_000_000, "05.12"), (123_456_789, "05.123456789"), (1, "05.000000001")]
)
def test_times_have_as_many_digits_as_they_need(fraction: int, written: str) -> None:
    nanoseconds = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 10**9 + fraction
    assert local_time(nanoseconds, UTC) == f"2026-01-02T03:04:{written}Z"
    assert local_time(nanoseconds, NativeServer.zone) == f"2026-01-01T20:04:{written}-07:00"


def test_version_and_root_are_answered(client: httpx.Client) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", client.get("/api/version").json()["version"])
    assert client.get("/").text == "Ollama is running"
    for path in ("/", "/api/version", "/api/tags"):
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")


def test_tags_are_the_models_with_the_newest_first(client: httpx.Client) -> None:
    assert names(client) == [FROM_A_HOST, SMALL, EMBEDDING, CHAT]
    entry = client.get("/api/tags").json()["models"][-1]
    assert entry["name"] == entry["model"] == CHAT
    assert entry["size"] > 0
    assert re.fullmatch("[0-9a-f]{64}", entry["digest"])
    assert set(entry["details"]) == {
        "parent_model", "format", "family", "families", "parameter_size", "quantization_level",
    }  # fmt: skip
    assert datetime.fromisoformat(entry["modified_at"]).timestamp() == MODELS[CHAT].modified / 10**9


def test_the_openai_list_says_the_same_as_the_tags(client: httpx.Client) -> None:
    data = client.get("/v1/models").json()["data"]
    assert [entry["id"] for entry in data] == names(client)
    assert [entry["owned_by"] for entry in data] == ["maker", "team", "library", "library"]
    assert [entry["created"] for entry in data] == [MODELS[entry["id"]].modified // 10**9 for entry in data]
    for entry in data:
        assert client.get(f"/v1/models/{entry['id']}").json() == entry
    assert client.get("/v1/models/mini").json() == {**data[-1], "id": "mini"}


def test_show_tells_what_a_model_can_do(client: httpx.Client) -> None:
    shown = client.post("/api/show", json={"model": SMALL}).json()
    assert shown["parameters"] == "num_ctx 512"
    assert shown["model_info"]["general.architecture"] == shown["details"]["family"] == "llama"
    assert shown["capabilities"] == ["completion", "tools"]
    assert client.post("/api/show", json={"model": "mini-embed"}).json()["capabilities"] == ["embedding"]


def test_ps_tells_which_models_are_in_memory(client: httpx.Client, server: NativeServer) -> None:
    assert names(client, "/api/ps") == []
    assert chat(client, SMALL).status_code == 200
    [entry] = client.get("/api/ps").json()["models"]
    assert (entry["name"], entry["context_length"]) == (SMALL, 512)
    assert datetime.fromisoformat(entry["expires_at"]).timestamp() > time.time()
    server.loaded[parse_name(SMALL)] = time.time_ns()
    assert names(client, "/api/ps") == []


def test_a_copy_is_the_model_under_one_more_name_until_it_is_deleted(client: httpx.Client) -> None:
    made = client.post("/api/copy", json={"source": "mini", "destination": "gpt-zz"})
    assert (made.status_code, made.content) == (200, b"")
    copy, source = (next(e for e in client.get("/api/tags").json()["models"] if e["name"] == name)
                    for name in ("gpt-zz:latest", CHAT))  # fmt: skip
    assert copy["digest"] == source["digest"]
    assert copy["modified_at"] > source["modified_at"]
    assert chat(client, "gpt-zz").json()["model"] == "gpt-zz"
    assert "gpt-zz:latest" in names(client, "/api/ps")
    gone = client.request("DELETE", "/api/delete", json={"model": "gpt-zz"})
    assert (gone.status_code, gone.content) == (200, b"")
    assert "gpt-zz:latest" not in names(client) + names(client, "/api/ps")
    assert chat(client, "gpt-zz").status_code == 404
    client.post("/api/copy", json={"source": "mini", "destination": "gpt-zz"})
    assert "gpt-zz:latest" not in names(client, "/api/ps")
    assert chat(client, CHAT).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/api/show", {"model": "zz"}, 404, "model 'zz' not found"),
        ("POST", "/api/copy", {"source": "zz", "destination": "b"}, 404, "model 'zz' not found"),
        ("POST", "/api/copy", {"source": "mini", "destination": ":b"}, 400, 'name ":b" is invalid'),
        ("DELETE", "/api/delete", {"model": "zz"}, 404, "model 'zz' not found"),
        ("DELETE", "/api/delete", {}, 400, "name null is invalid"),
        ("POST", "/api/copy", None, 400, "missing request body"),
        ("POST", "/api/copy", [], 400, "invalid request body: expected a JSON object"),
    ],
)
def test_errors_of_the_native_api_are_a_text(
    client: httpx.Client, method: str, path: str, body: Any, status: int, said: str
) -> None:
    content = None if body is None else json.dumps(body)
    answer = client.request(method, path, content=content)
    assert (answer.status_code, answer.json()) == (status, {"error": said})
    assert len(names(client)) == len(MODELS)


def test_bodies_need_no_content_type(client: httpx.Client) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/api/show", content=b'{"model": "mini"}', headers=form).status_code == 200


def test_unknown_routes_and_wrong_methods_are_refused_in_plain_text(client: httpx.Client) -> None:
    unknown, wrong = client.get("/api/nope"), client.get("/api/copy")
    assert (unknown.status_code, unknown.text) == (404, "404 page not found")
    assert (wrong.status_code, wrong.text) == (405, "405 method not allowed")


def test_a_model_does_only_what_it_can(client: httpx.Client) -> None:
    refused = chat(client, EMBEDDING)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == '"mini-embed:latest" does not support chat'
    for model in (EMBEDDING, CHAT):
        assert len(client.post("/v1/embeddings", json={"model": model, "input": "a"}).json()["data"]) == 1


def counted(client: httpx.Client, model: str, *texts: str, system: str = "") -> int:
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "assistant" if place % 2 else "user", "content": text} for place, text in enumerate(texts)]
    return int(chat(client, model, messages).json()["usage"]["prompt_tokens"])


def test_a_context_drops_the_older_messages_and_keeps_the_system_message(client: httpx.Client) -> None:
    long = " water" * 300
    assert counted(client, SMALL, long, long, "Hi") == counted(client, CHAT, long, "Hi")
    assert counted(client, SMALL, long, long, "Hi", system="Be kind.") == counted(
        client, CHAT, long, "Hi", system="Be kind."
    )
    assert counted(client, SMALL, long, "Hi", long * 2) == 512
    assert counted(client, CHAT, long, long, "Hi") > 600
