"""The XML of a workbook's sheets, read for what the reader of its cells does not tell (ECMA-376, SpreadsheetML)."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

CELL_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,9})")


@dataclass(frozen=True)
class CellRange:
    """A rectangle of cells, all ends included; rows and columns count from 1."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int

    def __str__(self) -> str:
        return f"{cell_name(self.first_row, self.first_column)}:{cell_name(self.last_row, self.last_column)}"

    @property
    def cells(self) -> int:
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)

    def with_cell(self, row: int, column: int) -> "CellRange":
        """The smallest rectangle around this one and a cell."""
        if self.first_row <= row <= self.last_row and self.first_column <= column <= self.last_column:
            return self
        return CellRange(
            min(self.first_row, row),
            min(self.first_column, column),
            max(self.last_row, row),
            max(self.last_column, column),
        )


@dataclass
class SheetMarks:
    """What must be known of a sheet beside the values of its cells.

    `first_row` is the first with a filled cell; `uncalculated` has, for each column with formulas that were never
    calculated, the row of the first of them.
    """

    is_hidden: bool
    first_row: int = 1
    uncalculated: dict[int, int] = field(default_factory=dict)
    merged: list[CellRange] = field(default_factory=list)


def cell_name(row: int, column: int) -> str:
    """The name of a cell as a spreadsheet shows it, from its row and column, which count from 1.

    >>> cell_name(5, 1), cell_name(1, 26), cell_name(1, 27), cell_name(1_048_576, 16_384)
    ('A5', 'Z1', 'AA1', 'XFD1048576')
    """
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"


class PieceParser(ABC):
    """Walks through an XML part that comes in pieces; what it looks for is a subclass's."""

    def __init__(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece, False)

    def close(self) -> None:
        self._parser.Parse(b"", True)

    @abstractmethod
    def _start(self, name: str, attributes: dict[str, Any]) -> None: ...

    @abstractmethod
    def _end(self, name: str) -> None: ...

    @abstractmethod
    def _characters(self, text: str) -> None: ...


class SheetParser(PieceParser):
    """Walks through a sheet's XML cell by cell, and fills in its marks.

    `filled` is the rectangle around all filled cells, `characters` the length of all their texts together.
    """

    def __init__(self, marks: SheetMarks, calculates_on_load: bool, shared_lengths: Sequence[int]) -> None:
        self.filled: CellRange | None = None
        self.characters = 0
        self._marks = marks
        self._shared_lengths = shared_lengths
        # A program that does not calculate itself writes no value or 0, and asks whoever opens the file to do it.
        self._not_yet_calculated = ("", "0") if calculates_on_load else ("",)
        self._row = self._column = 0
        self._type = ""
        self._texts: list[str] = []  # the pieces of the cell's text, of which there may be very many
        self._has_formula = self._in_value = False
        super().__init__()

    def close(self) -> None:
        super().close()
        self._marks.first_row = self.filled.first_row if self.filled else 1

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        kind = _local(name)
        if kind == "c":
            self._row, self._column = _row_and_column(attributes.get("r", "")) or (self._row, self._column + 1)
            self._type, self._texts, self._has_formula = attributes.get("t", "n"), [], False
        elif kind == "f":
            self._has_formula = True
        elif kind in ("v", "t"):
            self._in_value = True
        elif kind == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif kind == "mergeCell":
            first, _, last = attributes.get("ref", "").partition(":")
            ends = _row_and_column(first), _row_and_column(last)
            if ends[0] and ends[1]:
                self._marks.merged.append(CellRange(*ends[0], *ends[1]))

    def _characters(self, text: str) -> None:
        if self._in_value:
            self._texts.append(text)

    def _end(self, name: str) -> None:
        kind = _local(name)
        if kind in ("v", "t"):
            self._in_value = False
        elif kind == "c" and (self._texts or self._has_formula):
            self._count_cell()

    def _count_cell(self) -> None:
        row, column, text = self._row, self._column, "".join(self._texts)
        self.filled = self.filled.with_cell(row, column) if self.filled else CellRange(row, column, row, column)
        is_shared = self._type == "s" and text.isdecimal() and int(text) < len(self._shared_lengths)
        self.characters += self._shared_lengths[int(text)] if is_shared else len(text)
        # A formula whose result is the empty text has that as its value, and says so by its type.
        if self._has_formula and self._type != "str" and text.strip() in self._not_yet_calculated:
            self._marks.uncalculated.setdefault(column, row)


class SharedStringsParser(PieceParser):
    """Walks through the texts that cells share, and collects the length of each."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self._in_text = False
        super().__init__()

    def _start(self, name: str, attributes: dict[str, Any]) -> None:
        if _local(name) == "si":
            self.lengths.append(0)
        self._in_text = _local(name) == "t"

    def _end(self, name: str) -> None:
        self._in_text = False

    def _characters(self, text: str) -> None:
        if self._in_text and self.lengths:
            self.lengths[-1] += len(text)


def _local(name: str) -> str:
    """An element's name without the prefix of its namespace."""
    return name.rpartition(":")[2]


def _row_and_column(reference: str) -> tuple[int, int] | None:
    found = CELL_REFERENCE.fullmatch(reference)
    if not found:
        return None
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column
