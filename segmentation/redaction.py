"""Make text from outside safe to print: no control character acts on a terminal, no secret is given away."""

import re
import unicodedata

# Control and format characters (which reorder or hide text), surrogates, line and paragraph separators.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Format characters that words need: Persian, Hindi and many more are not written without them.
JOINERS = "\u200c\u200d"
MASK = "***"

# Every repetition is bounded, so that the time stays linear in the length of the text.
# `key:secret` before the @ of a URI: up to the last @ before its path, or up to the first where the secret has a slash.
# What follows the colon of `host:8020/` is no secret, nor has the container of `abfss://container@account` one.
_USER = re.compile(r"(?<=://)[^\s/@:]*:(?!\d+(?:/|$))(?:[^\s/]{0,1000}|[^\s@]{0,1000})@")
# `password=…`, as in a URI's query, a --set option or a Spark setting; the words are those of `spark.redaction.regex`
# and of the signed links of object stores. A value that is masked already stays, with the closing quote of its word.
_NAMED = re.compile(
    r"(?i)((?:password|secret|token|credential|ac(?:cess|count).?key|signature|\b(?:sig|sas))[\w.-]{0,100}=)"
    r"(?!\*{3}'?(?:[\s&;]|$))[^\s&;]+?(?=[:,]?(?:[\s&;]|$))"
)


def shown(text: object) -> str:
    """Return the text on one line, fit for a message, a log or a summary: no control character, no secret."""
    return printable(without_secrets(str(text)))


def printable(text: str) -> str:
    r"""Escape every character that is not seen but acts: ESC becomes `\x1b`, a line end `\n`."""
    return "".join(_escaped(character) if _is_unseen(character) else character for character in text)


def without_secrets(text: str) -> str:
    """Replace the user and password of a URI, and the value of whatever is named like a secret, by `***`."""
    return _NAMED.sub(rf"\1{MASK}", _USER.sub(f"{MASK}@", text))


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN and character not in JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
