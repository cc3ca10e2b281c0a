"""Types of command-line options that several commands share."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Return a number from 1. Raises ArgumentTypeError, which argparse shows with the option's name."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 1, got {text!r}")
    return int(text)
