"""The tokens of the miniature models: marks, all bytes, and pieces of text.

Those of `WORDS` are words with and without a leading space. All have five letters, so that none is a part of another:
a word of a text can be searched for in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

END = 0
"""Ends a turn, or the text."""
START = 1
"""Begins a turn."""

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


def _as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """Tokens by id: marks, all bytes, then pieces of text."""

    spoken: tuple[str | bytes, ...]
    """What the model writes of itself, as it stands in a text."""
    read: tuple[str, ...] = ()
    """Further pieces, which texts are read in."""
    marks: int = 2
    """Tokens without text, which come first: `END`, `START`, and others that nobody uses."""
    speaks_bytes: bytes = b""
    """Where there are no pieces: the bytes that the model writes."""
    halves: str = "replace"
    """What becomes of half a character at the end: the error handler of the decoder, `replace` or `ignore`."""
    whole_words: bool = False
    """Whether a word within a longer one is read as bytes."""

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        """The text of each token, by id."""
        single = tuple(bytes([byte]) for byte in range(256))
        return (b"",) * self.marks + single + tuple(_as_bytes(text) for text in (*self.spoken, *self.read))

    @property
    def size(self) -> int:
        """Tokens in all."""
        return len(self.pieces)

    @cached_property
    def words(self) -> Sequence[int]:
        """The tokens that the model writes of itself."""
        if self.speaks_bytes:
            return tuple(self.marks + byte for byte in self.speaks_bytes)
        first = self.marks + 256
        return range(first, first + len(self.spoken))

    @cached_property
    def _word_set(self) -> frozenset[int]:
        return frozenset(self.words)

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        found = {text: token for token, text in enumerate(self.pieces) if text}
        return {text: token for text, token in found.items() if token >= self.marks}

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(text) for text in self._ids}, reverse=True))

    @cached_property
    def _heads(self) -> frozenset[int]:
        """Tokens that end within a character."""
        return frozenset(token for token in self.words if not _is_text(self.pieces[token]))

    def is_word(self, token: int) -> bool:
        """Whether the model writes the token of itself."""
        return token in self._word_set

    def after(self, last: int | None) -> Sequence[int]:
        """The tokens that may come after another: its words, or the last byte of a character that has begun."""
        if last is None or last not in self._heads:
            return self.words
        return range(self.marks + 0x80, self.marks + 0xC0)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text: pieces where it holds them, else bytes."""
        if self.whole_words:
            return [token for piece in _PIECES.findall(text) for token in self._encode_piece(piece)]
        data = text.encode("utf-8", "surrogatepass")
        found: list[int] = []
        place = 0
        while place < len(data):
            size = next(size for size in self._lengths if data[place : place + size] in self._ids)
            found.append(self._ids[data[place : place + size]])
            place += size
        return found

    def _encode_piece(self, piece: str) -> list[int]:
        data = piece.encode("utf-8", "surrogatepass")
        known = self._ids.get(data)
        return [known] if known is not None else self.byte_tokens(data)

    def byte_tokens(self, data: bytes) -> list[int]:
        """A token for each byte."""
        return [self.marks + byte for byte in data]

    def token_bytes(self, token: int) -> bytes:
        """What a token stands for; nothing for the marks."""
        return self.pieces[token]

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens."""
        return b"".join(map(self.token_bytes, tokens)).decode("utf-8", self.halves)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


_PIECES = re.compile(r" ?[a-z]{5}(?![A-Za-z])|[^ ]| ", re.DOTALL)

WORDS = Vocabulary(
    spoken=tuple(f" {word}" for word in words()),
    read=words(),
    whole_words=True,
)
"""The vocabulary of all servers that have no other."""
SIZE = WORDS.size
"""Tokens of it in all."""


def encode(text: str) -> list[int]:
    """The tokens of a text in `WORDS`."""
    return WORDS.encode(text)
