"""Start programs on a pseudo-terminal of their own, as a person does."""

import os
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def on_a_terminal(command: Sequence[str], variables: Mapping[str, str], columns: int = 0) -> tuple[int, str]:
    """Run a command in the top folder of the checkout. Return its exit code and all that it wrote to the screen.

    `variables` are its whole environment; 0 columns leave the terminal without a size.
    """
    # Not on Windows.
    import pty
    from fcntl import ioctl
    from termios import TIOCSWINSZ

    process, terminal = pty.fork()
    if process == 0:
        os.chdir(ROOT)
        os.execvpe(command[0], list(command), {"TERM": "xterm", **variables})
    if columns:
        ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    written = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # Linux: no process has the terminal open any more
            break
        if not piece:
            break
        written += piece
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), written.decode("utf-8", "replace")


def without_codes(text: str) -> str:
    """Return the text without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
