"""Score customers, name each by the first rule that holds, and say why in a sentence."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.base import RETURNED_EVERYTHING
from segmentation.config.rfm import ORDERS, RECENCY, SPEND, TENURE_SCORE, RfmRule
from segmentation.scoring.cuts import Cut, Cuts, Figures


def with_scores(customers: DataFrame, figures: Figures, cuts: Cuts, rules: Sequence[RfmRule]) -> DataFrame:
    """Add the scores and rfm_segment: one row per customer.

    Columns: recency_score, frequency_score, monetary_score int (1 to 5, 5 the best); rfm_segment string (the name of
    the first rule that holds). Customers of whom nothing stayed score 1 in all and are "Returned Everything".
    """
    stayed = F.col(figures.orders) > 0
    scores = {
        s.RECENCY_SCORE: lower_is_better(F.col(figures.recency), cuts.recency),
        s.FREQUENCY_SCORE: higher_is_better(F.col(figures.orders), cuts.frequency),
        s.MONETARY_SCORE: higher_is_better(F.col(figures.spend), cuts.monetary),
    }
    scored = customers.withColumns({name: F.when(stayed, score).otherwise(1) for name, score in scores.items()})
    names = first_that_holds([(rule_holds(rule, figures, cuts), F.lit(rule.name)) for rule in rules])
    return scored.withColumn(s.RFM_SEGMENT, F.when(~stayed, F.lit(RETURNED_EVERYTHING)).otherwise(names))


def higher_is_better(value: Column, cut: Cut) -> Column:
    """Return 1 plus the number of cuts below the value."""
    above = [F.when(value.cast("double") > F.lit(limit), 1).otherwise(0) for limit in cut.values]
    return reduce(lambda total, one: total + one, above, F.lit(1))


def lower_is_better(value: Column, cut: Cut) -> Column:
    """Return 5 less the number of cuts below the value."""
    return F.lit(6) - higher_is_better(value, cut)


def first_that_holds(cases: Sequence[tuple[Column, Column]]) -> Column:
    (condition, value), *others = cases
    return reduce(lambda chain, case: chain.when(*case), others, F.when(condition, value))


def rule_holds(rule: RfmRule, figures: Figures, cuts: Cuts) -> Column:
    """Return whether all conditions hold. A value that a customer lacks meets none."""
    counting = {RECENCY: figures.recency, ORDERS: figures.orders, SPEND: figures.spend}
    conditions = [F.lit(True)]
    for key, (low, high) in rule.when.items():
        if key == TENURE_SCORE:
            value = lower_is_better(F.col(s.TENURE_DAYS), cuts.recency)
        else:
            value = F.col(counting.get(key, key)).cast("double")
        conditions += [value >= F.lit(low)] if low is not None else []
        conditions += [value <= F.lit(high)] if high is not None else []
    return F.coalesce(reduce(lambda all_hold, condition: all_hold & condition, conditions), F.lit(False))
