"""Whether a server cuts a stream when another request comes.

Some serve one request at a time, and drop the running one for the next. Two workers would make each other's streams
look broken.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conformance.probes.endpoints import Chat
from conformance.probes.response_views import MalformedResponseError, TextResponse
from conformance.probes.session import UndeterminedError, is_usable
from conformance.wire.exchange import Exchange

BESIDE = 2
"""Requests of one token that are sent while a stream runs. The first may be served before it. Always as many: what a
run costs must not hang on how fast it was."""


def drops_streams(chat: Chat) -> bool:
    """Tell whether a stream ends unfinished when others are asked meanwhile, and not alone.

    What is sent here is of a purpose of its own: no row shares it, and no rule judges it.

    Raises:
        ServerUnreachableError: there is no server left to ask.
    """
    try:
        with ThreadPoolExecutor(max_workers=1) as pool:
            stream = pool.submit(chat.attempt, stream=True, purpose="concurrency")
            for number in range(BESIDE):
                chat.attempt(limit=1, purpose="concurrency", repetition=number)
            beside = stream.result()
        if not is_usable(beside) or _is_finished(beside):
            return False
        return _is_finished(chat.attempt(stream=True, purpose="concurrency", repetition=1))
    except UndeterminedError:  # the server is busy: its rows say so
        return False


def _is_finished(exchange: Exchange) -> bool:
    try:
        return is_usable(exchange) and TextResponse(exchange).finish_reason is not None
    except MalformedResponseError:
        return False
