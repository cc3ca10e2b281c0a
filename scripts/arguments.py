"""Types of command-line options that several commands share."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Return a number from 1. Raises ArgumentTypeError, which argparse shows with the option's name."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 1, got {text!r}")
    return int(text)


def share(text: str) -> float:
    """Return a number above 0, at most 1. Raises ArgumentTypeError, which argparse shows with the option's name."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0, at most 1, got {text!r}")
    return value
