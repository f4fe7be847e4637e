"""The target of a run: which one is chosen, what it is, which models it has. No model, no server."""

import httpx
import pytest

from conformance.targets.address import DEFAULT_OLLAMA, api_base, is_openai, ollama_host, root_of
from conformance.targets.choose import Choice, choose
from conformance.targets.detect import Server, detect
from conformance.targets.errors import TargetError

OLLAMA = Server(kind="ollama", version="0.24.0")
GENERIC = Server(kind="generic")


@pytest.mark.parametrize(
    ("written", "base"),
    [
        # the table of TestHost in Ollama's envconfig/config_test.go, then what a client makes of it
        ("", "http://127.0.0.1:11434/v1"),
        ("1.2.3.4", "http://1.2.3.4:11434/v1"),
        (":1234", "http://127.0.0.1:1234/v1"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234/v1"),
        ("example.com", "http://example.com:11434/v1"),
        ("example.com:1234", "http://example.com:1234/v1"),
        (":66000", "http://127.0.0.1:11434/v1"),
        (":-1", "http://127.0.0.1:11434/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("[::]", "http://[::1]:11434/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("[::1", "http://[::1]:11434/v1"),
        ("[::1]:1337", "http://[::1]:1337/v1"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434/v1"),
        ('"1.2.3.4"', "http://1.2.3.4:11434/v1"),
        (' " 1.2.3.4 " ', "http://1.2.3.4:11434/v1"),
        ("'1.2.3.4'", "http://1.2.3.4:11434/v1"),
        ("http://1.2.3.4", "http://1.2.3.4:80/v1"),
        ("http://1.2.3.4:4321", "http://1.2.3.4:4321/v1"),
        ("https://1.2.3.4", "https://1.2.3.4:443/v1"),
        ("https://1.2.3.4:4321", "https://1.2.3.4:4321/v1"),
        ("https://example.com/ollama", "https://example.com:443/ollama/v1"),
        ("https://example.com/ollama/", "https://example.com:443/ollama/v1"),
        ("ollama.com", "https://ollama.com:443/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104 - what a server listens on
        ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
        ("[::]:8080", "http://[::1]:8080/v1"),
        ("http://0.0.0.0:8080/", "http://127.0.0.1:8080/v1"),
        ("http://[::1]", "http://[::1]:80/v1"),
        ("host:", "http://host:11434/v1"),
        ("http://host:", "http://host:80/v1"),
        ("host:1234/prefix", "http://host:1234/prefix/v1"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(written, base):
    assert ollama_host(written) == base


@pytest.mark.parametrize("written", ["unix:///run/ollama.sock", "ftp://host", "http://a@b"])
def test_an_ollama_host_that_no_client_can_use_is_refused(written):
    with pytest.raises(TargetError, match="OLLAMA_HOST"):
        ollama_host(written)


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000//", "http://localhost:8000/v1"),
        ("https://gate.example/a/b", "https://gate.example/a/b/v1"),
        ("https://gate.example/a/b/v1/", "https://gate.example/a/b/v1"),
        ("localhost:8000", "http://localhost:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("https://gate.example/api/paas/v4", "https://gate.example/api/paas/v4"),
        ("https://gate.example/v1beta/openai/", "https://gate.example/v1beta/openai"),
        ("https://gate.example/v1x2y/", "https://gate.example/v1x2y"),
        ("https://gate.example/openai", "https://gate.example/openai/v1"),
    ],
)
def test_a_base_url_ends_in_its_version(written, base):
    assert api_base(written) == base


@pytest.mark.parametrize(
    "written", ["", "http://", "ftp://host", "http://host:port", "http://host?a=b", "http://a:b@host", "http://[::1"]
)
def test_what_is_no_base_url_is_refused(written):
    with pytest.raises(TargetError, match="--base-url"):
        api_base(written)


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(TargetError) as caught:
        api_base("http://me:secret@host")
    assert "secret" not in str(caught.value)


def test_the_native_api_lies_beside_the_version():
    assert root_of("http://host/prefix/v1") == "http://host/prefix"


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com./v1", True),
        ("https://API.OpenAI.com/v1", True),
        ("https://notopenai.com/v1", False),
        ("https://host/api.openai.com/v1", False),
    ],
)
def test_openai_itself_is_known(url, theirs):
    assert is_openai(url) is theirs


def looking(**servers):
    """Answer as the named servers do: their base URL's host, with its port if it has one."""

    def look(base_url):
        host = base_url.split("/")[2]
        if host not in servers:
            raise TargetError(f"cannot reach {base_url}: connection refused")
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
    with pytest.raises(TargetError, match=message):
        chosen(base_url, target, environ, **EVERYBODY)


def test_target_ollama_needs_one_on_its_default_port():
    with pytest.raises(TargetError, match="none runs on its default port"):
        chosen(target="ollama")
    with pytest.raises(TargetError, match="not an Ollama"):
        chosen(target="ollama", **{"127.0.0.1:11434": GENERIC})


def test_openai_is_asked_when_an_option_names_it_and_is_not_looked_at():
    choice = chosen("https://api.openai.com")
    assert choice == Choice(
        kind="generic", base_url="https://api.openai.com/v1", why="--base-url", key_from_environment=True
    )


def serving(**routes):
    """Return a client of a server that answers these paths with JSON, text or a function of the request."""

    def answer(request):
        route = routes.get(request.url.path)
        if callable(route):
            return route(request)
        if isinstance(route, str):
            return httpx.Response(200, text=route)
        return httpx.Response(404, text="404 page not found") if route is None else httpx.Response(200, json=route)

    return httpx.Client(transport=httpx.MockTransport(answer))


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
    with pytest.raises(TargetError, match=f"cannot reach http://host/api/version: .*{words}"):
        detect(refusing(error), "http://host/v1")


def test_an_endless_answer_is_cut():
    def endless():
        while True:
            yield b"x" * 1_000_000

    client = serving(**{"/api/version": lambda _: httpx.Response(200, content=endless())})
    with pytest.raises(TargetError, match="sends more than 16384 KB"):
        detect(client, "http://host/v1")
