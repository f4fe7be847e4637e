"""A miniature server asked about every row, once, for all tests."""

from __future__ import annotations

from functools import cache

from conformance.images import served
from conformance.judge.catalogue import catalogue
from conformance.judge.examine import Examination
from conformance.judge.finding import Finding
from conformance.wire.asker import Address, Asker
from conformance.wire.exchange import Exchange
from conformance.wire.store import MemoryStore

from .servers import BASE_URL, CHAT_MODEL, EMBEDDING_MODEL, InProcess, Server, made

MODELS = dict.fromkeys(("chat", "tools", "insert", "vision", "thinking"), CHAT_MODEL) | {"embedding": EMBEDDING_MODEL}


def asker_of(server: Server, deadline: float = 20.0, image_url: str = "") -> Asker:
    """An asker of a miniature server, in the process."""
    transport = InProcess(server)
    return Asker(
        address=Address(base_url=BASE_URL, image_url=image_url),
        store=MemoryStore(),
        deadline=deadline,
        network=lambda _: transport,
        async_network=lambda _: transport,
    )


def asked(server: Server, rows: list[str] | None = None) -> tuple[dict[str, Finding], list[Exchange]]:
    """The findings of every row with a probe that the models can answer (or of `rows`), and all exchanges."""
    with served("http://127.0.0.1") as images:
        asker = asker_of(server, image_url=images)
        findings = {}
        for row in catalogue().values():
            if row.probe is not None and row.needs in MODELS and (rows is None or row.id in rows):
                findings[row.id] = Examination(row=row, send=asker.ask, models=MODELS).finding()
    return findings, sorted(asker.store.all(), key=lambda exchange: exchange.id)


@cache
def outcome(name: str) -> tuple[dict[str, Finding], list[Exchange]]:
    """The same for a server by its name."""
    return asked(made(name))
