"""What is written beside other work: each write begins at once, and what fails is raised where it is waited for."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

# A small write leaves most cores idle while Spark plans and commits it; a large one keeps all of them busy by itself.
AT_ONCE: Final = 2
# Tasks that were cancelled are at rest within this time, or Java does not answer any more.
TRIES_TO_CANCEL: Final = 20
SECONDS_BETWEEN_TRIES: Final = 0.25


class Writes:
    """Writes to paths, begun in order, some at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="write")
        self._begun: dict[str, Future[None]] = {}

    def begin(self, write: Callable[[str], None], path: str) -> None:
        """Has `path` written; raises what an earlier write failed with, if it is done by now."""
        self._raise_failures()
        self._begun[path] = self._pool.submit(write, path)

    def finish(self) -> None:
        """Waits until all is written; raises what the first one failed with."""
        for one in self._begun.values():
            one.result()

    def wait_for(self, path: str) -> None:
        """Waits until one path that was begun is written; raises what that failed with."""
        self._begun[path].result()

    def stop(self, cancel: Callable[[], None]) -> bool:
        """Begins no other write and cancels all work; True if every write was done and well, so that no task is left.

        Those under way are cancelled until they are at rest.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        at_rest = all(one.done() and not one.cancelled() and not one.exception() for one in self._begun.values())
        cancel()
        for _ in range(TRIES_TO_CANCEL):
            if all(one.done() for one in self._begun.values()):
                break
            time.sleep(SECONDS_BETWEEN_TRIES)
            cancel()
        return at_rest

    def end(self) -> None:
        """Begins no other write, and waits for those under way, whatever becomes of them."""
        self._pool.shutdown(cancel_futures=True)

    def _raise_failures(self) -> None:
        for one in self._begun.values():
            if one.done():
                one.result()
