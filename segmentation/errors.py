"""What can go wrong in a way that the person at the terminal can mend, and the exit code of each."""

import difflib
from collections.abc import Sequence

# The operating system's words, which Java, Hadoop and Python hand on.
NO_SPACE = "No space left on device"


class SegmentationError(Exception):
    """The root: a message for a person, and the exit code of the job."""

    exit_code = 1
    # What a person needs to see above the message, line by line.
    before: Sequence[str] = ()


class ConfigError(SegmentationError):
    """An argument or a configuration value that cannot be used."""

    exit_code = 2


class InputError(SegmentationError):
    """Input data that cannot be read, or that holds nothing to segment."""

    exit_code = 3


class QualityGateError(SegmentationError):
    """The staged run failed its audit or a quality gate; nothing was published."""

    exit_code = 4


class PublishConflict(SegmentationError):  # noqa: N818 - the name in the contract
    """Another run holds the name that this one wanted to publish under."""

    exit_code = 5


def java_message(error: Exception) -> str:
    """The first line of what Java, Spark or the operating system says, without a stack trace."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() or java.toString()) if java is not None else str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`: did you mean 'nearest'?`, or else the list of what is known."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f": did you mean {near[0]!r}?"
    return f": known are {', '.join(known)}" if known else ""
