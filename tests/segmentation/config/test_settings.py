"""Settings are validated, with messages that name key, value and remedy; they are immutable and comparable."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from segmentation import schemas as s
from segmentation.config.files import config_of, load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"
MINIMAL = {
    "input": {"columns": {field: field.title() for field in s.LINE_FIELDS}},
    "cleaning": {"date_formats": ["iso"]},
    "clustering": {"features": [{"feature": "total_spend"}]},
}


@pytest.fixture
def minimal(tmp_path: Path) -> str:
    """Return the path of a configuration that holds only the required keys."""
    path = tmp_path / "minimal.yaml"
    path.write_text(yaml.safe_dump(MINIMAL), encoding="utf-8")
    return str(path)


def test_a_key_that_is_not_written_has_its_documented_default(minimal: str):
    config = load_config(minimal)
    assert (config.input.format, config.input.sheets, config.input.csv.encoding) == ("auto", "all", "auto")
    cleaning = config.cleaning
    assert (cleaning.cancellation_prefixes, cleaning.first_day, cleaning.switched_off) == (("C",), None, ())
    assert (config.clustering.k, config.clustering.k_min, config.clustering.k_max) == ("auto", 1, 10)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        # An unknown key at every depth, with the nearest known one.
        ("clustering.kmax=3", "clustering.kmax is not a known key: did you mean 'k_max'?"),
        ("charts.zzz=1", "charts.zzz is not a known key: known are currency, customers_drawn"),
        (
            "clustering.features=[{feature: total_spend, trasform: log1p}]",
            "clustering.features.0.trasform is not a known key: did you mean 'transform'?",
        ),
        # The wrong type.
        ("report.suggestions=Call", "report.suggestions: should be a section with keys, got 'Call'"),
        ("report={suggestions: {New: 3}}", "report.suggestions.New: should be a valid string, got 3"),
        ("clustering.k_max=two", "clustering.k_max: should be a valid integer, got 'two'"),
        ("clustering.k=", "clustering.k: should be a valid integer or 'auto', 'elbow' or 'silhouette', got None"),
        ("input.sheets=3", "input.sheets: should be 'all' or a list, got 3"),
        ("cleaning.first_day=soon", "cleaning.first_day: should be a valid date, got 'soon'"),
        ("cleaning.first_day=2010-12-01 08:00:00", "cleaning.first_day: should be a valid date, got '2010-12-01T08"),
        # A value outside the allowed ones.
        (
            "clustering.k=1",
            "clustering.k: should be greater than or equal to 2 or 'auto', 'elbow' or 'silhouette', got 1",
        ),
        ("clustering.tolerance=.nan", "clustering.tolerance: should be a finite number, got nan"),
        ("input.csv.encoding=utf8", "should be 'auto', 'utf-8' or 'iso-8859-1', got 'utf8': did you mean 'utf-8'?"),
        ("cleaning.switched_off=[duplicat]", "got 'duplicat': did you mean 'duplicate'?"),
        ("clustering.features=[]", "clustering.features needs at least one entry"),
        (
            "clustering.features=[{feature: total_spend, winsorise: [0, 1.5]}]",
            "clustering.features.0.winsorise.1: should be less than or equal to 1, got 1.5",
        ),
        ("quality_gates.max_rejected_share=1.5", "quality_gates.max_rejected_share: should be less than or equal to 1"),
        # Values that contradict each other.
        ("clustering.k_min=11", "clustering.k_min must be at most k_max = 10, got 11"),
        (
            "clustering.features=[{feature: total_spend, winsorise: [0.9, 0.1]}]",
            "clustering.features.0.winsorise: the lower quantile must be below the upper, got [0.9, 0.1]",
        ),
        (
            "clustering.features=[{feature: total_spend}, {feature: total_spend}]",
            "clustering.features: 'total_spend' is listed twice",
        ),
        ("input.columns.country=Quantity", "input.columns.quantity and country both name the column 'Quantity'"),
        ("cleaning.switched_off=[malformed]", "cleaning.switched_off: the rule 'malformed' cannot be switched off"),
        (
            "cleaning.returns=[prefix, type]",
            "cleaning.returns: type needs the column with the type: set input.columns.l",
        ),
        ("input.columns.line_type=Type", "input.columns.line_type: set where cleaning.returns does not list type: add"),
        ("naming.rules=[{name: A}]", "naming.rules is not a known key: did you mean 'rfm.rules'?"),
        ("naming.min_share=0.3", "naming.min_share: should be greater than or equal to 0.5, got 0.3"),
    ],
)
def test_a_wrong_value_is_named_by_its_key_with_what_is_allowed(minimal: str, override: str, message: str):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        load_config(minimal, [override])
    assert minimal in str(caught.value)
    assert override in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        # Each of these would otherwise fail inside Spark or Python, long after the start.
        ('cleaning.sale_invoice_pattern="["', "cleaning.sale_invoice_pattern"),
        ('rollups.merchandise_pattern="(5"', "rollups.merchandise_pattern"),
        ("cleaning.date_formats=[iso, sometime soon]", "cleaning.date_formats"),
        ("input.csv.delimiter=tab", "input.csv.delimiter"),
        ("input.time_zone=Europe/Londn", "input.time_zone must be the name of a time zone"),
    ],
)
def test_a_pattern_that_would_fail_inside_spark_is_refused_before_the_run(minimal: str, override: str, key: str):
    with pytest.raises(ConfigError, match=re.escape(key)):
        load_config(minimal, [override])


def test_all_problems_are_reported_at_once(minimal: str):
    with pytest.raises(ConfigError) as caught:
        load_config(minimal, ["clustering.k_max=two", "charts.curency=$"])
    assert "clustering.k_max: should be a valid integer" in str(caught.value)
    assert "charts.curency is not a known key: did you mean 'currency'?" in str(caught.value)


def test_a_missing_section_and_fields_without_a_column_are_listed(tmp_path: Path):
    columns = {field: field for field in s.LINE_FIELDS if field != "customer_id"}
    path = tmp_path / "partial.yaml"
    path.write_text(yaml.safe_dump({"input": {"columns": columns}, "clustering": MINIMAL["clustering"]}))
    missing = r"input\.columns\.customer_id: is required and not set; cleaning: is required and not set"
    with pytest.raises(ConfigError, match=missing):
        load_config(str(path))


def test_settings_cannot_be_changed_once_loaded(minimal: str):
    config = load_config(minimal)
    with pytest.raises(ValidationError, match="frozen"):
        config.clustering.k = 5  # type: ignore[misc]
    with pytest.raises(TypeError, match="does not support item assignment"):
        config.clustering.features[0] = config.clustering.features[0]  # type: ignore[index]


def test_canonical_text_is_one_line_that_loads_back_to_the_same_settings(tmp_path: Path):
    config = load_config(str(CONF / "online_retail_rfm.yaml"), ["cleaning.first_day=2010-12-01"])
    assert "\n" not in config.canonical()
    assert RunConfig.model_validate_json(config.canonical()) == config


def test_a_suggestion_must_be_for_the_name_of_a_rule():
    rfm = str(CONF / "online_retail_rfm.yaml")
    with pytest.raises(
        ConfigError, match=r"no rule of rfm\.rules gives the name 'Champion': did you mean 'Champions'\?"
    ):
        load_config(rfm, ["report={suggestions: {Champion: Thank them.}}"])
    suggestion = "report={suggestions: {'Champions, Higher Spend': Thank them., All Customers: Wait.}}"
    assert load_config(rfm, [suggestion]).report.suggestions["Champions, Higher Spend"] == "Thank them."


def test_with_levels_a_suggestion_may_be_for_any_name(minimal: str):
    text = "report={suggestions: {'Our Best, As We Say': Call them.}}"
    levels = load_config(minimal, ["naming.scheme=levels", text])
    assert levels.report.suggestions == {"Our Best, As We Say": "Call them."}
    with pytest.raises(ConfigError, match="gives the name 'Our Best, As We Say'"):
        load_config(minimal, [text])
    shared = "report={suggestions: {'High Spend, Frequent': Call them.}}"
    assert "High Spend, Frequent" in load_config(minimal, [shared]).report.suggestions


def test_the_default_features_are_those_of_the_figures():
    document = {key: MINIMAL[key] for key in ("input", "cleaning")}
    net, gross = (config_of({**document, "figures": figures}, [], "test") for figures in ("net", "gross"))
    assert [clustered.feature for clustered in net.clustering.features] == ["net_spend", "net_orders"]
    assert [clustered.feature for clustered in gross.clustering.features] == ["total_spend", "purchase_frequency"]
    with pytest.raises(ConfigError, match=r"clustering\.features: net_spend is a net figure, and figures is gross"):
        config_of({**document, "figures": "gross", "clustering": {"features": [{"feature": "net_spend"}]}}, [], "test")
