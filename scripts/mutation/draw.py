"""Draw mutants: changes of one expression each, at random by room."""

from __future__ import annotations

import ast
import difflib
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

from scripts.mutation.operators import OWN

# They need arguments, or change what no test of behaviour sees.
NOT_OURS: Final = {"VariableReplacer", "VariableInserter", "RemoveDecorator"}
# An operator becomes another of its kind: `&` as `**` fails at once and shows nothing.
KINDS: Final = (
    {"Add", "Sub", "Mul", "Div"},
    {"BitAnd", "BitOr"},
    {"Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"},
    {"Is", "IsNot"},
    {"In", "NotIn"},
)
Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Mutant:
    """One change of a module: its number is stable under the same source, seed and count."""

    room: str
    module: str  # below segmentation/
    operator: str
    line: int
    code: str

    def difference(self, original: str) -> str:
        """Return the lines that differ, `-` before and `+` after."""
        lines = difflib.unified_diff(original.splitlines(), self.code.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in lines if line[:2] not in {"--", "++", "@@"})


def draw(root: Path, rooms: Mapping[str, Mapping[str, Sequence[str]]], per_room: int, seed: int) -> list[Mutant]:
    """Return mutants of each room: places are drawn at random, then one of the changes that are possible there."""
    result = []
    for room, modules in rooms.items():
        chance = random.Random(f"{seed} {room}")
        places = []
        for module in modules:
            source = (root / "segmentation" / module).read_text(encoding="utf-8")
            places += [(module, source, changes) for _, changes in sorted(_changes(source).items())]
        chance.shuffle(places)
        drawn = []
        for module, source, changes in places:
            operator, occurrence, line = chance.choice(changes)
            code = mutate_code(source, operator, occurrence)
            if code is not None and code != source and _is_python(code):
                drawn.append(Mutant(room, module, type(operator).__name__, line, code))
            if len(drawn) == per_room:
                break
        result += drawn
    return result


def _changes(source: str) -> dict[Span, list[tuple[Any, int, int]]]:
    """Return the changes of each place: the operator, which of its occurrences, and the line."""
    provider = OperatorProvider()
    operators = [provider[name]() for name in provider if _is_ours(name)] + [operator() for operator in OWN]
    nodes = list(ast_nodes(parso.parse(source)))
    left_out = list(_left_out(source))
    result = defaultdict(list)
    for operator in operators:
        spans = [span for node in nodes for span in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(spans):
            if not any(first <= start and end <= last for first, last in left_out):
                result[start, end].append((operator, occurrence, start[0]))
    return dict(result)


def _is_ours(operator: str) -> bool:
    """Return whether an operator of cosmic-ray, such as ReplaceBinaryOperator_Add_Sub, makes changes worth a test."""
    replaced, _, names = operator.partition("_")
    if replaced in {"ReplaceBinaryOperator", "ReplaceComparisonOperator"}:
        return any(set(names.split("_")) <= kind for kind in KINDS)
    return operator not in NOT_OURS


def _left_out(source: str) -> Iterator[Span]:
    """Yield where changes say nothing: types, decorators and what is logged."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts += node.decorator_list
        if isinstance(node, ast.FunctionDef):
            parts.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("logger.", "steps.", "TypeVar")):
            parts.append(node)
        for part in filter(None, parts):
            yield _position(lines, part.lineno, part.col_offset), _position(lines, part.end_lineno, part.end_col_offset)


def _position(lines: Sequence[str], line: int | None, column: int | None) -> tuple[int, int]:
    """Return a position as parso counts it: in characters, where `ast` counts bytes."""
    assert line is not None
    assert column is not None
    return line, len(lines[line - 1].encode()[:column].decode())


def _is_python(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True
