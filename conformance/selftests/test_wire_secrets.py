"""Where the key and the environment go: to the server that they are meant for, and into no record."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from urllib.request import getproxies

import httpx
import pytest

from conformance.selftests.network_calls import first_connection
from conformance.selftests.servers.sockets import Peer, Script, answer, chunk, playing
from conformance.selftests.wire_calls import CALLS, CHUNKED, EVENTS, GOOD, JSON, asker_of, by_each_way
from conformance.wire.client import KEY_PLACEHOLDER
from conformance.wire.exchange import Call, Exchange
from conformance.wire.network import build_transport, proxy_for
from conformance.wire.sdk import remove_sdk_variables

KEY = "sk-ZQ0123456789" + "abcdefghij" * 5
START = KEY[:10]
"""No record may hold even the start of the key: a clipped key is one that was not redacted."""

OWN = "OPENAI_API_KEY"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests."""
    for name in os.environ:
        if name.upper() in PROXIES or name.startswith("OPENAI_"):
            monkeypatch.delenv(name)


def playing_bytes(data: bytes) -> Script:
    return lambda _: iter([data])


def error(member: str, value: str, status: str = "401 Unauthorized") -> bytes:
    return answer(json.dumps({"error": {"message": "No.", member: value}}).encode(), JSON, status=status)


def in_pieces(*pieces: str) -> Script:
    def script(peer: Peer) -> Iterator[bytes]:
        yield answer(b"", JSON, CHUNKED)
        for piece in pieces:
            yield chunk(piece.encode())
            peer.pause(0.05)
        yield b"0\r\n\r\n"

    return script


def content(text: str) -> bytes:
    return GOOD.replace(b'"Hi"', json.dumps(text).encode())


ECHOES: dict[str, Script] = {
    "in a header": playing_bytes(answer(GOOD, JSON, f"X-Echo: Bearer {KEY}")),
    "at the end of a long header": playing_bytes(answer(GOOD, JSON, f"X-Echo: {'x' * 1980}{KEY}")),
    "as a header's name": playing_bytes(answer(GOOD, JSON, f"{KEY}: 1")),
    "in the body": playing_bytes(answer(f'{{"you sent": "{KEY}"}}'.encode(), JSON)),
    "in the content": playing_bytes(answer(content(f"It is {KEY}."), JSON)),
    "in the content of events": playing_bytes(answer(b"data: " + content(KEY) + b"\n\n", EVENTS)),
    "in two pieces": in_pieces('{"you sent": "', KEY[:20], KEY[20:], '"}'),
    "in many pieces": in_pieces('{"you sent": "', *KEY[:12], KEY[12:], '"}'),
    "whole and in two pieces": in_pieces(f'{{"{KEY}": "', KEY[:20], KEY[20:], '"}'),
    **{
        f"as an error's {member}": playing_bytes(error(member, KEY))
        for member in ("message", "code", "param", "type", "zq")
    },
    "at the end of a long message": playing_bytes(error("message", "x" * 250 + KEY)),
    "in a page of an error": playing_bytes(answer(b"<p>" + KEY.encode(), "Content-Type: text/html", status="500 No")),
    "in a reason": playing_bytes(answer(b"{}", JSON, status=f"400 {KEY}")),
    "in a redirection": playing_bytes(answer(b"", f"Location: http://127.0.0.1:1/{KEY}", status="307 No")),
    "in a line that is no HTTP": playing_bytes(f"{KEY} no HTTP\r\n\r\n".encode()),
    "at the end of a long line that is no HTTP": playing_bytes(f"{'x' * 130}{KEY}\r\n\r\n".encode()),
    "in a header that is none": playing_bytes(f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode()),
    "in a length that is none": playing_bytes(answer(GOOD, JSON, f"Content-Length: {KEY}")),
}


def recorded(exchange: Exchange) -> str:
    return json.dumps(exchange.to_record())


@by_each_way
@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES)
def test_a_key_that_the_server_repeats_is_in_no_record(script: Script, call: Call) -> None:
    with playing(script) as peer:
        exchange = asker_of(peer.url, key=KEY).send(call)
    assert f"Bearer {KEY}".encode() in peer.heard[0]
    assert START.lower() not in recorded(exchange).lower()
    assert ("authorization", f"Bearer {KEY_PLACEHOLDER}") in exchange.sent_headers


@by_each_way
def test_what_is_redacted_says_so(call: Call) -> None:
    with playing(ECHOES["in two pieces"]) as peer:
        exchange = asker_of(peer.url, key=KEY).send(call)
    assert exchange.text == f'{{"you sent": "{KEY_PLACEHOLDER}"}}'


@by_each_way
@pytest.mark.parametrize("key", ["k", "a b", "stop", "chat"])
def test_a_short_key_is_hidden_where_it_was_sent_and_leaves_the_rest_alone(key: str, call: Call) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as peer:
        exchange = asker_of(peer.url, key=key).send(call)
    assert ("authorization", f"Bearer {KEY_PLACEHOLDER}") in exchange.sent_headers
    assert exchange.text == GOOD.decode()


def test_a_header_of_a_probe_takes_the_place_of_the_key_and_is_shown() -> None:
    call = Call(path="/models", method="GET", transport="http", headers=(("authorization", "Bearer of a probe"),))
    with playing(playing_bytes(answer(b"{}", JSON))) as peer:
        exchange = asker_of(peer.url, key=KEY).send(call)
    assert START.encode() not in peer.heard[0]
    assert ("authorization", "Bearer of a probe") in exchange.sent_headers


@pytest.mark.parametrize("key", [KEY + "\n", KEY + "\r\nX-Other: 1", KEY + "\u2603", "\x00" + KEY])
@by_each_way
def test_a_key_that_no_header_can_hold_is_named_and_not_shown(key: str, call: Call) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as peer:
        with pytest.raises(ValueError, match="key") as raised:
            asker_of(peer.url, key=key).send(call)
        assert peer.heard == []
    assert START not in str(raised.value)


@by_each_way
@pytest.mark.parametrize("status", ["301 No", "302 No", "303 No", "307 No", "308 No"])
def test_the_key_does_not_follow_a_redirection(status: str, call: Call) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as other:
        to_other = answer(b"", f"Location: {other.url}/v1/chat/completions", status=status)
        with playing(playing_bytes(to_other)) as peer:
            asker_of(peer.url, key=KEY).send(call)
    assert other.heard == []
    assert len(peer.heard) == 1


@by_each_way
def test_the_native_server_gets_no_key(call: Call) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as native:
        asker = asker_of("http://127.0.0.1:1", native_url=native.url, key=KEY)
        asker.send(replace(call, server="native"))
    assert len(native.heard) == 1
    assert START.encode() not in native.heard[0]


ENVIRONMENT = {
    "OPENAI_API_KEY": "zq-env-key",
    "OPENAI_ADMIN_KEY": "zq-env-admin",
    "OPENAI_ORG_ID": "zq-env-org",
    "OPENAI_PROJECT_ID": "zq-env-project",
    "OPENAI_WEBHOOK_SECRET": "zq-env-secret",
    "OPENAI_CUSTOM_HEADERS": "Authorization: Bearer zq-env-custom\nX-Zq: zq-env-custom",
    "OPENAI_BASE_URL": "http://127.0.0.1:1/zq-env-url",
    "OPENAI_API_TYPE": "azure",
    "OPENAI_API_VERSION": "zq-env-version",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:1/zq-env-azure",
    "AZURE_OPENAI_API_KEY": "zq-env-azure",
}


def heard_of(call: Call, key: str) -> bytes:
    """What the server hears, but for its own address."""
    with playing(playing_bytes(answer(GOOD, JSON))) as peer:
        assert asker_of(peer.url, key=key).send(call).status == 200
    return re.sub(rb"(?i)host: \S+", b"", peer.heard[0])


@by_each_way
@pytest.mark.parametrize("key", ["", KEY], ids=["no key", "a key"])
def test_the_environment_changes_no_request(key: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = heard_of(call, key)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    remove_sdk_variables(os.environ)  # as the process of a run does when it starts
    assert heard_of(call, key) == plain
    assert b"zq-env" not in plain
    sent = re.search(rb"(?i)authorization: (.*)\r", plain)
    expected = f"Bearer {key}" if key else None if call.transport == "http" else "Bearer none"
    assert (sent and sent[1].decode()) == expected


@pytest.mark.parametrize("name", ["OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
def test_a_process_that_has_not_removed_a_leaking_variable_sends_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "X-Zq: zq-env")
    with playing(playing_bytes(answer(GOOD, JSON))) as peer:
        with pytest.raises(RuntimeError, match=f"would send {name}"):
            asker_of(peer.url).send(Call(path="/models", method="GET"))
        assert peer.heard == []


ASKS = """
import os, sys
from conformance.selftests.wire_calls import CALLS, asker_of
from conformance.wire.sdk import remove_sdk_variables
remove_sdk_variables(os.environ)
for call in CALLS.values():
    assert asker_of(sys.argv[1], key=sys.argv[2]).send(call).status == 200
"""


def test_the_sdk_may_log_and_tells_no_key() -> None:
    """Read when the SDK is imported: in a process of its own."""
    environment = {**os.environ, **ENVIRONMENT, "OPENAI_LOG": "debug"}
    with playing(playing_bytes(answer(GOOD, JSON))) as peer:
        command = [sys.executable, "-c", ASKS, peer.url, KEY]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "openai" in done.stderr
    assert START not in done.stderr + done.stdout
    assert len(peer.heard) == len(CALLS)
    assert all(b"zq-env" not in heard for heard in peer.heard)


FAR = "http://mini.test:8000"
LOOPBACK = ("http://127.0.0.1:11434", "http://localhost:8000", "http://[::1]:8000", "http://127.1.2.3", "https://LOCALHOST",
            "http://api.localhost", "http://0.0.0.0:8000")  # fmt: skip
PROXY = "http://proxy.test:3128"
SETTINGS: dict[str, dict[str, str]] = {
    "nothing": {},
    "http": {"HTTP_PROXY": PROXY},
    "https": {"HTTPS_PROXY": PROXY},
    "all": {"ALL_PROXY": PROXY},
    "http before all": {"HTTP_PROXY": PROXY, "ALL_PROXY": "http://other.test:1"},
    "lower case": {"http_proxy": PROXY},
    "without a scheme": {"HTTP_PROXY": "proxy.test:3128"},
    "with a password": {"HTTP_PROXY": "http://user:s3cr3t@proxy.test:3128"},
    "empty": {"HTTP_PROXY": ""},
    "none for all": {"HTTP_PROXY": PROXY, "NO_PROXY": "*"},
    "none for all, in a list": {"HTTP_PROXY": PROXY, "NO_PROXY": "other.test, *"},
    "none for this host": {"HTTP_PROXY": PROXY, "NO_PROXY": "other.test, mini.test"},
    "none for this port": {"HTTP_PROXY": PROXY, "NO_PROXY": "mini.test:8000"},
    "none for another port": {"HTTP_PROXY": PROXY, "NO_PROXY": "mini.test:8001"},
    "none for its domain": {"HTTP_PROXY": PROXY, "NO_PROXY": ".test"},
    "none for another": {"HTTP_PROXY": PROXY, "NO_PROXY": "other.test,xmini.test,ini.test.org"},
    "none for an address": {"HTTP_PROXY": PROXY, "NO_PROXY": "10.1.2.3"},
}


@pytest.mark.parametrize("url", [FAR, "https://mini.test", "http://10.1.2.3", "http://a.mini.test:8000/v1"])
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_proxy_is_the_one_that_httpx_would_ask(
    setting: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    ours = httpx.Client(transport=build_transport(url), trust_env=False)
    assert first_connection(ours, url) == first_connection(httpx.Client(), url)


@pytest.mark.parametrize("url", LOOPBACK)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
def test_this_machine_is_asked_directly(name: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, PROXY)
    assert getproxies()
    assert proxy_for(url) is None


@by_each_way
def test_a_loopback_server_is_reached_past_a_proxy(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as peer, playing(playing_bytes(b"")) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert asker_of(peer.url, key=KEY).send(call).status == 200
    assert (len(peer.heard), proxy.heard) == (1, [])


@by_each_way
def test_another_host_is_reached_through_the_proxy(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(playing_bytes(answer(GOOD, JSON))) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:s3cr3t@"))
        exchange = asker_of(FAR, key=KEY).send(call)
    assert exchange.status == 200
    [heard] = proxy.heard
    assert heard.startswith(b"POST http://mini.test:8000/v1/chat/completions HTTP/1.1\r\n")
    assert b"Basic " + base64.b64encode(b"user:s3cr3t") in heard
    assert "s3cr3t" not in recorded(exchange)
    assert base64.b64encode(b"user:s3cr3t").decode() not in recorded(exchange)


@by_each_way
def test_a_proxy_hears_no_key_for_an_https_server(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(playing_bytes(answer(b"", status="403 Forbidden"))) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        exchange = asker_of("https://mini.test", key=KEY).send(call)
    [heard] = proxy.heard
    assert heard.startswith(b"CONNECT mini.test:443 HTTP/1.1\r\n")
    assert START.encode() not in heard
    assert (exchange.status, exchange.failure) == (None, "unreachable")


@by_each_way
def test_a_server_behind_a_proxy_is_unreachable_and_not_gone(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is gone, the proxy or the server, cannot be told from here."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert asker_of(FAR).send(call).failure == "unreachable"
