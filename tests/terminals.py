"""Programs on a pseudo-terminal of their own, as a person starts them."""

import os
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def on_a_terminal(command: Sequence[str], variables: Mapping[str, str], columns: int = 0) -> tuple[int, str]:
    """The exit code of a command that runs from the top of the checkout with just these variables of the environment,
    and all that it wrote to the screen; 0 columns leave the terminal without a size.
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
        except OSError:  # on Linux a terminal that nobody holds open any more
            break
        if not piece:
            break
        written += piece
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), written.decode("utf-8", "replace")


def without_codes(text: str) -> str:
    """What is to be read on a screen, without colours and moves of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
