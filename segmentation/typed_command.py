"""The command that started a job, as a person types it again: from its folder, quoted for a shell, without secrets."""

import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from segmentation.plain_text import MASK, without_secrets

# The environment's variable in which scripts/submit leaves what was typed, up to the job's file, quoted for a shell.
STARTED_BY: Final = "SEGMENTATION_STARTED_BY"
SPARK_SUBMIT: Final = "org.apache.spark.deploy.SparkSubmit"


def typed_again(job: str, arguments: Sequence[str], started_by: str | None) -> str:
    """The command line that repeats this process wherever it is pasted.

    `job` is the job's file and `arguments` are its own options; `started_by` is the value of STARTED_BY, None where
    spark-submit was started without scripts/submit.
    """
    words = _by_spark_submit(job, arguments) if started_by is None else [*shlex.split(started_by), *arguments]
    return f"{_quoted(['cd', str(Path.cwd())])} && {_quoted(words)}"


def _by_spark_submit(job: str, arguments: Sequence[str]) -> list[str]:
    """spark-submit keeps its options to itself, but where Linux tells the command of the parent process, which is
    Java's, they are the ones behind the name of its main class.
    """
    with suppress(OSError, ValueError):
        parent = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return ["spark-submit", *parent[parent.index(SPARK_SUBMIT) + 1 : -1]]
    return ["spark-submit", job, *arguments]


def _quoted(words: Sequence[str]) -> str:
    return shlex.join(map(_without_secret, words))


def _without_secret(word: str) -> str:
    """A word of a command; what is named like a secret loses its value with all the spaces that are in it."""
    masked = without_secrets(word)
    return f"{masked.partition('=')[0]}={MASK}" if masked != word and " " in word and "=" in masked else masked
