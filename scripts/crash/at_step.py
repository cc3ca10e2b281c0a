"""Run the real job and kill its whole process group when it logs a named step of publishing.

Started by scripts/crash_test, with the step before the job's own arguments.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

STEPS_LOGGER: Final = "segmentation.lake.steps"


class KillAt(logging.Handler):
    """Kill this process's group, Java included, as soon as the step is logged."""

    def __init__(self, step: str) -> None:
        super().__init__(logging.DEBUG)
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._step:
            os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from jobs.segment_customers import main

    steps = logging.getLogger(STEPS_LOGGER)
    steps.setLevel(logging.DEBUG)
    steps.addHandler(KillAt(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
