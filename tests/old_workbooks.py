"""Write workbooks as Excel did before 2007: BIFF8 records in a compound file ([MS-XLS], [MS-CFB])."""

import struct
from collections.abc import Sequence

BEGIN_OF_PART, END_OF_PART, SHEET, TEXT_CELL = 0x0809, 0x000A, 0x0085, 0x0204
BOOK_PART, SHEET_PART = 0x0005, 0x0010
STATES = {"visible": 0, "hidden": 1, "very hidden": 2}
SECTOR = 512
END_OF_CHAIN, FREE, OF_THE_TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
# A shorter stream would have to lie in sectors of another kind.
SHORTEST_STREAM = 4096


def old_workbook(sheets: Sequence[tuple[str, str, Sequence[Sequence[str]]]]) -> bytes:
    """Return a workbook of sheets, each given by its name, its state and the texts of its rows, of at most 60 kB."""
    parts = [_sheet(rows) for _, _, rows in sheets]
    begin = _begin(BOOK_PART)
    position = len(begin) + sum(len(_bound(0, name, state)) for name, state, _ in sheets) + len(_record(END_OF_PART))
    bounds = b""
    for (name, state, _), part in zip(sheets, parts, strict=True):
        bounds += _bound(position, name, state)
        position += len(part)
    return _compound_file(begin + bounds + _record(END_OF_PART) + b"".join(parts))


def _record(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _begin(part: int) -> bytes:
    return _record(BEGIN_OF_PART, struct.pack("<HHHHII", 0x0600, part, 0, 0, 0, 6))


def _bound(position: int, name: str, state: str) -> bytes:
    return _record(SHEET, struct.pack("<IBBBB", position, STATES[state], 0, len(name), 0) + name.encode("ascii"))


def _sheet(rows: Sequence[Sequence[str]]) -> bytes:
    cells = [
        _record(TEXT_CELL, struct.pack("<HHHHB", row, column, 0, len(text), 0) + text.encode("ascii"))
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    return _begin(SHEET_PART) + b"".join(cells) + _record(END_OF_PART)


def _compound_file(stream: bytes) -> bytes:
    """Return the stream as `Workbook`: a header, the table of sectors, the directory, then the stream's own sectors."""
    stream = stream.ljust(SHORTEST_STREAM, b"\0")
    stream = stream.ljust(-(-len(stream) // SECTOR) * SECTOR, b"\0")
    sectors = len(stream) // SECTOR
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<5H6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<9I", 0, 1, 1, 0, SHORTEST_STREAM, END_OF_CHAIN, 0, END_OF_CHAIN, 0)
    header += struct.pack("<109I", 0, *[FREE] * 108)
    chains = [OF_THE_TABLE, END_OF_CHAIN, *range(3, sectors + 2), END_OF_CHAIN]
    table = struct.pack(f"<{SECTOR // 4}I", *chains, *[FREE] * (SECTOR // 4 - len(chains)))
    directory = _entry("Root Entry", 5, 1, END_OF_CHAIN, 0) + _entry("Workbook", 2, FREE, 2, len(stream))
    return header + table + directory.ljust(SECTOR, b"\0") + stream


def _entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
    written = f"{name}\0".encode("utf-16-le")
    after = struct.pack("<HBBIII16xI16xIII", len(written), kind, 1, FREE, FREE, child, 0, first, size, 0)
    return written.ljust(64, b"\0") + after
