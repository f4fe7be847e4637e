"""The target of a run: which one is chosen, and what it is. No model, no server."""

from typing import get_args

import httpx
import pytest

from conformance.errors import UsageError
from conformance.selftests.ollamas import serving
from conformance.targets.address import DEFAULT_OLLAMA
from conformance.targets.detect import MAX_SCHEMA_BYTES, Kind, Server, detect
from conformance.targets.native_http import NativeResponse
from conformance.targets.selection import Choice, choose

OLLAMA = Server(kind="ollama", version="0.24.0")
GENERIC = Server(kind="generic")
VLLM_MODELS = {"object": "list", "data": [{"id": "smollm2", "object": "model", "owned_by": "vllm"}]}
LITELLM = {
    "/health/readiness": {"status": "healthy", "db": "Not connected"},
    "/public/model_hub/info": {"docs_title": "LiteLLM Gateway", "litellm_version": "1.100.5"},
}
LLAMA_CPP_PYTHON = {"openapi": "3.1.0", "info": {"title": "🦙 llama.cpp Python API", "version": "0.3.36"}}


def looking(**servers):
    """Answer as the named servers do: their base URL's host, with its port if it has one."""

    def look(base_url):
        host = base_url.split("/")[2]
        if host not in servers:
            raise UsageError(f"cannot reach {base_url}: connection refused")
        return servers[host]

    return look


def chosen(base_url=None, target=None, environ=None, **servers):
    return choose(base_url=base_url, target=target, environ=environ or {}, look=looking(**servers))


LOCAL = {"127.0.0.1:11434": OLLAMA}
VARIABLES = {"OPENAI_BASE_URL": "http://sdk", "OLLAMA_HOST": "http://ollama:11434"}
EVERYBODY = {"option": GENERIC, "sdk": GENERIC, "ollama:11434": OLLAMA} | LOCAL


@pytest.mark.parametrize(
    ("base_url", "target", "environ", "kind", "url", "key"),
    [
        ("http://option", None, VARIABLES, "generic", "http://option/v1", True),
        (None, None, VARIABLES, "generic", "http://sdk/v1", True),
        (None, None, VARIABLES | {"OPENAI_BASE_URL": " "}, "ollama", "http://ollama:11434/v1", False),
        (None, None, {"OLLAMA_HOST": '""'}, "ollama", DEFAULT_OLLAMA, False),
        (None, None, {}, "ollama", DEFAULT_OLLAMA, False),
        (None, "ollama", VARIABLES, "ollama", "http://ollama:11434/v1", False),
        (None, "ollama", {"OPENAI_BASE_URL": "http://sdk"}, "ollama", DEFAULT_OLLAMA, False),
        (None, "openai", VARIABLES, "generic", "http://sdk/v1", True),
        ("http://ollama:11434", "openai", {}, "generic", "http://ollama:11434/v1", True),
        ("ollama:11434", "ollama", {}, "ollama", "http://ollama:11434/v1", True),
        (None, "embedded", VARIABLES, "embedded", None, False),
    ],
)
def test_the_first_that_is_named_is_asked(base_url, target, environ, kind, url, key):
    choice = chosen(base_url, target, environ, **EVERYBODY)
    assert (choice.kind, choice.base_url, choice.key_from_environment) == (kind, url, key)


def test_without_any_server_the_embedded_one_is_asked():
    choice = chosen()
    assert choice.line == ("asking the embedded server: nothing was named, and no Ollama answers on its default port")


def test_what_answers_on_the_default_port_must_be_an_ollama():
    assert chosen(**{"127.0.0.1:11434": GENERIC}).kind == "embedded"


def test_the_line_names_server_version_and_reason():
    assert chosen(**LOCAL).line == (
        "asking Ollama 0.24.0 at http://127.0.0.1:11434/v1: it answers on its default port"
    )


@pytest.mark.parametrize(
    ("base_url", "target", "environ", "message"),
    [
        ("http://gone", None, {}, r"cannot reach http://gone/v1: connection refused \(--base-url\)"),
        (None, None, {"OPENAI_BASE_URL": "http://gone"}, "OPENAI_BASE_URL is set"),
        (None, None, {"OLLAMA_HOST": "gone"}, "OLLAMA_HOST is set"),
        (None, "ollama", {"OLLAMA_HOST": "gone"}, "cannot reach http://gone:11434/v1"),
        ("http://option", "ollama", {}, "not an Ollama"),
        ("http://option", "embedded", {}, "leave out --base-url"),
        (None, "openai", {"OLLAMA_HOST": "ollama"}, "needs --base-url"),
        (None, None, {"OPENAI_BASE_URL": "https://api.openai.com/v1"}, "paid for"),
        (None, "openai", {"OPENAI_BASE_URL": "https://eu.api.openai.com"}, "paid for"),
        (None, None, {"OPENAI_BASE_URL": "nonsense://"}, "OPENAI_BASE_URL: "),
    ],
)
def test_what_is_named_is_never_replaced_by_the_next(base_url, target, environ, message):
    with pytest.raises(UsageError, match=message):
        chosen(base_url, target, environ, **EVERYBODY)


def test_target_ollama_needs_one_on_its_default_port():
    with pytest.raises(UsageError, match="none runs on its default port"):
        chosen(target="ollama")
    with pytest.raises(UsageError, match="not an Ollama"):
        chosen(target="ollama", **{"127.0.0.1:11434": GENERIC})


def test_openai_is_asked_when_an_option_names_it_and_is_not_looked_at():
    choice = chosen("https://api.openai.com")
    assert choice == Choice(
        kind="generic", base_url="https://api.openai.com/v1", reason="--base-url", key_from_environment=True
    )


@pytest.mark.parametrize(
    ("routes", "server"),
    [
        ({"/api/version": {"version": "0.24.0"}}, OLLAMA),
        ({"/props": {"build_info": "b5000-abc"}}, Server(kind="llama.cpp", version="b5000-abc")),
        ({"/props": {"default_generation_settings": {}}}, Server(kind="llama.cpp")),
        ({"/api/version": "<html>hello</html>", "/props": "[]"}, GENERIC),
        ({"/api/version": {"version": 3}, "/props": {"other": 1}}, GENERIC),
        ({"/api/version": {"version": "\x1b[2J"}}, GENERIC),
        ({"/api/version": {"version": "9" * 1000}}, GENERIC),
        ({"/api/version": "[" * 100_000}, GENERIC),
        ({}, GENERIC),
        ({"/api/version": lambda _: httpx.Response(401, json={"version": "1"})}, GENERIC),
        ({"/version": {"version": "0.32.0"}, "/v1/models": VLLM_MODELS}, Server(kind="vllm", version="0.32.0")),
        ({"/version": {"version": "0.32.0"}, "/v1/models": {"data": [{"owned_by": "me"}]}}, GENERIC),
        ({"/version": {"version": "0.32.0"}}, GENERIC),
        ({"/v1/models": VLLM_MODELS}, GENERIC),
        ({"/health/readiness": {"litellm_version": "1.100.5"}}, Server(kind="litellm", version="1.100.5")),
        (LITELLM, Server(kind="litellm", version="1.100.5")),
        (LITELLM | {"/health/readiness": {"status": "healthy"}}, GENERIC),
        ({"/openapi.json": LLAMA_CPP_PYTHON}, Server(kind="llama-cpp-python", version="0.3.36")),
        ({"/openapi.json": {"info": {"title": "🦙 llama.cpp Python API"}}}, Server(kind="llama-cpp-python")),
        ({"/openapi.json": {"info": {"title": "FastAPI", "version": "0.1.0"}}}, GENERIC),
    ],
)
def test_the_kind_of_a_server_is_seen(routes, server):
    assert detect(serving(**routes), "http://host/v1") == server


@pytest.mark.parametrize(
    "routes",
    [
        {"/version": {"version": "9" * 101}, "/v1/models": VLLM_MODELS},
        {"/version": {"version": ["0.32.0"]}, "/v1/models": VLLM_MODELS},
        {"/version": {"version": "0.32.0"}, "/v1/models": {"data": [None, [], "vllm", {"owned_by": {}}]}},
        {"/version": {"version": "0.32.0"}, "/v1/models": {"data": {"owned_by": "vllm"}}},
        {"/version": {"version": "0.32.0"}, "/v1/models": ["vllm"]},
        {"/health/readiness": {"litellm_version": "1.0\n\x1b[2J"}},
        {"/health/readiness": {"litellm_version": "1.0\u00e9"}},
        {"/health/readiness": {"litellm_version": ""}},
        {"/health/readiness": "[" * 100_000},
        {"/openapi.json": {"info": ["llama.cpp Python"]}},
        {"/openapi.json": "{" + '"info":{' * 100_000},
        {"/openapi.json": lambda _: httpx.Response(500, json=LLAMA_CPP_PYTHON)},
        {"/openapi.json": lambda _: httpx.Response(307, headers={"location": "http://elsewhere/"})},
    ],
)
def test_what_a_hostile_server_says_of_itself_is_not_believed(routes):
    assert detect(serving(**routes), "http://host/v1") == GENERIC


def test_a_hostile_version_does_not_hide_the_kind():
    routes = {"/openapi.json": {"info": {"title": "llama.cpp Python API", "version": "\x1b[2J" + "9" * 200}}}
    assert detect(serving(**routes), "http://host/v1") == Server(kind="llama-cpp-python")


def test_a_later_answer_that_is_too_long_says_nothing():
    client = serving(**{"/openapi.json": LLAMA_CPP_PYTHON | {"paths": "x" * MAX_SCHEMA_BYTES}})
    assert detect(client, "http://host/v1") == GENERIC


def test_a_server_that_breaks_on_unknown_paths_is_still_one():
    asked = []

    def answer(request):
        asked.append(request.url.path)
        if request.url.path not in {"/api/version", "/props"}:
            raise httpx.RemoteProtocolError("Server disconnected")
        return httpx.Response(404)

    assert detect(httpx.Client(transport=httpx.MockTransport(answer)), "http://host/v1") == GENERIC
    assert asked == ["/api/version", "/props", "/version", "/health/readiness", "/openapi.json"]


def test_later_questions_share_one_limit_of_time(monkeypatch):
    moments = iter([0.0, 1.0, 4.0, 11.0])
    monkeypatch.setattr("conformance.targets.detect.time.monotonic", lambda: next(moments))
    given, asked = [], []

    def fetch(_client, _method, url, *, seconds, **_):
        asked.append(url)
        given.append(seconds)
        return NativeResponse(url=url, status=404, body=b"")

    monkeypatch.setattr("conformance.targets.detect.fetch", fetch)
    assert detect(None, "http://host/v1", seconds=10.0) == GENERIC
    assert asked[2:] == ["http://host/version", "http://host/health/readiness"]
    assert given[2:] == [9.0, 6.0]


@pytest.mark.parametrize("valid", [True, False])
def test_the_key_goes_to_the_list_of_models_alone(valid):
    with_key = set()

    def answer(request):
        if request.headers.get("authorization") == "Bearer secret":
            with_key.add(request.url.path)
        if request.url.path == "/version":
            return httpx.Response(200, json={"version": "0.32.0"})
        if valid and request.url.path in with_key:
            return httpx.Response(200, json=VLLM_MODELS)
        return httpx.Response(401)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    found = detect(client, "http://host/v1", key="secret")
    assert found == (Server(kind="vllm", version="0.32.0") if valid else GENERIC)
    assert with_key == {"/v1/models"}


def test_a_gateway_is_called_one():
    server = Server(kind="litellm", version="1.100.5")
    choice = chosen("http://option", option=server)
    assert choice.line == "asking the gateway LiteLLM 1.100.5 at http://option/v1: --base-url"
    assert choice.notes == ("a gateway: the verdicts are of it and of the server behind it together",)
    assert chosen("http://option", option=GENERIC).notes == ()


def test_the_kind_is_seen_below_a_prefix():
    client = serving(**{"/prefix/api/version": {"version": "0.24.0"}})
    assert detect(client, "http://host/prefix/v1") == OLLAMA


def refusing(error):
    def answer(_):
        raise error

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpx.ConnectTimeout(""), "no connection in time"),
        (httpx.ReadTimeout(""), "does not answer in time"),
        (httpx.RemoteProtocolError("Server disconnected"), "Server disconnected"),
    ],
)
def test_a_server_that_does_not_answer_is_named(error, words):
    with pytest.raises(UsageError, match=f"cannot reach http://host: .*{words}"):
        detect(refusing(error), "http://host/v1")


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_is_not_the_server(status):
    client = serving(**{"/api/version": lambda _: httpx.Response(status, text="Bad Gateway")})
    with pytest.raises(UsageError, match=f"a gateway answers {status} in its place"):
        detect(client, "http://host/v1")


def test_an_endless_answer_is_cut():
    def endless():
        while True:
            yield b"x" * 1_000_000

    client = serving(**{"/api/version": lambda _: httpx.Response(200, content=endless())})
    with pytest.raises(UsageError, match="sends more than 16384 KB"):
        detect(client, "http://host/v1")


def test_no_kind_takes_the_baselines_of_another():
    kinds = get_args(Kind)
    assert not [(one, other) for one in kinds for other in kinds if other.startswith(f"{one}-")]
