"""The tokens of the miniature model: two marks, all bytes, and words with and without a leading space.

All words have five letters, so that none is a part of another: a word of a text can be searched for in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import product

END = 0
"""Ends a turn, or the text."""
START = 1
"""Begins a turn."""
FIRST_BYTE = 2
FIRST_WORD = FIRST_BYTE + 256

_REAL = """
about above actor adult after agent alarm album alive among angel anger ankle apple april arena armor arrow aside
asked baker basic beach began being below bench birth black blade blame blank blaze blend bloom board bonus boost
brain brave bread break brick bride brief bring broad brook brown brush build cabin candy canoe cargo carry catch
cause chain chair chalk charm chase cheap cheer chess chest chief child choir civil claim clean clear clerk cliff
climb clock cloth cloud coach coast coral couch count court cover craft crane cream creek crown curve daily dance
delay depth diary doubt dozen draft drama dream dress drift drink drive eager eagle early earth eight elbow empty
enemy enjoy enter equal every exact extra fable faint faith fancy feast fence ferry fever field fifty final flame
fleet flock floor flour fluid focus force forge forty found frame fresh front frost fruit ghost giant glass globe
glove grace grain grand grape grass great green greet group guard guest guide habit happy harsh heart heavy hedge
hello honey horse hotel house human humor ideal image inner ivory jewel joint judge juice knife knock known label
labor large laugh layer learn lemon level light linen local loyal lucky lunch magic major maple march match mayor
meadow melon mercy metal midst might minor model money month moral motor mount mouse mouth music never night noble
noise north novel nurse ocean offer olive onion opera orbit order organ other otter outer owner paint panel paper
party patch peace pearl phase piano piece pilot place plain plane plant plate point porch pound power press price
pride prize proof proud queen quick quiet quilt radio raise ranch rapid reach ready realm rider ridge right rival
river roast robin rough round route royal saint salad scale scarf scene scent scout sense serve seven shade shape
share sharp sheep shelf shell shine shirt shore short sight silent silky sixth skill sleep slope small smart smile
smoke snake solid sound south space spare spark speak spice spoon sport staff stage stair stamp stand start steam
steel steep stone store storm story stove straw sugar sunny sweet table taste teach thank think third thorn those
three tiger toast today tooth total tower trace trade trail train treat tribe trust truth twist uncle under union
upper urban usual value valve vivid voice wagon waist watch water wheat wheel while white whole widow woman world
worth wound woven write young youth zebra
"""


@cache
def words() -> tuple[str, ...]:
    """Four hundred and more words of five letters, real ones first."""
    real = [word for word in _REAL.split() if len(word) == 5]
    made = ("".join(letters) + "el" for letters in product("bdfgklmnprstvz", "aeiou", "bdgklmnprstv"))
    return tuple(dict.fromkeys([*real, *made]))[:500]


COUNT = 500
"""Words; each is two tokens: with and without a leading space."""
SIZE = FIRST_WORD + 2 * COUNT
"""Tokens in all."""


@cache
def _ids() -> dict[str, int]:
    spaced = {" " + word: FIRST_WORD + number for number, word in enumerate(words())}
    return spaced | {word: FIRST_WORD + COUNT + number for number, word in enumerate(words())}


@cache
def token_bytes(token: int) -> bytes:
    """What a token stands for; nothing for the marks."""
    if token < FIRST_BYTE:
        return b""
    if token < FIRST_WORD:
        return bytes([token - FIRST_BYTE])
    number = token - FIRST_WORD
    return f" {words()[number]}".encode() if number < COUNT else words()[number - COUNT].encode()


def byte_tokens(data: bytes) -> list[int]:
    """A token for each byte."""
    return [FIRST_BYTE + byte for byte in data]


_PIECES = re.compile(r" ?[a-z]{5}(?![A-Za-z])|[^ ]| ", re.DOTALL)


def encode(text: str) -> list[int]:
    """The tokens of a text: words where it holds them, else bytes."""
    found: list[int] = []
    ids = _ids()
    for piece in _PIECES.findall(text):
        known = ids.get(piece)
        if known is not None:
            found.append(known)
        else:
            found += byte_tokens(piece.encode("utf-8", "surrogatepass"))
    return found


def decode(tokens: Iterable[int]) -> str:
    """The text of tokens."""
    return b"".join(token_bytes(token) for token in tokens).decode("utf-8", "replace")


def is_word(token: int) -> bool:
    """Whether the token is a word with a leading space."""
    return FIRST_WORD <= token < FIRST_WORD + COUNT
