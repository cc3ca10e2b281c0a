"""Score customers, name each by the first rule that holds, and say why in a sentence."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.rfm import ORDERS, RECENCY, SPEND, TENURE_SCORE, RfmRule
from segmentation.scoring.cuts import Cut, Cuts

RULE_NUMBER = "rule_number"


def with_scores(customers: DataFrame, figures: s.Figures, cuts: Cuts, rules: Sequence[RfmRule]) -> DataFrame:
    """Add the scores and rfm_segment: one row per customer.

    Columns: recency_score, frequency_score, monetary_score int (1 to 5, 5 the best); rule_number int (the position of
    the first rule that holds); rfm_segment string (its name). Customers of whom nothing stayed score 1 in all and are
    "Returned Everything".
    """
    stayed = F.col(figures.orders) > 0
    scores = {
        s.RECENCY_SCORE: lower_is_better(F.col(figures.recency), cuts.recency),
        s.FREQUENCY_SCORE: higher_is_better(F.col(figures.orders), cuts.frequency),
        s.MONETARY_SCORE: higher_is_better(F.col(figures.spend), cuts.monetary),
    }
    scored = customers.withColumns({name: F.when(stayed, score).otherwise(1) for name, score in scores.items()})
    numbered = scored.withColumn(RULE_NUMBER, _first_that_holds(rules, figures, cuts))
    name = F.get(F.array(*[F.lit(rule.name) for rule in rules]), F.col(RULE_NUMBER))
    return numbered.withColumn(s.RFM_SEGMENT, F.when(stayed, name).otherwise(F.lit(s.RETURNED_EVERYTHING)))


def higher_is_better(value: Column, cut: Cut) -> Column:
    """Return 1 plus the number of cuts below the value."""
    above = [F.when(value.cast("double") > F.lit(limit), 1).otherwise(0) for limit in cut.values]
    return reduce(lambda total, one: total + one, above, F.lit(1))


def lower_is_better(value: Column, cut: Cut) -> Column:
    """Return 5 less the number of cuts below the value."""
    return F.lit(6) - higher_is_better(value, cut)


def _first_that_holds(rules: Sequence[RfmRule], figures: s.Figures, cuts: Cuts) -> Column:
    """Return the position of the first rule of which all conditions hold."""
    counting = {RECENCY: figures.recency, ORDERS: figures.orders, SPEND: figures.spend}
    keys = {key for rule in rules for key in rule.when}
    values = {key: F.col(counting.get(key, key)).cast("double") for key in sorted(keys - {TENURE_SCORE})}
    values[TENURE_SCORE] = lower_is_better(F.col(s.TENURE_DAYS), cuts.recency)

    def number(of_customer: Column) -> Column:
        return F.coalesce(*[F.when(_holds(rule, of_customer), F.lit(place)) for place, rule in enumerate(rules)])

    # Within a lambda each value is computed once. Spark would put its expression in place of each use of a column, and
    # the rules use the scores dozens of times: more code than the JVM compiles.
    bound = F.array(F.struct(*[value.alias(key) for key, value in values.items()]))
    return F.get(F.transform(bound, number), F.lit(0))


def _holds(rule: RfmRule, of_customer: Column) -> Column:
    """Return whether all conditions of a rule hold. A value that a customer lacks meets none."""
    conditions = [F.lit(True)]
    for key, (low, high) in rule.when.items():
        conditions += [of_customer[key] >= F.lit(low)] if low is not None else []
        conditions += [of_customer[key] <= F.lit(high)] if high is not None else []
    return F.coalesce(reduce(lambda all_hold, condition: all_hold & condition, conditions), F.lit(False))
