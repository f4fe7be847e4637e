"""What lies between the wire and the judge: the store that workers share, and events read out of pieces."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conformance.selftests.store_workers import CALLS, TEXT, ask_all, ask_for_ever, ask_once, exchange_of
from conformance.wire.exchange import Call, Exchange, SdkResult, exchange_from_record
from conformance.wire.exchange_cache import FileExchangeCache
from conformance.wire.json_text import MAX_JSON_DEPTH, parse_json
from conformance.wire.recorder import Recording
from conformance.wire.sse import Event, parse_events

CALL = CALLS[0]
SPAWN = multiprocessing.get_context("spawn")
"""As on any system; and a fork would copy the locks that threads of other tests hold."""
PATIENCE = 60


def refuse(call: Call) -> Exchange:
    raise AssertionError(f"{call} is asked again")


def test_workers_that_want_the_same_ask_once(tmp_path: Path) -> None:
    asked, count = tmp_path / "asked", 3
    together = SPAWN.Barrier(count)
    arguments = (str(tmp_path / "exchanges"), str(asked), together)
    workers = [SPAWN.Process(target=ask_all, args=arguments) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    assert [worker.exitcode for worker in workers] == [0] * count
    assert asked.read_text(encoding="utf-8").split() == [call.id for call in CALLS]
    kept = list(FileExchangeCache(tmp_path / "exchanges").all())
    assert sorted(each.id for each in kept) == sorted(call.id for call in CALLS)


def test_a_worker_that_is_killed_while_it_asks_blocks_nobody(tmp_path: Path) -> None:
    asking, never = SPAWN.Event(), SPAWN.Event()
    holder = SPAWN.Process(target=ask_for_ever, args=(str(tmp_path), asking, never))
    other = SPAWN.Process(target=ask_once, args=(str(tmp_path),))
    holder.start()
    assert asking.wait(PATIENCE)
    other.start()
    holder.kill()
    other.join(PATIENCE)
    stuck = other.is_alive()
    other.kill()
    assert not stuck
    assert other.exitcode == 0
    assert FileExchangeCache(tmp_path).get_or_send(CALL, refuse) == exchange_of(CALL)


WHOLE = json.dumps(exchange_of(CALL).to_record())
DAMAGED: dict[str, bytes] = {
    "empty": b"",
    "half": WHOLE[: len(WHOLE) // 2].encode(),
    "all but the end": WHOLE[:-1].encode(),
    "zeros": b"\0" * 4096,
    "no UTF-8": b'{"call": "\xff"}',
    "null": b"null",
    "a list": b"[]",
    "an object of nothing": b"{}",
    "another shape": b'{"call": 7, "sdk_result": [], "headers": 1, "sent_headers": null, "chunks": [1]}',
    "an unknown field": WHOLE.replace('"status"', '"zq"').encode(),
    "a call of unknown fields": WHOLE.replace('"repetition"', '"zq"').encode(),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_exchange_is_asked_anew(content: bytes, tmp_path: Path) -> None:
    store = FileExchangeCache(tmp_path)
    store.get_or_send(CALLS[1], exchange_of)
    (tmp_path / f"{CALL.id}.json").write_bytes(content)
    assert [each.call for each in FileExchangeCache(tmp_path).all()] == [CALLS[1]]
    assert FileExchangeCache(tmp_path).get_or_send(CALL, exchange_of) == exchange_of(CALL)
    assert FileExchangeCache(tmp_path).get_or_send(CALL, refuse).text == TEXT


def test_what_a_killed_worker_left_half_written_is_no_exchange(tmp_path: Path) -> None:
    (tmp_path / f"{CALL.id}.partial").write_text(WHOLE[:40], encoding="utf-8")
    store = FileExchangeCache(tmp_path)
    assert list(store.all()) == []
    store.get_or_send(CALL, exchange_of)
    assert [each.call for each in store.all()] == [CALL]


def test_a_call_that_could_not_be_asked_is_asked_again(tmp_path: Path) -> None:
    store = FileExchangeCache(tmp_path)

    def fail(_: Call) -> Exchange:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.get_or_send(CALL, fail)
    assert FileExchangeCache(tmp_path).get_or_send(CALL, exchange_of) == exchange_of(CALL)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_json_is_read_up_to_the_depth_that_is_safe_to_compare_and_to_write(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + "0" + closing * depth

    deepest = parse_json(nested(MAX_JSON_DEPTH))
    assert json.dumps(deepest, separators=(",", ":")) == nested(MAX_JSON_DEPTH)
    assert parse_json(nested(MAX_JSON_DEPTH + 1)) is None
    assert parse_json(nested(100_000)) is None


TEXTS = st.text(st.characters(codec=None), max_size=20)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple)


@settings(max_examples=50, deadline=None)
@given(
    call=st.builds(Call, path=TEXTS, body=BODIES, raw=st.none() | TEXTS, headers=PAIRS),
    text=TEXTS,
    headers=PAIRS,
    sdk_result=st.none() | st.builds(SdkResult, text=st.none() | TEXTS, vector_lengths=st.tuples(st.integers(0, 9))),
)
def test_what_was_kept_comes_back_as_it_was(
    call: Call, text: str, headers: Any, sdk_result: SdkResult | None
) -> None:
    """Lone surrogates included: a server can put them into JSON."""
    exchange = Exchange(call=call, chunks=((0.5, text),), headers=headers, sdk_result=sdk_result, detail=text)
    back = exchange_from_record(json.loads(json.dumps(exchange.to_record())))
    assert back == exchange
    assert back.id == exchange.id


def read(*pieces: bytes) -> tuple[Event, ...]:
    """The events of bytes that arrived in such pieces, as the recorder hands them on."""
    recording = Recording(deadline=PATIENCE)
    for piece in pieces:
        recording.record_chunk(piece)
    recording.finish()
    return parse_events((0.0, text) for _, text in recording.chunks)


def event(data: str, **fields: Any) -> Event:
    return Event(data=data, **fields)


STREAMS: dict[str, tuple[str, tuple[Event, ...]]] = {
    "nothing": ("", ()),
    "blank lines": ("\n\n\r\n\r\r", ()),
    "one": ("data: a\n\n", (event("a"),)),
    "two": ("data: a\n\ndata: b\n\n", (event("a"), event("b"))),
    "one space is taken": ("data:  a\n\ndata:b\n\n", (event(" a"), event("b"))),
    "lines are joined": ("data: a\ndata: b\ndata:\n\n", (event("a\nb\n"),)),
    "no colon": ("data\n\n", (event(""),)),
    "a colon in the data": ("data: a: b\n\n", (event("a: b"),)),
    "a name": ("event: x\ndata: a\n\n", (event("a", name="x"),)),
    "the last name": ("event: x\nevent: y\ndata: a\n\n", (event("a", name="y"),)),
    "id and retry": ("id: 1\nretry: 5\ndata: a\n\n", (event("a"),)),
    "nothing but an id": ("id: 1\n\n", ()),
    "comments": (": one\n:two\ndata: a\n\n", (event("a", comments=2),)),
    "comments between": (": ping\n\n: ping\n\ndata: a\n\n", (event("a", comments=2),)),
    "odd lines": ("zq\n data: a\nDATA: b\ndata: c\n\n", (event("c", malformed_lines=("zq", " data: a", "DATA: b")),)),
    "JSON without a field": ('{"a": 1}\n\n', (event("", malformed_lines=('{"a": 1}',)),)),
    "no blank line": ("data: a\n", (event("a", terminated=False),)),
    "no line end": ("data: a", (event("a", terminated=False),)),
    "other separators": ("data: a\u2028\u0085\x0b\x0cb\n\n", (event("a\u2028\u0085\x0b\x0cb"),)),
    "a byte order mark": ("\ufeffdata: a\n\n", (event("a"),)),
    "two byte order marks": ("\ufeff\ufeffdata: a\n\n", (event("", malformed_lines=("\ufeffdata: a",)),)),
    "a late byte order mark": (
        "data: a\n\n\ufeffdata: b\n\n",
        (event("a"), event("", malformed_lines=("\ufeffdata: b",))),
    ),
    "mixed ends": ("data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\r", (event("a\nb\nc"), event("d"))),
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(("stream", "events"), STREAMS.values(), ids=STREAMS)
def test_events_are_read_as_the_standard_says(stream: str, events: tuple[Event, ...], end: str) -> None:
    data = stream if "\r" in stream else stream.replace("\n", end)
    assert read(data.encode()) == events
    assert read(*(bytes([byte]) for byte in data.encode())) == events


PARTS = st.sampled_from(
    [
        *"\n\r\n\r:\ufeff\u2603 ",
        "\r\n",
        "data",
        "data: ",
        "data: a",
        "event: x",
        "id: 1",
        "zq",
        ": c",
        "\n\n",
        "[DONE]",
    ]
)
STREAM_BYTES = st.lists(PARTS, max_size=30).map(lambda parts: "".join(parts).encode()) | st.binary(max_size=60)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


@settings(max_examples=300, deadline=None)
@given(data=STREAM_BYTES, places=st.lists(st.integers(0, 200), max_size=12))
@example(data=b"data: a\r\n\r\ndata: b\r\n\r\n", places=[8, 9, 10, 11])
@example(data=b"\xef\xbb\xbfdata: \xe2\x98\x83\n\n", places=[1, 2, 3, 10, 11])
@example(data=b"data: a\r", places=[7])
def test_where_a_stream_is_cut_changes_no_event(data: bytes, places: list[int]) -> None:
    assert read(*cut(data, places)) == read(data)


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(st.sampled_from(["data: a", "data", ": c", "event: x", "zq", "id: 1", "", "", "\u2603"])))
def test_every_kind_of_line_end_is_the_same(lines: list[str]) -> None:
    first, *others = (read("".join(line + end for line in lines).encode()) for end in ("\n", "\r\n", "\r"))
    assert others == [first, first]


@settings(max_examples=200, deadline=None)
@given(data=STREAM_BYTES)
def test_whatever_arrives_is_read_and_kept(data: bytes) -> None:
    for found in read(data):
        assert "\r" not in found.data
        assert all(len(line) <= 80 for line in found.malformed_lines)
        json.dumps([found.data, found.json])


def test_an_event_has_the_time_at_which_its_end_arrived() -> None:
    pieces = [(1.0, "data: a"), (2.0, "\n"), (3.0, "\ndata: b\r"), (4.0, "\n\r"), (5.0, "\ndata: c")]
    assert [(each.data, each.seconds) for each in parse_events(pieces)] == [("a", 3.0), ("b", 4.0), ("c", 5.0)]


@pytest.mark.parametrize("piece", ["x", "\n", "\r", "data:", "\u2603"])
def test_a_stream_in_tiny_pieces_takes_linear_time(piece: str) -> None:
    """A line that drips in must not be looked through anew with each byte."""
    began = time.process_time()
    parse_events((0.0, piece) for _ in range(300_000))
    assert time.process_time() - began < PATIENCE / 10
