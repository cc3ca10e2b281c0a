"""Background writes: each starts at once, a few at a time, and `wait` raises the first failure."""

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from typing import Any, Final, TypeVar

from segmentation.session import SparkThreadPool

# A small write leaves most cores idle while Spark plans and commits it; a large one keeps all of them busy by itself.
CONCURRENT_WRITES: Final = 2
# Cancelled tasks have ended within these attempts, or Java does not answer any more.
CANCEL_ATTEMPTS: Final = 20
SECONDS_BETWEEN_ATTEMPTS: Final = 0.25


Read = TypeVar("Read")


class Writes:
    """Background writes by path. Their Spark jobs carry the tags of the thread that starts them."""

    def __init__(self) -> None:
        self._pool = SparkThreadPool(CONCURRENT_WRITES, thread_name_prefix="write")
        self._futures: dict[str, Future[Any]] = {}
        self._reads: list[Future[Any]] = []

    def start(self, write: Callable[[str], object], path: str) -> None:
        """Start to write a path. Raises the error of an earlier write that has failed by now."""
        for future in self._futures.values():
            if future.done():
                future.result()
        self._futures[path] = self._pool.submit(write, path)

    def start_reading(self, read: Callable[[], Read]) -> Future[Read]:
        """Start to read behind all writes started so far. Its error is its own."""
        self._reads.append(future := self._pool.submit(read))
        return future

    def wait(self) -> None:
        """Wait until every path is written. Raises the first error."""
        for path in self._futures:
            self.wait_for(path)

    def wait_for(self, path: str) -> None:
        """Wait until one path is written. Raises its error."""
        self._futures[path].result()

    def cancel(self, cancel_jobs: Callable[[], None]) -> bool:
        """Start no further write and call `cancel_jobs` until all running ones, and all reads, have ended.

        Return whether all writes had already succeeded, so that no task can still be writing.
        """
        self._pool.shutdown(wait=False, cancel_futures=True)
        futures = [future for future in self._futures.values() if not future.cancelled()]
        have_succeeded = len(futures) == len(self._futures) and all(
            future.done() and not future.exception() for future in futures
        )
        running = futures + [read for read in self._reads if not read.cancelled()]
        for _ in range(CANCEL_ATTEMPTS):
            cancel_jobs()
            if not wait_for_futures(running, SECONDS_BETWEEN_ATTEMPTS).not_done:
                break
        return have_succeeded

    def close(self) -> None:
        """Start no further write and wait for the running ones, whether they fail or not."""
        self._pool.shutdown(cancel_futures=True)
