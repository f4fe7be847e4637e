"""Each miniature server does the one thing that its name says, in the process and on a socket."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
import time
from typing import Any

import httpx
import openai
import pytest

from .behaviours import NAMED, ROUTES, made, strips
from .honours import HonoursEverything
from .transport import BASE_URL, InProcess, listening

USER = [{"role": "user", "content": "Tell me of the sea."}]
BODY: dict[str, Any] = {"model": "mini", "messages": USER, "temperature": 0, "max_tokens": 8}


def http(name: str) -> httpx.Client:
    return httpx.Client(transport=InProcess(made(name)), base_url=BASE_URL, timeout=5)


def ask(name: str, **fields: Any) -> httpx.Response:
    with http(name) as client:
        return client.post("/chat/completions", json={**BODY, **fields})


def text(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


def test_names_are_documented() -> None:
    assert all(maker.__doc__ and maker.__doc__.endswith(".") for maker in NAMED.values())


def test_ignores_every_field() -> None:
    junk = ask("ignores_every_field", model="zq", n="x", temperature="hot", max_tokens=1, stop=7, zz_unknown=[])
    plain = ask("ignores_every_field")
    assert junk.json()["model"] == "zq"
    assert text(junk) == text(plain)
    assert len(text(plain).split()) > 64
    assert ask("ignores_every_field", messages=7).status_code == 200
    assert text(ask("ignores_every_field", messages=[{"role": "user", "content": "Hi"}])) != text(plain)
    assert ask("ignores_every_field", stream=True).text.endswith("data: [DONE]\n\n")
    assert text(ask("ignores_and_samples", seed=1)) != text(ask("ignores_and_samples", seed=1))


@pytest.mark.parametrize("name", ["ignores_every_field", "always_repeats_itself", "always_random"])
@pytest.mark.parametrize("path", ROUTES)
def test_those_that_ignore_answer_200_to_anything(name: str, path: str) -> None:
    junk = {"model": 7, "messages": {}, "prompt": {}, "input": [], "n": "x"}
    bodies: list[Any] = [{}, [], junk, {**BODY, "input": "a"}]
    with http(name) as client:
        for body in bodies:
            assert client.post(path.removeprefix("/v1"), json=body).status_code == 200


def test_repeats_itself_and_random() -> None:
    other = [{"role": "user", "content": "Hi"}]
    assert text(ask("always_repeats_itself")) == text(ask("always_repeats_itself", messages=other, temperature=2))
    assert text(ask("always_random", seed=1)) != text(ask("always_random", seed=1))


@pytest.mark.parametrize(("name", "status"), [("refuses_extras", 400), ("crashes_on_extras", 500)])
def test_few_fields_are_known(name: str, status: int) -> None:
    assert ask(name).status_code == ask(name, stream=True).status_code == 200
    answer = ask(name, top_p=1)
    assert answer.status_code == status
    assert answer.headers["content-type"] == ("application/json" if status == 400 else "text/html")


@pytest.mark.parametrize(("name", "status"), [("absent_404", 404), ("absent_501", 501), ("ok_to_all", 200)])
def test_one_answer_to_all(name: str, status: int) -> None:
    with http(name) as client:
        for path in ("/models", "/nope"):
            assert client.get(path).status_code == status


def test_strips() -> None:
    honest = InProcess(HonoursEverything(pace=0, late=0))
    with httpx.Client(transport=honest, base_url=BASE_URL) as client:
        plain = client.post("/chat/completions", json=BODY)
    assert ask("strips:n", n=2).json()["choices"] == plain.json()["choices"]
    assert ask("strips:model", model="zq").status_code == 200
    assert text(ask("strips:messages")) != text(plain)
    server = strips("model", value="mini-embed")
    with httpx.Client(transport=InProcess(server), base_url=BASE_URL) as client:
        assert client.post("/embeddings", json={"model": "zq", "input": "a"}).status_code == 200


def test_hangs_and_cuts_in_the_process() -> None:
    with pytest.raises(httpx.ReadTimeout):
        ask("hangs")
    for stream in (False, True):
        with pytest.raises(httpx.RemoteProtocolError):
            ask("cuts_the_stream", stream=stream)
    with http("dies_after:1") as client:
        assert client.get("/models").status_code == 200
        with pytest.raises(httpx.ConnectError):
            client.get("/models")


ENDLESS = ("endless_stream", "endless_body", "slow_drip:0.01")


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_ones_do_not_end(name: str) -> None:
    with http(name) as client, client.stream("POST", "/chat/completions", json=BODY) as response:
        assert len(list(itertools.islice(response.iter_raw(), 50))) == 50


def beginning(client: httpx.Client) -> tuple[int, str, bool] | None:
    """Return status, content type and whether there is a body, of the answer to a chat; None if it is cut."""
    try:
        with client.stream("POST", "/chat/completions", json={**BODY, "max_tokens": 1}) as response:
            body = b"".join(itertools.islice(response.iter_raw(), 5))
            return response.status_code, response.headers.get("content-type", ""), body != b""
    except httpx.RemoteProtocolError:
        return None


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("strips", "hangs")])
def test_all_begin_on_a_socket_as_they_do_in_the_process(name: str) -> None:
    with http(name) as client:
        due = beginning(client)
    with listening(made(name)) as url, httpx.Client(base_url=url, timeout=5, trust_env=False) as client:
        assert beginning(client) == due
    assert (due is None) == (name == "cuts_the_stream")


def test_hostile_text_is_hostile() -> None:
    answer = ask("hostile_text", max_tokens=1)
    assert len(answer.content) > 1_000_000
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode()
    for evil in ("</script>", "\u202e", "\\u001b[31m"):
        assert evil in answer.content.decode("utf-8", "replace")
    assert "<script>" in ask("hostile_text", n=2).json()["error"]["message"]


@pytest.mark.parametrize("name", ["deep_json", "longer_numbers"])
def test_json_that_python_does_not_read(name: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        json.loads(ask(name).content)


def test_a_bomb_is_small_until_it_is_unpacked() -> None:
    with http("gzip_bomb") as client, client.stream("POST", "/chat/completions", json=BODY) as response:
        assert sum(map(len, response.iter_raw())) < 1_000_000
        assert response.headers["content-encoding"] == "gzip"


def test_a_socket_streams_as_it_generates() -> None:
    server = HonoursEverything(pace=0.01, late=0.01)
    with listening(server) as url, httpx.Client(base_url=url, trust_env=False) as client:
        began = time.monotonic()
        with client.stream("POST", "/chat/completions", json={**BODY, "max_tokens": 30, "stream": True}) as response:
            times = [time.monotonic() - began for _ in response.iter_raw()]
    assert len(times) > 10
    assert times[0] < times[-1] / 2


def test_a_socket_cuts_hangs_and_dies() -> None:
    with listening(made("cuts_the_stream")) as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{url}/chat/completions", json=BODY, trust_env=False)
    with listening(made("hangs")) as url, pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{url}/models", timeout=0.3, trust_env=False)
    with listening(made("dies_after:1")) as url:
        assert httpx.get(f"{url}/models", trust_env=False).status_code == 200
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/models", trust_env=False)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/models", trust_env=False)


def test_the_async_client_reaches_it_too() -> None:
    async def texts() -> list[str]:
        transport = InProcess(HonoursEverything(pace=0, late=0))
        async with httpx.AsyncClient(transport=transport) as client:
            sdk = openai.AsyncOpenAI(base_url=BASE_URL, api_key="x", max_retries=0, http_client=client)  # type: ignore[arg-type]
            plain = await sdk.chat.completions.create(**BODY)
            stream = await sdk.chat.completions.create(**BODY, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return [plain.choices[0].message.content or "", "".join(pieces)]

    plain, streamed = asyncio.run(texts())
    assert plain == streamed != ""


def test_by_hand() -> None:
    command = [sys.executable, "-m", "conformance.selftests.servers", "ok_to_all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
            assert httpx.get(f"{url}/models", trust_env=False).json() == {}
        finally:
            process.kill()
