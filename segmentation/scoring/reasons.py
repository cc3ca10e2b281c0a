"""Say in a sentence why a customer has its scores and its name, from the customer's own figures."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from segmentation import schemas as s
from segmentation.config.rfm import TENURE_SCORE, RfmRule
from segmentation.scoring.scores import RULE_NUMBER, with_scores
from segmentation.scoring.words import ADJECTIVES, Words, symbol_of


def described_customers(customers: DataFrame, rules: Sequence[RfmRule], words: Words) -> DataFrame:
    """Add the scores, rfm_segment and reason to customer features, as of `with_scores` and `with_reason`."""
    return with_reason(with_scores(customers, words.figures, words.cuts, rules), rules, words)


def with_reason(scored: DataFrame, rules: Sequence[RfmRule], words: Words) -> DataFrame:
    """Add `reason` to customers with their scores: "12 orders and £4,120 that stayed; last order 9 days ago: …"."""
    figures = words.figures
    orders, spend = F.col(figures.orders), F.col(figures.spend)
    bought = F.concat(
        _counted(orders, "order"),
        F.lit(" and " if words.is_net else " for "),
        _money(spend, words.currency),
        F.lit(" that stayed" if words.is_net else ""),
    )
    scores = F.concat_ws(", ", *[_score(name, is_first=name == s.RECENCY_SCORE) for name in ADJECTIVES])
    last = F.concat(F.lit("last order "), _counted(F.col(figures.recency), "day"), F.lit(" ago: "))
    sentence = F.concat(bought, F.lit("; "), last, scores, _further_figures(rules, words), F.lit("."))
    nothing = F.concat(
        _money(F.col(s.TOTAL_SPEND), words.currency),
        F.lit(" bought in "),
        _counted(F.col(s.PURCHASE_FREQUENCY), "order"),
        F.lit("; all of it came back, so there is nothing to score."),
    )
    return scored.withColumn(s.REASON, F.when(orders > 0, sentence).otherwise(nothing))


def _score(name: str, is_first: bool) -> Column:
    words = F.element_at(F.array(*[F.lit(word) for word in ADJECTIVES[name]]), F.col(name))
    return F.concat(words, F.lit(" ("), F.col(name).cast("string"), F.lit(" of 5)" if is_first else ")"))


def _further_figures(rules: Sequence[RfmRule], words: Words) -> Column:
    """Return the figures that the customer's rule looks at and the sentence does not have yet."""
    tenure = F.concat(F.lit("; first order "), _counted(F.col(s.TENURE_DAYS), "day"), F.lit(" ago"))
    gap = F.round(F.col(s.AVERAGE_DAYS_BETWEEN_ORDERS)).cast("int")
    rhythm = F.concat(F.lit("; an order every "), F.when(gap == 1, F.lit("day")).otherwise(_counted(gap, "day")))
    asks_for_tenure = _rules_with({TENURE_SCORE, s.TENURE_DAYS}, rules)
    asks_for_rhythm = _rules_with({s.AVERAGE_DAYS_BETWEEN_ORDERS}, rules)
    nothing = F.lit("")
    return F.concat(
        F.when(F.col(RULE_NUMBER).isin(asks_for_tenure), tenure).otherwise(nothing),
        F.when(F.col(RULE_NUMBER).isin(asks_for_rhythm), rhythm).otherwise(nothing),
    )


def _rules_with(keys: set[str], rules: Sequence[RfmRule]) -> list[int]:
    return [number for number, rule in enumerate(rules) if keys & set(rule.when)]


def _counted(number: Column, noun: str) -> Column:
    return F.concat(F.format_number(number, 0), F.when(number == 1, F.lit(f" {noun}")).otherwise(F.lit(f" {noun}s")))


def _money(value: Column, currency: str) -> Column:
    """Write an amount as `words.amount` does: whole from 100 on."""
    size = F.abs(value)
    digits = F.when((size >= 99.995) | (size == F.round(size)), F.format_number(size, 0)).otherwise(
        F.format_number(size, 2)
    )
    return F.concat(F.when(value < 0, F.lit("-")).otherwise(F.lit("")), F.lit(symbol_of(currency)), digits)
