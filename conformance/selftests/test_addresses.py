"""Addresses of servers, as people write them in options and variables."""

import pytest

from conformance.errors import UsageError
from conformance.targets.address import is_openai_api, parse_base_url, parse_ollama_host, server_root


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
    assert parse_ollama_host(written) == base


@pytest.mark.parametrize("written", ["unix:///run/ollama.sock", "ftp://host", "http://a@b"])
def test_an_ollama_host_that_no_client_can_use_is_refused(written):
    with pytest.raises(UsageError, match="OLLAMA_HOST"):
        parse_ollama_host(written)


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
    assert parse_base_url(written) == base


@pytest.mark.parametrize(
    "written", ["", "http://", "ftp://host", "http://host:port", "http://host?a=b", "http://a:b@host", "http://[::1"]
)
def test_what_is_no_base_url_is_refused(written):
    with pytest.raises(UsageError, match="--base-url"):
        parse_base_url(written)


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(UsageError) as caught:
        parse_base_url("http://me:secret@host")
    assert "secret" not in str(caught.value)


def test_the_native_api_lies_beside_the_version():
    assert server_root("http://host/prefix/v1") == "http://host/prefix"


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
    assert is_openai_api(url) is theirs
