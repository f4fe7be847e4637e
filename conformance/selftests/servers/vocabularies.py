"""The vocabularies of other models than the default one: other languages, other forms of text, other ids."""

from __future__ import annotations

from itertools import product

from .vocabulary import WORDS, Vocabulary, words

_ENGLISH = words()

BYTES = Vocabulary(spoken=(), speaks_bytes=b"abcdefghijklmnopqrstuvwxyz ")
"""Two marks and 256 bytes: there is no token 300."""

SPECIAL_LOW = Vocabulary(spoken=WORDS.spoken, read=WORDS.read, marks=1000, whole_words=True)
"""All ids below 1,000 are control tokens, which nobody sees."""

CAPITALS = Vocabulary(spoken=tuple(f" {word.upper()}" for word in _ENGLISH), read=_ENGLISH)

BIG = Vocabulary(
    spoken=tuple(
        f" {one} {two} {three}"
        for one, two, three in zip(
            _ENGLISH, _ENGLISH[171:] + _ENGLISH[:171], _ENGLISH[333:] + _ENGLISH[:333], strict=True
        )
    ),
    read=_ENGLISH,
)
"""Three words are one token."""

_FORMS = (" {}", " {}", " {}", " **{}**", "\n\n## {}\n\n", "\n- {}", " `{}`", " *{}*,")
MARKDOWN = Vocabulary(
    spoken=tuple(_FORMS[place % len(_FORMS)].format(word) for place, word in enumerate(_ENGLISH)), read=_ENGLISH
)

_MEMBERS = ('"{}": ', '"{}", ', '{{"{}": ', "[{}, ", '"{}"}}, ')
JSON = Vocabulary(
    spoken=tuple(_MEMBERS[place % len(_MEMBERS)].format(word) for place, word in enumerate(_ENGLISH)), read=_ENGLISH
)

CHINESE = Vocabulary(spoken=tuple(chr(0x4E00 + 11 * place) for place in range(500)), read=_ENGLISH)
"""A token is a character, and there are no spaces."""

_HIRAGANA = [chr(point) for point in range(0x3042, 0x3094)]
JAPANESE = Vocabulary(
    spoken=tuple(
        [one + two for one, two in product(_HIRAGANA[::4], _HIRAGANA[1::4])][:300]
        + [chr(0x5B50 + 13 * place) for place in range(200)]
    ),
    read=_ENGLISH,
)

_CYRILLIC = str.maketrans("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстувшжыз")
RUSSIAN = Vocabulary(spoken=tuple(f" {word.translate(_CYRILLIC)}" for word in _ENGLISH), read=_ENGLISH)

_HEADS = [bytes([0xF0, 0x9F, third]) for third in (0x8C, 0x8D, 0x8E, 0x90, 0x91, 0x92, 0x93, 0x94, 0x98, 0x9A, 0xA4)]
EMOJI = Vocabulary(
    spoken=(*_HEADS, *(b" " + head for head in _HEADS), *(f" {word}" for word in _ENGLISH[:48])), read=_ENGLISH
)
"""A third of the text is emoji, of two tokens each."""
EMOJI_DROP = Vocabulary(spoken=EMOJI.spoken, read=_ENGLISH, halves="ignore")
"""The same; half an emoji at the end is left out of the text."""
