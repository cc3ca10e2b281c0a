"""What Java or Spark parses is tried before the input is looked at; what surely fails, when it is loaded."""

import re
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from segmentation.config.engine import require_readable, values_read_by_engines
from segmentation.config.files import flow, load_config
from segmentation.config.settings import RunConfig
from segmentation.errors import ConfigError

CLASSIC = str(Path(__file__).resolve().parents[3] / "conf" / "online_retail.yaml")
INVOICE, GOODS, DATES = "cleaning.sale_invoice_pattern", "rollups.merchandise_pattern", "cleaning.date_formats"


def with_values(**values: str | list[str]) -> RunConfig:
    """Return a configuration with `invoice`, `goods` and `dates` in it."""
    keys = {"invoice": INVOICE, "goods": GOODS, "dates": DATES}
    return load_config(CLASSIC, [f"{keys[name]}={flow(value)}" for name, value in values.items()])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"{INVOICE}='(?P<number>[0-9]+)'", f"{INVOICE} must be a regular expression of Java, got"),
        (f"{INVOICE}='(?P<number>[0-9]+)'", "Java writes a named group (?<name>…)"),
        (f"{GOODS}='^(a)?(?(1)b|c)'", "Java has no conditions"),
        (f'{DATES}=["yyyy-MM-dd\'"]', f"{DATES}.0 must close every quote"),
        (f"{DATES}=[iso, yyyy-MM-ddTHH:mm]", f"{DATES}.1 must have letters that stand for themselves in quotes"),
        ("input.csv.delimiter='\\'", "input.csv.delimiter: should be 'auto' or one character other than a quote"),
        ("cleaning.first_day=0001-01-01", "cleaning.first_day must be a day from 1900-01-01 to 2999-12-31, got 0001"),
        ("cleaning.first_day=9999-12-31", "cleaning.first_day must be a day from 1900-01-01 to 2999-12-31, got 9999"),
        ("quality_gates.max_rows_change=.inf", "quality_gates.max_rows_change: should be a finite number, got inf"),
        ('title="\\ud83d"', "has text that is no Unicode: '\\ud83d'"),
        ("title=\udcff", "is not valid YAML: unacceptable character"),
        ("title=&a [*a]", "has a value inside itself, or too many levels"),
        ("title=" + "[" * 5_000, "has too many levels"),
        ("report={suggestions: {A: x, A: y}}", "is not valid YAML at line 1, column 22: 'A' is set twice"),
    ],
    ids=lambda text: text[:40].encode("ascii", "backslashreplace").decode(),
)
def test_what_no_engine_reads_is_refused_when_it_is_loaded(override: str, message: str):
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        load_config(CLASSIC, [override])
    assert "\n" not in str(refused.value)


def test_a_key_that_is_there_twice_is_refused_but_a_merge_is_not(tmp_path: Path):
    text = Path(CLASSIC).read_text(encoding="utf-8")
    (tmp_path / "twice.yaml").write_text(text + "\ntitle: again\n")
    with pytest.raises(ConfigError, match="'title' is set twice"):
        load_config(str(tmp_path / "twice.yaml"))
    assert load_config(CLASSIC, ["charts={<<: {currency: $}, customers_drawn: 100}"]).charts.currency == "$"


def test_every_pattern_and_format_of_the_configuration_is_tried():
    tried = {key for key, _, _ in values_read_by_engines(load_config(CLASSIC))}
    assert tried == {INVOICE, GOODS, DATES}


def test_what_java_reads_passes_though_python_does_not(spark: SparkSession):
    dates = ["iso", "excel", "M/d/yyyy[ H:mm[:ss]]", "yyyy-MM-dd'T'HH:mm:ss.SSS", "d.M.yyyy h:mm a"]
    for pattern in (r"^(?<number>\p{Nd}+)", "^[0-9]++[A-Z]?", r"(?<=[0-9]{1,3})\R?$", r"\Q(x\E"):
        require_readable(spark, with_values(invoice=pattern, dates=dates), date(2011, 12, 10))


def test_all_that_java_or_spark_does_not_read_is_named_by_its_key(spark: SparkSession):
    config = with_values(invoice="[0-9]{,5}", goods="[[]", dates=["iso", "yyyy-MM-dd]", "yyyyyyyyyyyyyyyyyyyy-M-d"])
    with pytest.raises(ConfigError) as refused:
        require_readable(spark, config, date(1, 1, 1))
    message = str(refused.value)
    assert "as_of must be a day from 1900-01-01 to 2999-12-31, got 0001-01-01; " in message
    for key, value in ((INVOICE, "[0-9]{,5}"), (GOODS, "[[]"), (DATES, "yyyy-MM-dd]"), (DATES, "yyyyyyyyyyyyyyyy")):
        assert f"{key}: Spark cannot read '{value}" in message
    assert "\n" not in message
