"""Processes of this machine: a program's descendants, and the addresses they listen on."""

import ipaddress
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.2
PROC = Path("/proc")
LISTENING = "0A"  # as /proc/net/tcp writes a socket's state

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def descendants(pid: int) -> set[int]:
    """Return a process with its children and theirs."""
    parents = {}
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def listening(pids: Iterable[int]) -> set[Address]:
    """Return the addresses on which the given processes wait for connections."""
    sockets = {inode for pid in pids for inode in _sockets(pid)}
    return {address for inode, address in _listening_sockets() if inode in sockets}


@contextmanager
def repeatedly(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` in a thread, several times a second, while the block runs."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            look()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _sockets(pid: int) -> Iterator[str]:
    with suppress(OSError):  # it ended meanwhile
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if match := re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink())):
                    yield match[1]


def _listening_sockets() -> Iterator[tuple[str, Address]]:
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            _, local, _, state, *others = line.split()
            if state == LISTENING:
                yield others[5], _address(local.partition(":")[0])


def _address(hexadecimal: str) -> Address:
    """Return `0100007F` as 127.0.0.1: 32-bit words, each with its last byte first; IPv4 inside IPv6 as IPv4."""
    words = bytes.fromhex(hexadecimal)
    packed = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    address = ipaddress.ip_address(packed)
    return getattr(address, "ipv4_mapped", None) or address
