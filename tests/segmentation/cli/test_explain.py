"""`--explain` describes a configuration completely, in words, within 80 columns."""

from datetime import date
from pathlib import Path

import pytest

from segmentation import schemas as s
from segmentation.cli.explain import explanation_of
from segmentation.config.files import load_config

ROOT = Path(__file__).resolve().parents[3]
CLASSIC, RFM = str(ROOT / "conf/online_retail.yaml"), str(ROOT / "conf/online_retail_rfm.yaml")


def explained(path: str, *overrides: str, as_of: date | None = None) -> str:
    return explanation_of(load_config(path, overrides), ["a.csv", "b.csv"], "lake", as_of)


def entry(text: str, label: str) -> str:
    """Return the text of a label on one line."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"  {label}"))
    parts = [lines[start][2 + len(label) :].strip()]
    for line in lines[start + 1 :]:
        if not line.startswith(" " * 26):
            break
        parts.append(line.strip())
    return " ".join(parts).strip()


def test_the_rules_are_listed_in_order_with_those_that_are_switched_off():
    text = explained(
        CLASSIC, "cleaning.switched_off=[duplicate]", "cleaning.first_day=2010-12-05", as_of=date(2011, 9, 1)
    )
    assert entry(text, s.INVOICE_NO) == "<- InvoiceNo"
    positions = [text.index(f"\n  {number} {rule}") for number, rule in enumerate(s.RULE_NAMES, start=1)]
    assert positions == sorted(positions)
    assert entry(text, "7 duplicate") == "switched off"
    assert entry(text, "2 cancellation") == "rejects: the invoice begins with C"
    assert entry(text, "6 out_of_period") == "rejects: before 2010-12-05, or on or after 2011-09-01"


def test_what_the_input_does_not_have_is_explained():
    text = explained(CLASSIC, "input.columns.country=null", "input.columns.stock_code=null")
    assert entry(text, "country") == "not in the input: no tables country_sales and country_segments"
    assert entry(text, "7 duplicate").startswith("off: without invoice number or stock code, two equal lines may be")
    assert "country_sales" not in entry(text, "tables")


def test_the_model_policy_is_explained():
    text = explained(CLASSIC, "model.max_age_days=28", "features.window_days=365")
    assert entry(text, "model.refit").startswith("auto: the model of the run before scores the customers until")
    assert entry(text, "too old") == "fitted as of more than 28 days before"
    assert entry(text, "a new model") == "is taken unless it moves more than 5 % of the customers without a new line"
    assert entry(text, "lines that count") == "those of the 365 days before the day of the run"
    assert "too old" not in explained(CLASSIC, "model.refit=always")


def test_features_are_listed_with_their_transformations():
    text = explained(
        CLASSIC, "clustering.features=[{feature: return_rate, transform: log1p, winsorise: [0, 0.99], scale: robust}]"
    )
    assert entry(text, "return_rate") == (
        "log(1 + x); limited to its quantiles 0 and 0.99; robust: minus the median, divided by the interquartile range"
    )


@pytest.mark.parametrize(
    ("overrides", "tried", "chosen"),
    [
        ([], "1 to 10", "the elbow: the k farthest below the chord"),
        (["clustering.k=auto"], "1 to 10", "the most segments that come back"),
        (["clustering.k=silhouette", "clustering.k_min=3"], "3 to 10", "the best silhouette"),
        (["clustering.k=14"], "1 to 14", "14, as the configuration says"),
    ],
)
def test_the_range_of_k_and_how_it_is_chosen_are_explained(overrides: list[str], tried: str, chosen: str):
    text = explained(CLASSIC, *overrides)
    assert entry(text, "k tried") == tried
    assert entry(text, "k chosen").startswith(chosen)


def test_scores_rules_and_quality_gates_are_listed():
    text = explained(RFM, "quality_gates.max_rejected_share=0.1", "quality_gates.min_customers=5")
    assert entry(text, "5 Champions") == "recency_score 4 to 5, frequency_score 5, monetary_score 5"
    assert entry(text, "1 New") == "tenure_score 4 to 5, orders up to 2"
    assert entry(text, "frequency_score") == "1 for one order, 2 to 5 by quarters of the repeat buyers"
    assert "cut at 30, 60, 120, 240" in entry(explained(RFM, "rfm={recency_days: [30, 60, 120, 240]}"), "recency_score")
    assert (entry(text, "max_rejected_share"), entry(text, "min_customers")) == ("0.1", "5")
    assert "every run that passes its audit" in explained(RFM)


def test_it_fits_80_columns_and_nothing_in_it_acts_on_a_terminal():
    features = ", ".join(
        f"{{feature: {feature}, transform: log1p, winsorise: [0.01, 0.99]}}" for feature in s.CLUSTERABLE_FEATURES
    )
    texts = (r'title="Shop \e[2J"', r'charts.currency="\e[31m"')
    for text in (
        explained(CLASSIC, "figures=net", f"clustering.features=[{features}]", *texts),
        explained(RFM),
    ):
        assert max(map(len, text.splitlines())) <= 80
        assert "\x1b" not in text
