"""One spelling for texts that look the same: composed and decomposed accents, spaces that do not break or show.

Latin, Greek, Cyrillic and Japanese letters are composed with their marks by an expression, since Spark has no function
for it before 4.4. Countries are few, so that Python decides on them, for every script. Look-alike letters of another
alphabet stay what they are.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise

from pyspark.sql import Column
from pyspark.sql import functions as F

from segmentation.ingest import values

# Every space of Unicode but the plain one, and the characters that do not show, with the byte order mark.
SPACES = "\u1680" + values.SPACES
INVISIBLE = values.INVISIBLE + "\ufeff"
# Letters that Unicode has twice: the signs of ohm, kelvin and ångström.
TWINS = {"\u2126": "\u03a9", "\u212a": "K", "\u212b": "\u00c5"}
# The blocks whose letters are composed: Latin, Greek and Cyrillic, more Latin and Greek, Hiragana and Katakana.
COMPOSED = ((0x00C0, 0x0250), (0x0370, 0x0530), (0x1E00, 0x2000), (0x3040, 0x3100))
# Further blocks that have composed letters: from Arabic to the scripts of India, and more of Asia.
NOT_COMPOSED = ((0x0600, 0x0E00), (0x0F00, 0x10A0), (0x1B00, 0x1C00))
HANGUL_PARTS = "[\u1100-\u1112][\u1161-\u1175]"
# A letter of one alphabet next to one of another that has letters of the same shape.
MIXED_ALPHABETS = r"\p{IsLatin}[\p{IsCyrillic}\p{IsGreek}]|[\p{IsCyrillic}\p{IsGreek}]\p{IsLatin}"
# A second mark on a letter, as in Vietnamese, follows in a second round.
ROUNDS = 2


@dataclass(frozen=True)
class Mark:
    """A combining mark: the letters that it can follow, and each of these with it as one character."""

    mark: str
    letters: str
    composed: str


def is_not_ascii(text: Column) -> Column:
    """Return whether a text has a character beyond ASCII: the cheap question before each expensive one."""
    return F.octet_length(text) != F.char_length(text)


def needs_spelling(text: Column) -> Column:
    """Return whether `one_spelling` changes a text."""
    characters = "".join([*TWINS, *SPACES, *INVISIBLE, *(mark.mark for mark in _marks())])
    return F.when(is_not_ascii(text), text.rlike(f"[{characters}]")).otherwise(F.lit(False))


def one_spelling(text: Column) -> Column:
    """Return a text with letters and marks composed, plain spaces, and without characters that do not show."""
    plain = F.translate(text, "".join([*TWINS, *SPACES, *INVISIBLE]), "".join([*TWINS.values(), " " * len(SPACES)]))
    return F.when(needs_spelling(text), _composed(plain)).otherwise(text)


def mixes_alphabets(text: Column) -> Column:
    """Return whether letters that look alike may be of two alphabets, as a Cyrillic `а` in a Latin name."""
    return F.when(is_not_ascii(text), text.rlike(MIXED_ALPHABETS)).otherwise(F.lit(False))


def may_be_decomposed(text: Column) -> Column:
    """Return whether a text has a letter and its mark apart in a script that `one_spelling` does not compose."""
    return F.when(is_not_ascii(text), text.rlike(_apart())).otherwise(F.lit(False))


def spelling_key(country: str) -> str:
    r"""Return what all spellings of a country have in common: composed, in small letters, with plain spaces.

    >>> spelling_key("CO\u0302TE\u00a0D'IVOIRE") == spelling_key("C\u00f4te d'Ivoire")
    True
    """
    return " ".join(_plain(country).casefold().split())


def has_mixed_alphabets(text: str) -> bool:
    """Return for one text what `mixes_alphabets` does for a column."""
    alphabets = [unicodedata.name(char, "").partition(" ")[0] for char in text]
    pairs = map(set, pairwise(alphabets))
    return any("LATIN" in pair and pair & {"CYRILLIC", "GREEK"} for pair in pairs)


def joined_spellings(lines_by_country: Mapping[str, int]) -> dict[str, str]:
    r"""Return for each spelling of a country that is not preferred the one that is: that of the most lines.

    The preferred spelling is composed, with plain spaces.

    >>> joined_spellings({"France": 9, "FRANCE": 2, "france\u200b": 1, "South\u00a0Africa": 4})
    {'FRANCE': 'France', 'france\u200b': 'France', 'South\xa0Africa': 'South Africa'}
    """
    preferred: dict[str, str] = {}
    for country in sorted(lines_by_country, key=lambda name: (-lines_by_country[name], name)):
        preferred.setdefault(spelling_key(country), _plain(country))
    by_spelling = {country: preferred[spelling_key(country)] for country in lines_by_country}
    return {country: spelling for country, spelling in by_spelling.items() if country != spelling}


def _plain(text: str) -> str:
    plain = text.translate({ord(char): " " for char in SPACES} | {ord(char): "" for char in INVISIBLE})
    return unicodedata.normalize("NFC", plain)


@cache
def _marks() -> tuple[Mark, ...]:
    pairs: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for composed, letter, mark in _compositions(COMPOSED):
        pairs[mark].append((letter, composed))
    return tuple(
        Mark(mark, "".join(letter for letter, _ in of_mark), "".join(composed for _, composed in of_mark))
        for mark, of_mark in pairs.items()
    )


def _compositions(blocks: tuple[tuple[int, int], ...]) -> list[tuple[str, str, str]]:
    """Return composed character, letter and mark of each composition of Unicode in some blocks."""
    found = []
    for number in chain.from_iterable(range(*block) for block in blocks):
        parts = unicodedata.decomposition(chr(number)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            letter, mark = (chr(int(part, 16)) for part in parts)
            if unicodedata.normalize("NFC", letter + mark) == chr(number):
                found.append((chr(number), letter, mark))
    return found


@cache
def _apart() -> str:
    """Return a regular expression of letters and marks that are apart and not composed."""
    letters_by_mark: defaultdict[str, str] = defaultdict(str)
    for _, letter, mark in _compositions(NOT_COMPOSED):
        letters_by_mark[mark] += letter
    pairs = [f"[{re.escape(letters)}]{mark}" for mark, letters in letters_by_mark.items()]
    return "|".join([*pairs, HANGUL_PARTS])


@cache
def _marks_in_sql() -> str:
    """Return the marks as a literal of SQL: Python would need a call of Java for each of their texts."""
    marks = [
        f"named_struct('mark', '{mark.mark}', 'letters', '{mark.letters}', 'composed', '{mark.composed}')"
        for mark in _marks() * ROUNDS
    ]
    return f"array({', '.join(marks)})"


def _composed(text: Column) -> Column:
    """Return a text with each mark composed with the letter before it, one mark after the other."""
    return F.aggregate(F.expr(_marks_in_sql()), text, _with_mark)


def _with_mark(text: Column, mark: Column) -> Column:
    pieces = F.split(text, mark["mark"])
    last = F.size(pieces) - 1

    def piece_with_mark(piece: Column, number: Column) -> Column:
        letter = F.right(piece, F.lit(1))
        composed = F.call_function("translate", letter, mark["letters"], mark["composed"])
        before = F.substring(piece, F.lit(1), F.char_length(piece) - 1)
        with_mark = F.when(composed != letter, F.concat(before, composed)).otherwise(F.concat(piece, mark["mark"]))
        return F.when(number == last, piece).otherwise(with_mark)

    return F.array_join(F.transform(pieces, piece_with_mark), "")
