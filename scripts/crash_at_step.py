"""The real job, killed with its whole process group when it logs a named step of publishing.

Started by scripts/crash_test, with the step before the job's own arguments.
"""

import logging
import os
import signal
import sys
from pathlib import Path

from command_help import answer_help

STEPS_LOGGER = "segmentation.lake.steps"


class KillAt(logging.Handler):
    """Ends the whole process group, this process and its Java, in the moment that the step is logged."""

    def __init__(self, step: str) -> None:
        super().__init__(logging.DEBUG)
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._step:
            os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    answer_help('spark-submit scripts/crash_at_step.py "after rename" [options of the job]', __doc__)
    if os.getpgrp() != os.getsid(0):
        sys.exit("crash_at_step.py: would kill the shell that started it: use scripts/crash_test")
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from jobs.segment_customers import main

    steps = logging.getLogger(STEPS_LOGGER)
    steps.setLevel(logging.DEBUG)
    steps.addHandler(KillAt(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
