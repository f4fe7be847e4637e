"""A server that drops a stream when another request comes is told from those that do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from conformance.probes.endpoints import Chat
from conformance.probes.session import Session
from conformance.runner.interruption import drops_streams

from .asking import MODELS, asker_of
from .servers import CHAT_MODEL, HonoursEverything, Reply, Request, Server, made


@dataclass(kw_only=True)
class DropsStreams:
    """Ends the running stream, as if it were whole but for its finish_reason, when another request comes."""

    inner: Server = field(default_factory=lambda: HonoursEverything(pace=0.1))
    count: int = 0

    def answer(self, request: Request) -> Reply:
        self.count += 1
        reply = self.inner.answer(request)
        return reply if isinstance(reply.body, bytes) else replace(reply, body=self._pieces(reply.body, self.count))

    def _pieces(self, body: Iterable[bytes], number: int) -> Iterator[bytes]:
        for piece in body:
            if self.count != number:
                yield b"data: [DONE]\n\n"
                return
            yield piece


@dataclass(kw_only=True)
class NeverFinishes:
    """Leaves `finish_reason` out of every stream, whether asked alone or not."""

    inner: Server = field(default_factory=lambda: HonoursEverything(pace=0.001))

    def answer(self, request: Request) -> Reply:
        reply = self.inner.answer(request)
        if isinstance(reply.body, bytes):
            return reply
        pieces = [piece.replace(b'"finish_reason":"length"', b'"finish_reason":null') for piece in reply.body]
        return replace(reply, body=pieces)


def drops(server: Server) -> bool:
    return drops_streams(Chat(session=Session(send=asker_of(server).send, models=MODELS), model=CHAT_MODEL))


def test_a_server_that_drops_streams_is_found():
    assert drops(DropsStreams())


@pytest.mark.parametrize("server", [HonoursEverything(pace=0.001), NeverFinishes(), made("absent_404"), made("busy")])
def test_others_are_not_taken_for_one(server):
    assert not drops(server)
