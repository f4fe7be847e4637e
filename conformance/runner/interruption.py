"""Whether a server cuts a stream when another request comes.

Some serve one request at a time, and drop the running one for the next. Two workers would make each other's streams
look broken.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from conformance.probes.endpoints import Chat
from conformance.probes.response_views import MalformedResponseError, TextResponse
from conformance.probes.session import ControlFailedError, UndeterminedError, is_usable
from conformance.wire.exchange import Exchange


def drops_streams(chat: Chat) -> bool:
    """Tell whether a stream ends unfinished when others are asked meanwhile, and not alone. Rows ask most of this.

    Raises:
        ServerUnreachableError: there is no server left to ask.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        stream = pool.submit(chat.attempt, stream=True)
        for prompt in chat.prompts[1:]:
            if stream.done():
                break
            try:
                chat.ask_control(prompt)
            except (ControlFailedError, UndeterminedError):
                break
        try:
            beside = stream.result()
        except UndeterminedError:
            return False
    return is_usable(beside) and not _is_finished(beside) and _is_finished(chat.attempt(stream=True, repetition=1))


def _is_finished(exchange: Exchange) -> bool:
    try:
        return is_usable(exchange) and TextResponse(exchange).finish_reason is not None
    except MalformedResponseError:
        return False
