"""`--help` of the programs in scripts/ that other programs start, and a person seldom does."""

from __future__ import annotations

import sys


def answer_help(usage: str, about: str | None) -> None:
    """Ends this process where its first argument asks for help: with the usage and what the program is."""
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(f"usage: {usage}\n\n{(about or '').strip()}")
        sys.exit(0)
