"""A miniature server asked about every row, once, for all tests."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import cache

from conformance.checklist.findings import Finding
from conformance.checklist.rows import Row, is_counted
from conformance.judge.catalog import load_catalog
from conformance.probes.session import Send
from conformance.runner.evaluate import ProbeRun
from conformance.runner.image_server import serve_sample_images
from conformance.wire.client import Address, Client
from conformance.wire.exchange import Exchange
from conformance.wire.exchange_cache import MemoryExchangeCache

from .servers import BASE_URL, InProcess, Server, made, model_for, native

MODELS = {
    name: model_for(name)
    for name in ("chat", "tools", "insert", "vision", "thinking", "embedding", "images", "whole_template")
}
NATIVE_MODELS = {
    **dict.fromkeys((*MODELS, "native", "writes"), native.CHAT),
    "embedding": native.EMBEDDING,
    "small_context": native.SMALL,
}
"""The models of a miniature that has a native API too."""

TIMED = ("chat/stream/arrives_in_pieces", "responses/stream/pieces")
"""The rows judged by times, of which a miniature has none: `test_arrival.py` writes them over its exchanges."""

_stack = ExitStack()
atexit.register(_stack.close)  # while threads still run: later, shutting the pictures' server down would hang


@cache
def image_url() -> str:
    """Where the suite's pictures are served, as long as the process lives."""
    return _stack.enter_context(serve_sample_images("http://127.0.0.1"))


def rows(models: Mapping[str, str] = MODELS) -> list[Row]:
    """The rows that a miniature server with these models can be asked about.

    But for those about operations, hundreds of one experiment: `test_operations.py` asks miniatures of its own.
    """
    probed = (row for row in load_catalog().values() if row.probe is not None and is_counted(row.id))
    return [row for row in probed if row.capability in models]


def asker_of(server: Server, deadline: float = 20.0) -> Client:
    """An asker of a miniature server, in the process."""
    transport = InProcess(server)
    return Client(
        address=Address(base_url=BASE_URL, native_url=BASE_URL.removesuffix("/v1"), image_url=image_url()),
        cache=MemoryExchangeCache(),
        deadline=deadline,
        network=lambda _: transport,
        async_network=lambda _: transport,
    )


def examined(row: str, send: Send, models: Mapping[str, str] = MODELS) -> Finding:
    """The finding of one row."""
    return ProbeRun(row=load_catalog()[row], send=send, models=models).evaluate()


def asked(
    server: Server, only: Iterable[str] | None = None, models: Mapping[str, str] = MODELS
) -> tuple[dict[str, Finding], list[Exchange]]:
    """The findings of every row with a probe that the models can answer (or of some rows), and all exchanges."""
    asker = asker_of(server)
    names = [row.id for row in rows(models)] if only is None else list(only)
    findings = {name: examined(name, asker.send, models) for name in names}
    return findings, sorted(asker.cache.all(), key=lambda exchange: exchange.id)


@cache
def outcome(name: str) -> tuple[dict[str, Finding], list[Exchange]]:
    """The same for a server by its name."""
    return asked(made(name))
