"""Keep the names that segments had in an earlier run while they are true.

A name that states what customers share (`naming`) stays while that is true of `naming.keep_share` of them. A name that
states nothing gives way to one that states something.

A name by levels describes the centres of the model, so that it stays while that model scores the customers. Of a new
model it stays where both of its words have a meaning, and each is true of `naming.keep_share` of the customers. A
name with a qualifier compares segments of the earlier model: it does not outlast that, unless the new one gives it too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from pyspark.sql import DataFrame

from segmentation import schemas as s
from segmentation.clustering.levels import NUMBERED, SegmentName, levels_by_name
from segmentation.clustering.naming import Centre, Named, sentence, with_shares
from segmentation.clustering.statements import Statement
from segmentation.config.naming import NamingSettings
from segmentation.errors import counted
from segmentation.scoring.words import Words

# Ends the sentence of a name with a number that another segment had first.
ALREADY_TAKEN = "; numbered, because another segment has that name"


def keep_names(
    assigned: DataFrame,
    fresh: Sequence[SegmentName],
    before: Sequence[SegmentName | None],
    new_centres: Sequence[Centre],
    settings: NamingSettings,
    words: Words,
    rules: Mapping[str, str],
) -> list[SegmentName]:
    """Return the names of `before` that are still true, else the `fresh` ones, all by the position of the segment.

    `assigned` is as for `name_segments`. `new_centres` are those of a model that this run fitted, none where the model
    is an earlier one. Each name is unique: a fresh one that another segment keeps is numbered. No name of the other
    scheme is kept.

    Runs an action of one row where names differ from the fresh ones, but for levels of an earlier model.
    """
    if len(fresh) == 1:  # all customers
        return list(fresh)
    kept: dict[int, SegmentName] = {}
    others: dict[int, SegmentName] = {}
    for position, (name, old) in enumerate(zip(fresh, before, strict=True), 1):
        if old is not None and old.name == name.name:
            kept[position] = name
        elif old is not None and (old.states is None) == (settings.scheme == "levels"):
            others[position] = old
    if settings.scheme == "rules":
        kept |= _true_statements(assigned, fresh, others, settings, words, rules)
    else:
        kept |= _true_levels(assigned, others, new_centres, settings, words.figures) if new_centres else others
    taken = {name.name for name in kept.values()}
    result = []
    for position, name in enumerate(fresh, 1):
        result.append(kept.get(position) or _numbered(name, taken))
        taken.add(result[-1].name)
    return result


def _true_statements(
    assigned: DataFrame,
    fresh: Sequence[SegmentName],
    others: Mapping[int, SegmentName],
    settings: NamingSettings,
    words: Words,
    rules: Mapping[str, str],
) -> dict[int, SegmentName]:
    """Return the names of `others` that are true of enough customers, with a sentence of today."""
    stated = [
        _named(position, old.states or {})
        for position, old in others.items()
        if _states_something(old) or not _states_something(fresh[position - 1])
    ]
    return {
        segment.segment_id: _with_rule(others[segment.segment_id], sentence(segment, words, rules, settings))
        for segment in with_shares(assigned, stated)
        if segment.share >= settings.keep_share or not segment.customers
    }


def _true_levels(
    assigned: DataFrame,
    others: Mapping[int, SegmentName],
    centres: Sequence[Centre],
    settings: NamingSettings,
    figures: s.Figures,
) -> dict[int, SegmentName]:
    """Return the names of `others` whose levels, by new centres, each hold for enough customers."""
    known = levels_by_name(centres, figures)
    asked = {position: known[old.name] for position, old in others.items() if old.name in known}
    of_words = [
        Named(position, 0, Statement("", {}, 0.0), limits={figure: level.limits})
        for position, levels in asked.items()
        for figure, level in zip((figures.spend, figures.orders), levels, strict=True)
    ]
    shares = with_shares(assigned, of_words)
    result = {}
    for (position, levels), spend, orders in zip(asked.items(), shares[::2], shares[1::2], strict=True):
        if min(spend.share, orders.share) >= settings.keep_share:
            rule = (
                f"when the model was fitted, spend was {levels[0].reason} for {spend.percent} of its "
                f"{counted(spend.customers, 'customer')}; frequency was {levels[1].reason} for {orders.percent}"
            )
            result[position] = _with_rule(others[position], rule)
    return result


def _named(segment_id: int, states: Mapping[str, Any]) -> Named:
    """Return a segment with what its name states. Its customers are not counted yet."""
    ranges = {score: (low, high) for score, (low, high) in states["ranges"].items()}
    limits = {feature: (low, high) for feature, (low, high) in states["limits"].items()}
    return Named(segment_id, 0, Statement("", ranges, 0.0), states["rfm_segment"], limits=limits)


def _states_something(name: SegmentName) -> bool:
    return any((name.states or {}).values())


def _numbered(name: SegmentName, taken: Collection[str]) -> SegmentName:
    """Return a fresh name, numbered where another segment has it already."""
    if name.name not in taken:
        return name
    plain = NUMBERED.sub("", name.name)
    unique = next(numbered for number in count(2) if (numbered := f"{plain}, No. {number}") not in taken)
    return _with_rule(replace(name, name=unique), name.rule)


def _with_rule(name: SegmentName, rule: str) -> SegmentName:
    """Return a name with another sentence, which says of a number where it comes from."""
    if not NUMBERED.search(name.name) or "numbered" in rule:
        return replace(name, rule=rule)
    stop = "." if rule.endswith(".") else ""
    return replace(name, rule=f"{rule.removesuffix('.')}{ALREADY_TAKEN}{stop}")
