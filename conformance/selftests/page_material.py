"""Reports and exchanges for the tests of the pages: small ones, large ones, and those of a hostile server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conformance.judge.schema import violations
from conformance.wire.exchange import Call, Exchange, SdkResult

MARKUP = "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>{{ 7 * 7 }}${7*7}]]>--><!--"
CONTROLS = "\x00\x1b[31mred\x1b[0m\x9b2J\u202eevil\u2066\u200b\u2028\ufeff\ud800\U000e0041"
HOSTILE = MARKUP + CONTROLS
LONG_LINE = "x" * 1_000_000
URL = "http://127.0.0.1:9/v1/chat/completions"


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "Tell a story."}], "temperature": 0, **fields}


def exchange(fields: Mapping[str, Any], answer: str = "", *, repetition: int = 0, **about: Any) -> Exchange:
    call = Call(path="/chat/completions", body=dict(fields), repetition=repetition)
    settings: dict[str, Any] = {
        "url": URL,
        "sent": json.dumps(fields, separators=(",", ":"), ensure_ascii=False),
        "sent_headers": (("authorization", "Bearer none"), ("content-length", "7")),
        "status": 200,
        "headers": (("content-type", "application/json"),),
        "chunks": ((0.5, answer),),
        "seconds": 0.5,
        **about,
    }
    return Exchange(call=call, **settings)


def answer(text: str) -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "choices": [choice], "number": 1.0, "big": 12345678901234567890})


def chunk(word: str) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"delta": {"content": word}}]}


def stream(words: Sequence[str], **about: Any) -> Exchange:
    pieces = [
        (0.1 * (number + 1), f"data: {json.dumps(chunk(word), ensure_ascii=False)}\n\n")
        for number, word in enumerate(words)
    ]
    pieces.append((0.1 * (len(words) + 1), "data: [DONE]\n\n"))
    return exchange(body(stop="st", stream=True), chunks=tuple(pieces), seconds=1.0, **about)


def row(name: str, verdict: str = "supported", **fields: Any) -> dict[str, Any]:
    exchanges = [each.id for each in fields.pop("exchanges", ())]
    endpoint, kind, *path = name.split("/")
    return {
        "id": name,
        "endpoint": endpoint,
        "kind": kind,
        "title": f"`{path[-1]}`",
        "about": "What it should do.",
        "clause": "https://platform.openai.com/docs/api-reference/chat/create",
        "verdict": verdict,
        "evidence": "effect",
        "severity": "must",
        "reason": f"why it is {verdict}",
        "chance": "0",
        "claim": None,
        "order": None,
        "note": False,
        "agrees": None,
        "model": "m",
        "exchanges": exchanges,
        "requests": len(exchanges),
        "seconds": 0.5,
        **fields,
    }


def report(
    rows: Iterable[Mapping[str, Any]], *, kind: str = "ollama", version: str | None = "0.5.1", **fields: Any
) -> Any:
    rows = list(rows)
    made = {
        "format": 1,
        "complete": True,
        "suite": {"version": "0.1.0", "commit": None, "sdk": "openai 3.52.0", "python": "3.11.7"},
        "target": {
            "kind": kind,
            "version": version,
            "base_url": "http://127.0.0.1:9/v1",
            "models": {"chat": {"id": "m", "digest": None, "base_url": "http://127.0.0.1:9/v1"}},
        },
        "claims": {"source": "the documentation", "release": "v0.5.1"},
        "baseline": None,
        "started": "2026-11-21T07:45:05+00:00",
        "seconds": 12.5,
        "requests": 7,
        "prompt_tokens": 70,
        "completion_tokens": 30,
        "waited": 0.0,
        "counts": dict(Counter(each["verdict"] for each in rows)),
        "extensions": {},
        "notes": [],
        "rows": rows,
        **fields,
    }
    assert violations("report", made) == ()
    return made


def known(*exchanges: Exchange) -> dict[str, Exchange]:
    return {each.id: each for each in exchanges}


CONTROL = exchange(body(), answer("Once upon a time, there was a stone."))
STOP = exchange(body(stop="st"), answer("Once upon a time, there was a "))
QUOTED = exchange(body(stop="it's \u202e"), answer("Once"))
STREAM = stream(["Once", " upon", " a", " time"])
BAD = exchange(body(stop=7), '{"error": {"message": "no"}}', status=400)
ALL = known(CONTROL, STOP, QUOTED, STREAM, BAD)


def ordinary() -> Any:
    """A report with every verdict, disagreements both ways, and regressions."""
    change = {"row": "chat/fields/n", "old": "supported", "new": "ignored", "reason": "one choice came"}
    rows = [
        row("chat/features/vision", "not_applicable", evidence="none"),
        row("chat/fields/stop", "partial", exchanges=[CONTROL, STOP, STREAM], claim=True, agrees=True,
            probed="follows from: chat/fields/stop/*"),
        row("chat/fields/stop/string", exchanges=[CONTROL, STOP], claim=True, agrees=True),
        row("chat/fields/stop/quoted", "rejected", exchanges=[CONTROL, QUOTED]),
        row("chat/fields/stop/stream", exchanges=[CONTROL, STREAM]),
        row("chat/fields/n", "ignored", claim=True, agrees=False),
        row("chat/fields/seed", claim=False, agrees=False),
        row("chat/response/role", "partial", exchanges=[CONTROL], reason="`role` is odd"),
        row("completions/fields/suffix", "broken"),
        row("embeddings/fields/input", "inconclusive"),
        row("errors/chat/missing/model", "untested"),
        row("errors/chat/wrong_type/stop", "partial", exchanges=[CONTROL, BAD]),
    ]  # fmt: skip
    baseline = {"source": "older.json", "version": "0.5.0", "difference": {"regressions": [change]}}
    return report(rows, baseline=baseline)


def versions() -> list[Any]:
    """Reports of three versions; one of two rows changes twice."""
    verdicts = {
        "0.5.0": ("ignored", "supported"),
        "0.6.0": ("supported", "supported"),
        "0.7.0": ("broken", "supported"),
    }
    return [
        report([row("chat/fields/n", one), row("chat/fields/stop", two)], version=version)
        for version, (one, two) in verdicts.items()
    ]


HOSTILE_EXCHANGES = (
    exchange(
        body(), HOSTILE, headers=(("x-evil", HOSTILE),), sdk_result=SdkResult(exception="APIError", message=HOSTILE)
    ),
    exchange(body(stop=HOSTILE[:-2]), answer(HOSTILE), failure="cut", detail=HOSTILE),
    exchange(body(seed=1), LONG_LINE, invalid_utf8=True),
    exchange(body(seed=2), "\ufffd\ufffd{", invalid_utf8=True, status=None, failure="timeout"),
    exchange(body(seed=3), "[" * 100_000),
    stream([HOSTILE, LONG_LINE, "\u202e", "😀", "😀!"]),
    exchange(
        body(stream=True),
        chunks=((0.1, f"event: {HOSTILE[:-40]}\nodd {MARKUP}\n: hm\ndata: {MARKUP}\r\n\r\ndata: x"),),
    ),
)


def hostile() -> Any:
    """A report of a server that puts markup and control characters wherever its words go."""
    words = {"reason": HOSTILE, "title": HOSTILE, "about": HOSTILE, "model": HOSTILE, "chance": HOSTILE}
    rows = [
        row("chat/fields/stop", "broken", exchanges=HOSTILE_EXCHANGES, claim=True, agrees=False, **words),
        row("chat/fields/n", "ignored", clause="javascript:window.pwned=1", reason=LONG_LINE),
    ]
    made = report(rows, kind=HOSTILE, version=HOSTILE, notes=[HOSTILE], extensions={HOSTILE: [HOSTILE]})
    made["target"]["models"]["chat"]["id"] = HOSTILE
    made["claims"]["source"] = HOSTILE
    return made


def many(rows: int, exchanges: int, size: int) -> tuple[Any, dict[str, Exchange]]:
    """A report of so many rows, which share so many exchanges of about `size` characters each."""
    asked = [CONTROL, *(exchange(body(seed=number), answer("word " * (size // 5))) for number in range(exchanges))]
    verdicts = ("supported", "ignored", "partial", "rejected", "broken", "inconclusive")
    own = [
        row(
            f"{('chat', 'completions', 'embeddings', 'errors')[number % 4]}/fields/field_{number // 2}/part_{number}",
            verdicts[number % 6],
            exchanges=[asked[0], asked[number % len(asked)], asked[(number * 7) % len(asked)]],
        )
        for number in range(rows)
    ]
    return report(own), known(*asked)
