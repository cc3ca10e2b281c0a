"""What the library warned of while a run went on, kept for its report."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from segmentation.plain_text import shown

LIBRARY: Final = "segmentation"
# A thousand files may each be warned of; the log has them all.
MOST_KEPT: Final = 50


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.kept: list[str] = []
        self.left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.kept) < MOST_KEPT:
            self.kept.append(shown(record.getMessage()))
        else:
            self.left_out += 1
            self.kept[MOST_KEPT:] = [f"and {self.left_out:,} more, in the log"]


@contextmanager
def warnings_kept() -> Iterator[list[str]]:
    """The library's warnings from here on as a growing list of lines, `shown`, each as often as it was told."""
    keeper, logger = _Keeper(), logging.getLogger(LIBRARY)
    logger.addHandler(keeper)
    try:
        yield keeper.kept
    finally:
        logger.removeHandler(keeper)
