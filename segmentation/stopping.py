"""Stop signals: they end a run by an exception, so that it cleans up, until the run is published: it stands then."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final

# Ctrl-C, the request of a scheduler or an administrator, and a terminal that is closed. Windows has no SIGHUP.
STOP_SIGNALS: Final = [number for number in signal.Signals if number.name in ("SIGINT", "SIGTERM", "SIGHUP")]


class Terminated(BaseException):
    """SIGTERM or SIGHUP as an exception."""


class StopHandler:
    """A job's handler: raises for the first stop signal and ignores later ones, so that nothing interrupts cleaning up.

    A signal that was ignored at the start stays ignored, as SIGHUP under nohup.
    """

    def __init__(self) -> None:
        self.run_stands = False
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.ignore()
        raise KeyboardInterrupt("Ctrl-C") if number == signal.SIGINT else Terminated(signal.Signals(number).name)

    def install(self) -> None:
        handled = [number for number in STOP_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        self._before = {number: signal.signal(number, self) for number in handled}

    def ignore(self) -> None:
        """Ignore stop signals from now on."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def restore(self) -> None:
        """Restore the handlers from before, unless a run stands: then the process ends undisturbed."""
        for number, handler in self._before.items() if not self.run_stands else ():
            signal.signal(number, handler)


@contextmanager
def held_back(spark: Any) -> Iterator[Callable[[], None]]:
    """Hold stop signals back while the block runs, which calls the yielded function at its commit point.

    At the end of the block they are handled. A job whose run stands ignores them instead, and so does its Java: it has
    nothing left but to say so. In other threads than the main one, where Python handles no signal, nothing is done.
    """
    if current_thread() is not main_thread():
        yield lambda: None
        return
    received: list[int] = []
    committed: list[bool] = []
    # None: a handler that Python did not install, and cannot restore.
    handled = [number for number in STOP_SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, lambda got, _: received.append(got)) for number in handled}
    restore_java = _java_ignores_signals(spark)
    try:
        yield lambda: committed.append(True)
    finally:
        jobs = [handler for handler in before.values() if isinstance(handler, StopHandler)]
        for number, handler in before.items():
            signal.signal(number, handler)
        if committed and jobs:
            for job in jobs:
                job.run_stands = True
                job.ignore()
        else:
            restore_java()
            if received:
                signal.raise_signal(received[0])


def _java_ignores_signals(spark: Any) -> Callable[[], None]:
    """Let Spark's Java ignore stop signals; return what undoes it. It gets them too, and would end by itself."""
    before = []
    with suppress(Exception):  # Java has ended, or does not let them be handled
        java, jvm = spark._jvm.sun.misc, spark._jvm
        nothing = _java_handler_that_does_nothing(jvm)
        for number in STOP_SIGNALS:
            with suppress(Exception):  # one that was ignored at the start
                name = java.Signal(number.name.removeprefix("SIG"))
                before.append((name, java.Signal.handle(name, nothing)))

    def restore() -> None:
        for name, handler in before:
            with suppress(Exception):
                java.Signal.handle(name, handler)

    return restore


def _java_handler_that_does_nothing(jvm: Any) -> Any:
    """Return a SignalHandler of Java. Its own SIG_IGN could not be undone."""
    invoke, class_named = jvm.java.lang.invoke, jvm.java.lang.Class.forName
    kind = invoke.MethodType.methodType(jvm.java.lang.Void.TYPE, class_named("sun.misc.Signal"))
    nothing = invoke.MethodHandles.empty(kind)
    return invoke.MethodHandleProxies.asInterfaceInstance(class_named("sun.misc.SignalHandler"), nothing)
