"""Greedy text as far as it repeats itself: what lies beyond may differ by rounding alone, and proves nothing."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from .response_views import TextResponse

MIN_REPEATED = 0.5
"""Share of a text that an equal request must repeat, so that experiments can stand on it. Batches and caches round
otherwise than a request alone; where that decides a token, it rarely is one of the first."""


def is_continuation(longer: str, text: str) -> bool:
    """Tell whether a text with a token more is the same. A limit may cut a character, and a server trim a space."""
    return longer.startswith(trim_cut(text))


def trim_cut(text: str) -> str:
    """Return a text without what a limit leaves of a character that it cut, and without the space before it."""
    return text.rstrip().rstrip("\ufffd").rstrip()


def shared_share(text: str, control: str) -> float:
    """Return the share of the control, from 0 to 1, up to which a text is equal to it."""
    return len(common_beginning(text, control)) / len(control) if control else 0.0


def departs_early(text: str, control: str) -> bool:
    """Tell whether a text is another than the control from its first half on, as rounding rarely makes it."""
    return shared_share(text, control) < MIN_REPEATED


def common_beginning(text: str, other: str) -> str:
    """Return what two texts begin with alike."""
    pairs = zip(text, other, strict=False)
    return "".join(one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


@dataclass(frozen=True, kw_only=True)
class RepeatedResponse:
    """A control that an equal request repeated."""

    response: TextResponse
    """The control itself."""
    text: str
    """What it says, as far as the other repeated it."""
    is_whole: bool
    """Whether the other repeated all of it."""

    @property
    def prompt_tokens(self) -> int | None:
        """The tokens of its prompt, None where the server does not count."""
        return self.response.prompt_tokens

    def is_repeated_in(self, text: str) -> bool:
        """Tell whether a text is the control's as far as that repeats itself."""
        return text == self.text if self.is_whole else text.startswith(self.text)


def read_repeated(control: TextResponse, again: TextResponse) -> RepeatedResponse | None:
    """Return a control as far as a request for a token more repeated it; None where that is less than half."""
    if is_continuation(again.text, control.text):
        return RepeatedResponse(response=control, text=control.text, is_whole=True)
    share = shared_share(again.text, control.text)
    if share < MIN_REPEATED:
        return None
    said = control.text[: int(share * len(control.text))]
    return RepeatedResponse(response=control, text=said, is_whole=False)
