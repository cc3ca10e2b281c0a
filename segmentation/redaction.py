"""Text that others wrote, made inert before a person sees it: it acts on no terminal and gives no secret away."""

import logging
import re
import unicodedata

# Control and format characters (which reorder or hide text), halves of characters, ends of lines and paragraphs.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Format characters that words need: Persian, Hindi and many more are not written without them.
JOINERS = "\u200c\u200d"
MASK = "***"
TRACE_INDENT = "    "

# How far either looks is bounded, so that the time taken grows no faster than a text's length.
# `key:secret` before the @ of a URI: up to the last @ before its path, or up to the first where the secret has a slash.
# What follows the colon of `host:8020/` is no secret, nor has the container of `abfss://container@account` one.
_USER = re.compile(r"(?<=://)[^\s/@:]*:(?!\d+(?:/|$))(?:[^\s/]{0,1000}|[^\s@]{0,1000})@")
# `password=…`, as in a URI's query, an --set or a setting of Spark; the words are those of `spark.redaction.regex` and
# of the object stores' signed links. What is masked already stays, with the quote that a shell's word ends with.
_NAMED = re.compile(
    r"(?i)((?:password|secret|token|credential|ac(?:cess|count).?key|signature|\b(?:sig|sas))[\w.-]{0,100}=)"
    r"(?!\*{3}'?(?:[\s&;]|$))[^\s&;]+?(?=[:,]?(?:[\s&;]|$))"
)


def shown(text: object) -> str:
    """The text as it may stand in a message, a log or a summary: on one line, with no control character, no secret."""
    return printable(without_secrets(str(text)))


def printable(text: str) -> str:
    r"""Every character that acts instead of being seen as its escape: ESC as `\x1b`, a line end as `\n`."""
    return "".join(_escaped(character) if _is_unseen(character) else character for character in text)


def without_secrets(text: str) -> str:
    """`***` in place of a URI's user and password, and of the value of whatever is named like a secret."""
    return _NAMED.sub(rf"\1{MASK}", _USER.sub(f"{MASK}@", text))


class PlainFormatter(logging.Formatter):
    """A record as one line of `shown` text; the lines of a stack trace below it are indented, each `shown`.

    So that nothing in a message or an exception can pass for a record of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        plain = logging.makeLogRecord({**record.__dict__, "msg": shown(record.getMessage()), "args": ()})
        first, *trace = super().format(plain).split("\n")
        return "\n".join([first, *[TRACE_INDENT + shown(line) for line in trace]])


def plain_log(layout: str) -> logging.Handler:
    """A log on standard error, in the given layout of `logging`."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(layout))
    return handler


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in UNSEEN and character not in JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
