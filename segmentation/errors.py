"""Errors that a user can fix, each with the exit code of the job, and words that messages share."""

import difflib
from collections.abc import Sequence

# The operating system's message, which Java, Hadoop and Python pass on.
NO_SPACE = "No space left on device"


class SegmentationError(Exception):
    """The base class: a message for a person, and the exit code of the job."""

    exit_code = 1
    # Lines to print above the message.
    before: Sequence[str] = ()


class ConfigError(SegmentationError):
    """An argument or a configuration value is wrong."""

    exit_code = 2


class InputError(SegmentationError):
    """Input data cannot be read, or holds nothing to segment."""

    exit_code = 3


class QualityGateError(SegmentationError):
    """The staged run failed its audit or a quality gate; nothing was published."""

    exit_code = 4


class PublishConflict(SegmentationError):  # noqa: N818 - the name in the contract
    """Another run was published under the same id."""

    exit_code = 5


def java_message(error: Exception) -> str:
    """Return the first line of the message of Java, Spark or the operating system, without a stack trace."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() or java.toString()) if java is not None else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def nameless_user(user_id: int) -> str:
    """Return what to do about a user id without a name, as of a container that runs under a random id."""
    return (
        f"the user id {user_id} has no name here, without which Hadoop does not start: start the container with the id "
        f"of a user that it knows, or add the line user:x:{user_id}:0::/tmp:/bin/sh to its /etc/passwd"
    )


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `: did you mean 'nearest'?`, or the known words if none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": known are {', '.join(known)}" if known else ""


def shortened(texts: Sequence[str], most: int = 3) -> str:
    """Write the first texts, and how many more there are.

    >>> shortened(["Chile", "Peru", "Cuba", "Laos"]), shortened(["Chile", "Peru"])
    ('Chile, Peru, Cuba and 1 more', 'Chile, Peru')
    """
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more:,} more" if more > 0 else "")


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun, in the singular or the plural.

    >>> counted(1, "customer"), counted(4338, "customer"), counted(2, "country", "countries")
    ('1 customer', '4,338 customers', '2 countries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
