"""The section `rfm`: where the scores of recency, frequency and money are cut, and the rules that name a customer.

Scores of 1 to 5, 5 the best, are those of RFM analysis (A. M. Hughes, "Strategic Database Marketing", 1994).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from segmentation import schemas as s
from segmentation.config.base import Settings

SCORES = (s.RECENCY_SCORE, s.FREQUENCY_SCORE, s.MONETARY_SCORE)
# The days since the first order, scored by the cuts of recency: 4 or 5 for a customer who is new.
TENURE_SCORE = "tenure_score"
WHOLE_RANGE = (1, 5)
# The figures that count as a customer's spend, orders and days since the last order: net or gross, as `figures` says.
SPEND, ORDERS, RECENCY = "spend", "orders", "recency"

if TYPE_CHECKING:
    Condition = str
else:
    Condition = Literal[*SCORES, TENURE_SCORE, SPEND, ORDERS, RECENCY, *s.NUMERIC_FEATURES]

Limit = Annotated[float, Field(allow_inf_nan=False)] | int | None
Cell = tuple[int, ...]
Numbers = tuple[Annotated[float, Field(allow_inf_nan=False)], ...]
Positives = tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]
# The key that chooses how a score is cut, the key of its thresholds, and the word of the choice that uses these.
THRESHOLDS = (("recency", "recency_days", "days"), ("frequency", "orders", "orders"), ("monetary", "money", "money"))


class RfmRule(Settings):
    """A name, and what a customer must have for it: the range of each score or feature, [lowest, highest].

    null leaves an end open. A rule without conditions holds for everyone.
    """

    name: Annotated[str, Field(pattern="^[^,]+$")]  # a comma separates what distinguishes segments of one name
    when: dict[Condition, tuple[Limit, Limit]] = Field({})

    @property
    def scores(self) -> dict[str, tuple[int, int]]:
        """The range of each of the three scores."""
        return {score: _closed(self.when.get(score, WHOLE_RANGE)) for score in SCORES}

    @property
    def other_conditions(self) -> dict[str, tuple[float, float]]:
        """The ranges of all but the three scores, an open end as infinity."""
        return {
            key: (float("-inf") if low is None else low, float("inf") if high is None else high)
            for key, (low, high) in self.when.items()
            if key not in SCORES
        }

    @property
    def cells(self) -> Iterator[Cell]:
        """The combinations of the three scores for which the rule can hold."""
        return product(*[range(low, high + 1) for low, high in self.scores.values()])

    @model_validator(mode="after")
    def _ranges_hold_something(self) -> "RfmRule":
        if self.name == s.RETURNED_EVERYTHING:
            raise ValueError(f"name: {self.name!r} is the name of those of whose orders nothing stayed")
        for key, (low, high) in self.when.items():
            if low is None and high is None:
                raise ValueError(f"when.{key} must have a limit: [null, null] holds for everyone")
            if low is not None and high is not None and low > high:
                raise ValueError(f"when.{key} must be [lowest, highest], got [{low:g}, {high:g}]")
            if key in (*SCORES, TENURE_SCORE):
                for limit in (low, high):
                    if limit is not None and limit not in range(1, 6):
                        raise ValueError(f"when.{key} must have scores from 1 to 5, got {limit:g}")
        return self


def default_rules() -> tuple[RfmRule, ...]:
    """Return the rules of a configuration that gives none.

    The names are those of common RFM practice. What is at risk is a habit: five orders or more, or more orders than
    half of the repeat buyers made, and then silence. A first order within the typical gap between orders is new. The
    rules with 120 days find the same habit where the repeat buyers' typical gap is long, because most of them came
    twice: who ordered every two months or oftener is not to be waited for longer than that.
    """

    def rule(name: str, **when: Any) -> RfmRule:
        keys = dict(zip("RFM", SCORES, strict=True))
        return RfmRule(name=name, when={keys.get(key, key): limits for key, limits in when.items()})

    habit: dict[str, Any] = {ORDERS: (5, None)}
    broken: dict[str, Any] = {ORDERS: (5, None), RECENCY: (120, None), s.AVERAGE_DAYS_BETWEEN_ORDERS: (None, 60)}
    return (
        rule("New", tenure_score=(4, 5), orders=(None, 2)),
        rule("Cannot Lose Them", F=(5, 5), M=(5, 5), **broken),
        rule("At Risk Big Spenders", M=(4, 5), **broken),
        rule("At Risk", **broken),
        rule("Champions", R=(4, 5), F=(5, 5), M=(5, 5)),
        rule("Loyal", R=(3, 5), F=(4, 5)),
        rule("Big Spenders", R=(3, 5), M=(5, 5)),
        rule("Cannot Lose Them", R=(1, 2), F=(5, 5), M=(5, 5)),
        rule("At Risk Big Spenders", R=(1, 2), F=(2, 5), M=(5, 5)),
        rule("At Risk", R=(1, 2), F=(3, 5)),
        rule("At Risk", R=(1, 2), **habit),
        rule("Promising", R=(4, 5)),
        rule("Need Attention", R=(3, 3), F=(2, 5)),
        rule("About to Sleep", R=(3, 3)),
        rule("Hibernating", R=(2, 2)),
        rule("Lost", R=(1, 1)),
    )


def _given(thresholds: str, word: str, otherwise: str) -> Callable[[dict[str, Any]], Any]:
    """Return the default of a choice: the thresholds if they are given."""
    return lambda values: otherwise if values.get(thresholds) is None else word


class RfmSettings(Settings):
    """How customers are scored and named. Thresholds given as numbers take the place of those taken from the data."""

    gap_multiples: Positives = Field(
        (0.5, 1.0, 2.0, 4.0), description="of the repeat buyers' median gap: up to the first scores 5, and so on"
    )
    recency_days: Positives | None = Field(None, description="such as [30, 60, 120, 240]: up to 30 days scores 5")
    recency: Literal["gaps", "fifths", "days"] = Field(
        default_factory=_given("recency_days", "days", "gaps"),
        description="gaps (gap_multiples), fifths, or days (recency_days)",
    )
    orders: Positives | None = Field(None, description="such as [1, 2, 4, 9]: up to 1 order scores 1")
    frequency: Literal["repeat_quartiles", "fifths", "orders"] = Field(
        default_factory=_given("orders", "orders", "repeat_quartiles"),
        description="repeat_quartiles (one order scores 1), fifths, or orders",
    )
    money: Numbers | None = Field(None, description="such as [100, 300, 1000, 3000]: up to 100 scores 1")
    monetary: Literal["fifths", "money"] = Field(
        default_factory=_given("money", "money", "fifths"), description="fifths (of all customers), or money"
    )
    rules: tuple[RfmRule, ...] = Field(
        default_rules(), description="name and when, in order: the first that holds names the customer", min_length=1
    )

    @model_validator(mode="after")
    def _thresholds_ascend(self) -> "RfmSettings":
        for key, thresholds, word in THRESHOLDS:
            how, given = getattr(self, key), getattr(self, thresholds)
            if how == word and given is None:
                raise ValueError(f"{thresholds}: is required where rfm.{key} is {word}")
            if how != word and given is not None:
                raise ValueError(f"{thresholds}: is given, but rfm.{key} is {how!r}: leave out one of the two")
        for name in ("gap_multiples", *[thresholds for _, thresholds, _ in THRESHOLDS]):
            values = getattr(self, name)
            if values is not None and (len(values) != 4 or any(low >= high for low, high in pairwise(values))):
                numbers = ", ".join(f"{value:g}" for value in values)
                raise ValueError(f"{name}: must be four ascending numbers, got [{numbers}]")
        return self

    @model_validator(mode="after")
    def _rules_cover_all_scores_and_each_can_win(self) -> "RfmSettings":
        for number, rule in enumerate(self.rules):
            hiding = hidden_by(rule, self.rules[:number])
            if hiding:
                names = " and ".join(dict.fromkeys(repr(earlier.name) for earlier in hiding))
                raise ValueError(f"rules: {rule.name!r}, rule {number + 1}, never wins: {names} before it holds first")
        cell = uncovered(self.rules)
        if cell is not None:
            scores = ", ".join(f"{name} {score}" for name, score in zip(SCORES, cell, strict=True))
            raise ValueError(
                f"rules: none is sure to name a customer with {scores}: add a rule for these scores, or end with one "
                "that has no conditions"
            )
        return self


def hidden_by(rule: RfmRule, earlier: Sequence[RfmRule]) -> list[RfmRule]:
    """Return the earlier rules because of which a rule can never win; none where it can.

    A rule is hidden in a combination of scores by an earlier rule for it whose other conditions follow from its own.
    """
    hiding = {}
    implied = [other for other in earlier if _follows(other.other_conditions, rule.other_conditions)]
    for cell in rule.cells:
        first = next((position for position, other in enumerate(implied) if _holds_for(other, cell)), None)
        if first is None:
            return []
        hiding[first] = implied[first]
    return [hiding[position] for position in sorted(hiding)]


def uncovered(rules: Sequence[RfmRule]) -> Cell | None:
    """Return a combination of the three scores that no rule covers whatever the features are; None if there is none."""
    certain = [rule for rule in rules if not rule.other_conditions]
    return next(
        (
            cell
            for cell in product(range(5, 0, -1), repeat=len(SCORES))
            if not any(_holds_for(rule, cell) for rule in certain)
        ),
        None,
    )


def _closed(limits: tuple[Any, Any]) -> tuple[int, int]:
    low, high = limits
    return int(low or WHOLE_RANGE[0]), int(high or WHOLE_RANGE[1])


def _holds_for(rule: RfmRule, cell: Cell) -> bool:
    return all(low <= score <= high for score, (low, high) in zip(cell, rule.scores.values(), strict=True))


def _follows(wide: Mapping[str, tuple[float, float]], narrow: Mapping[str, tuple[float, float]]) -> bool:
    """Return whether whoever meets the narrow conditions meets the wide ones."""
    return all(key in narrow and low <= narrow[key][0] and narrow[key][1] <= high for key, (low, high) in wide.items())
