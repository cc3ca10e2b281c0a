"""Changes of one expression that cosmic-ray does not know: of Spark's functions, of calls, of locks.

Each has the two methods of cosmic-ray's operators. Nodes are parso's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import parso

SWAPS: Final[Mapping[str, str]] = {
    "min": "max",
    "max": "min",
    "sum": "max",
    "any": "all",
    "all": "any",
    "count_distinct": "count",
    "count": "count_distinct",
    "count_if": "count",
    "isNull": "isNotNull",
    "isNotNull": "isNull",
    "asc": "desc",
    "desc": "asc",
    "floor": "ceil",
    "ceil": "floor",
    "lag": "lead",
    "lead": "lag",
    "startswith": "endswith",
    "endswith": "startswith",
    "fullmatch": "match",
    "bisect_right": "bisect_left",
    "partition": "rpartition",
    "rpartition": "partition",
    '"left"': '"inner"',
    '"inner"': '"left"',
    '"left_semi"': '"left_anti"',
    '"left_anti"': '"left_semi"',
}
# `x.distinct()` becomes `x`.
CHAINED: Final = {"distinct", "where", "orderBy", "sort", "cast", "over", "drop", "dropDuplicates", "lower", "strip"}
# `F.coalesce(x, y)` becomes `x`.
FIRST_ARGUMENT: Final = {"coalesce", "abs", "sorted", "round", "max", "min", "float", "log1p", "expm1", "log"}


class SwapName:
    """Replace a function, a method or a kind of join by its counterpart."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type in {"name", "string"} and node.value in SWAPS and (node.type == "string" or _is_called(node)):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.value = SWAPS[node.value]
        return node


class DropStatement:
    """Leave out a call whose result nobody uses, or a `raise`."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type == "simple_stmt" and node.children[0].type in {"atom_expr", "raise_stmt"}:
            yield node.children[0].start_pos, node.children[0].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.children[0] = _parsed("pass", node.children[0])
        return node


class DropChainedCall:
    """Leave out a method of a chain, such as `distinct()`."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        for dot, call in _calls(node):
            if dot.type == "trailer" and dot.children[0].value == "." and dot.children[1].value in CHAINED:
                yield dot.start_pos, call.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        found = [pair for pair in _calls(node) if pair[0].type == "trailer" and pair[0].children[1].value in CHAINED]
        dot, call = found[index]
        node.children = [child for child in node.children if child is not dot and child is not call]
        return node


class OnlyFirstArgument:
    """Replace the last call of an expression by its first argument."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if _name_of_last_call(node) in FIRST_ARGUMENT and _first_argument(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return _parsed(f"({_first_argument(node).get_code(include_prefix=False)})", node)


class DropKeyword:
    """Leave out a keyword argument, so that its default holds."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        for argument in _keywords(node):
            yield argument.start_pos, argument.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        argument = _keywords(node)[index]
        if argument is node.children[1]:  # the only one
            node.children = [node.children[0], node.children[-1]]
        else:
            arguments = node.children[1]
            position = arguments.children.index(argument)
            removed = arguments.children[max(position - 1, 0) : position + (2 if position == 0 else 1)]
            arguments.children = [child for child in arguments.children if child not in removed]
        return node


class DropContext:
    """Enter nothing in place of a lock, a suppression or another context without a name."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        if node.type == "with_stmt" and node.children[1].type == "atom_expr":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.children[1] = _parsed("__import__('contextlib').nullcontext()", node.children[1])
        return node


OWN: Final = (SwapName, DropStatement, DropChainedCall, OnlyFirstArgument, DropKeyword, DropContext)


def _parsed(code: str, replaced: Any) -> Any:
    """Return code as a node, with the white space before what it replaces."""
    leaf = parso.parse(code).children[0]
    first = leaf.get_first_leaf()
    first.prefix = replaced.get_first_leaf().prefix
    return leaf


def _is_called(node: Any) -> bool:
    after = node.get_next_leaf()
    return after is not None and after.value == "(" and node.parent.type != "funcdef"


def _calls(node: Any) -> list[tuple[Any, Any]]:
    """Return each name, or attribute, of an expression with the brackets of its call."""
    if node.type != "atom_expr":
        return []
    pairs = zip(node.children, node.children[1:], strict=False)
    return [(name, call) for name, call in pairs if call.type == "trailer" and call.children[0].value == "("]


def _name_of_last_call(node: Any) -> str:
    calls = _calls(node)
    if not calls or calls[-1][1] is not node.children[-1]:
        return ""
    return str(calls[-1][0].get_last_leaf().value)


def _first_argument(node: Any) -> Any:
    call = node.children[-1]
    if len(call.children) < 3:
        return None
    inside = call.children[1]
    first = inside.children[0] if inside.type == "arglist" else inside
    return None if first.type == "argument" else first


def _keywords(node: Any) -> list[Any]:
    if node.type != "trailer" or node.children[0].value != "(" or len(node.children) < 3:
        return []
    inside = node.children[1]
    arguments = inside.children if inside.type == "arglist" else [inside]
    return [item for item in arguments if item.type == "argument" and len(item.children) == 3]
