"""The target of a run: which one is chosen, and what it is. No model, no server."""

import httpx
import pytest

from conformance.errors import UsageError
from conformance.selftests.ollamas import serving
from conformance.targets.address import DEFAULT_OLLAMA
from conformance.targets.detect import Server, detect
from conformance.targets.selection import Choice, choose

OLLAMA = Server(kind="ollama", version="0.24.0")
GENERIC = Server(kind="generic")


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
    ],
)
def test_the_kind_of_a_server_is_seen(routes, server):
    assert detect(serving(**routes), "http://host/v1") == server


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
    with pytest.raises(UsageError, match=f"cannot reach http://host/api/version: .*{words}"):
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
