"""A shop that is segmented night by night: which model scores, who moved and why, and two runs compared.

The figures are those of 200 days, so that customers leave, and orders become too old.
"""

import csv
import json
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.compare_runs import main as compare_runs
from jobs.expire_runs import main as expire_runs
from scripts.run_contents import manifest_of
from segmentation import schemas as s
from segmentation.lake.lineage import model_of
from segmentation.lake.runs import open_run
from tests.jobs.published_runs import left_over, rows_of, runs_in
from tests.jobs.running_jobs import QUICK, RFM_CONFIG, Done, RunJob, job_in
from tests.jobs.small_shop import Fields, SmallShop, customer_of, moment_of, write_csv

FIRST, SECOND, THIRD = date(2011, 9, 1), date(2011, 10, 1), date(2011, 11, 20)
RETURNED_ON = datetime(2011, 11, 5, 10)
SETTINGS = ("features.window_days=200", "clustering.k=3", *QUICK)
MOVE = ("previous_segment_id", "previous_segment_name", "segment_id", "segment_name")


@dataclass(frozen=True)
class Night:
    """A run of one day: how the job ended, its result, and the folder of the run."""

    done: Done
    result: Mapping[str, Any]
    run: Path

    @property
    def customers(self) -> dict[str, dict[str, Any]]:
        return {row[s.CUSTOMER_ID]: row for row in rows_of(self.run, "customer_segments")}


@dataclass(frozen=True)
class Nights:
    """The nights by their days, and who gave everything back before the third.

    The third ran before the second. The first, which fitted the model of the second, is gone since: its run is a copy.
    """

    lake: Path
    transactions: Path
    first: Night
    third: Night
    second: Night
    again: Night
    compared: Path
    gave_back: frozenset[str]


def taken_back(shop: SmallShop) -> tuple[list[Fields], frozenset[str]]:
    """Return lines by which some customers give back the one order that they made before the first night."""
    cancelled = {customer_of(line) for line in shop.lines if line.outcome == "cancellation"}
    of_one_order = [
        name
        for name, moment in shop.last_day.items()
        if shop.invoices[name] == 1 and datetime(2011, 6, 10) < moment < datetime(2011, 8, 31)
    ]
    customers = frozenset(sorted({*of_one_order} - cancelled)[:3])
    lines: list[Fields] = []
    for line in shop.clean:
        if customer_of(line) in customers:
            invoice, code, name, quantity, _, *rest = line.fields
            lines.append((f"C{invoice}", code, name, f"-{quantity}", f"{RETURNED_ON:%m/%d/%Y %H:%M}", *rest))
    return lines, customers


@pytest.fixture(scope="module")
def nights(
    spark: SparkSession, run_job: RunJob, small_shop: SmallShop, tmp_path_factory: pytest.TempPathFactory
) -> Nights:
    folder = tmp_path_factory.mktemp("nights")
    lake, result = folder / "lake", folder / "result.json"
    lines, gave_back = taken_back(small_shop)
    transactions = write_csv([*small_shop.texts, *lines], folder / "transactions.csv")

    def night(day: date, *more: str) -> Night:
        command = ("--config", RFM_CONFIG, "--input", transactions, "--output", lake, "--as-of", day, *more)
        done = run_job(*command, "--result", result, "--set", *SETTINGS)
        assert done.code == 0, done.stderr
        written = json.loads(result.read_text())
        return Night(done, written, Path(written["path"]))

    first, third = night(FIRST), night(THIRD, "--refit")
    second, again = night(SECOND, "--rename"), night(SECOND, "--rename")
    compared = folder / "compared"
    ids = (third.result["run_id"], first.result["run_id"])
    done = job_in(spark, compare_runs)(lake, *ids, "--output", compared, "--quiet")
    assert (done.code, done.output) == (0, "")
    copied = replace(first, run=shutil.copytree(first.run, folder / first.run.name))
    expired = job_in(spark, expire_runs)(lake, "--keep", "2", "--older-than", "0m", "--apply")
    assert expired.code == 0, expired.stderr
    return Nights(lake, transactions, copied, third, second, again, compared, gave_back)


def test_the_first_night_fits_and_the_next_is_scored_by_its_model(nights: Nights):
    first, second = nights.first.result, nights.second.result
    why = "the lake had no run of these settings as of an earlier day"
    assert first["model"] == {
        "fitted_in": first["run_id"], "fitted_as_of": FIRST.isoformat(), "is_fitted": True, "why": why
    }  # fmt: skip
    assert (first["predecessor"], first["changes"]) == (None, None)
    assert second["model"]["fitted_in"] == second["predecessor"] == first["run_id"]
    assert not second["model"]["is_fitted"]
    assert second["model"]["why"] == "it is 30 days old, and customers have not drifted"
    assert f"Model: scored by the model that run {first['run_id']} fitted as of {FIRST}" in nights.second.done.stdout
    assert f"Since {FIRST} (run {first['run_id']}): " in nights.second.done.stdout
    assert {row["fitted_in"] for row in rows_of(nights.second.run, "k_sweep")} == {first["run_id"]}
    assert not (nights.first.run / "exports" / "changes.csv").exists()
    assert rows_of(nights.first.run, "segment_changes") == rows_of(nights.first.run, "segment_flow") == []
    for row in nights.first.customers.values():
        assert (row["previous_segment_id"], row["changed"], row["segment_since"]) == (None, False, FIRST)


def test_the_report_names_its_run_the_model_and_who_moved(nights: Nights):
    before = nights.first.result["run_id"]
    scored = f"Scored by the model that run {before} fitted as of 1 September 2011, because it is 30 days old"
    fitted = "The model was fitted in this run, because a new model was asked for."
    for night, model in ((nights.second, scored), (nights.third, fitted)):
        page = (night.run / "report" / "index.html").read_text(encoding="utf-8")
        assert f"<dt>Run</dt><dd>{night.result['run_id']}</dd>" in page
        assert model in page
        assert (night.run / "charts" / "flow.png").is_file()
    assert f"Since 1 September 2011 (run {before}), " in page
    assert "Figures of the 200 days from 4 May 2011." in page
    first = (nights.first.run / "report" / "index.html").read_text(encoding="utf-8")
    assert "The lake had no run of these settings as of an earlier day" in first


def test_the_same_night_again_is_found_published_with_what_moved(nights: Nights):
    again, second = nights.again.result, nights.second.result
    assert (again["status"], again["run_id"]) == ("already_published", second["run_id"])
    assert {name: again[name] for name in ("model", "predecessor", "changes")} == {
        name: second[name] for name in ("model", "predecessor", "changes")
    }
    assert left_over(nights.lake) == []


def test_a_past_day_takes_the_model_of_then_and_keeps_it_when_the_run_that_fitted_it_is_gone(
    nights: Nights, spark: SparkSession
):
    second, third = nights.second.result, nights.third.result
    assert (third["predecessor"], third["model"]["fitted_in"]) == (nights.first.result["run_id"], third["run_id"])
    assert nights.first.result["run_id"] not in runs_in(nights.lake)
    run = open_run(spark, str(nights.lake), second["run_id"])
    again = model_of(run).assign(run.table("customer_segments").select(*s.CUSTOMER_FEATURES.names), s.NET)
    found = {row[s.CUSTOMER_ID]: row[s.SEGMENT_NAME] for row in again.collect()}
    assert found == {name: row["segment_name"] for name, row in nights.second.customers.items()}
    profiles = rows_of(nights.second.run, "segment_profiles")
    assert [row["segment_name"] for row in profiles] == [row["suggested_name"] for row in profiles], "by --rename"
    assert manifest_of(nights.second.run)["first_day_of_window"] == "2011-03-15"


@pytest.mark.parametrize(("before", "after"), [("first", "second"), ("first", "third")])
def test_customers_changes_and_flow_agree_with_both_runs(before: str, after: str, nights: Nights):
    then, now = getattr(nights, before), getattr(nights, after)
    for customer_id, row in now.customers.items():
        was = then.customers.get(customer_id, {})
        assert [row[f"previous_{name}"] for name in ("segment_id", "segment_name", "rfm_segment")] == [
            was.get(name) for name in ("segment_id", "segment_name", "rfm_segment")
        ]
        stays = was.get("segment_id") == row["segment_id"]
        assert row["changed"] == (bool(was) and not stays)
        assert row["segment_since"] == (was["segment_since"] if stays else row["as_of"])
    changes = {row["customer_id"]: row for row in rows_of(now.run, "segment_changes")}
    assert {name for name, row in changes.items() if row["kind"] == "entered"} == {*now.customers} - {*then.customers}
    assert {name for name, row in changes.items() if row["kind"] == "left"} == {*then.customers} - {*now.customers}
    assert {name for name, row in changes.items() if row["kind"] == "moved"} == {
        name for name, row in now.customers.items() if row["changed"]
    }
    assert {row["cause"] for row in changes.values() if row["kind"] != "moved"} <= {"purchase", "ageing"}
    assert {row["kind"] for row in changes.values()} == {"moved", "entered", "left"}

    flow = rows_of(now.run, "segment_flow")
    for night, column, spend in ((then, MOVE[0], "net_spend_before"), (now, MOVE[2], "net_spend_after")):
        of_run = [row for row in flow if row[column] is not None]
        assert sum(row["customers"] for row in of_run) == len(night.customers)
        assert sum(row[spend] for row in of_run) == sum(row["net_spend"] for row in night.customers.values())
        assert Decimal(manifest_of(night.run)["reconciliation"]["net_spend"]) == sum(row[spend] for row in of_run)
    figures = now.result["changes"]
    moved = [row["cause"] for row in changes.values() if row["kind"] == "moved"]
    assert figures["moved"] == {cause: moved.count(cause) for cause in ("purchase", "ageing", "refit")}

    path = now.run / "exports" / "changes.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8", newline="") as file:
        listed = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert {name: (row["kind"], row["segment_name"]) for name, row in listed.items()} == {
        name: (row["kind"], row["segment_name"] or "") for name, row in changes.items()
    }


def test_every_move_of_a_refit_has_the_cause_that_both_models_give(
    nights: Nights, small_shop: SmallShop, spark: SparkSession
):
    lake = str(nights.lake)
    now, features = nights.third.customers, list(s.CUSTOMER_FEATURES.names)
    customers = open_run(spark, lake, nights.third.result["run_id"]).table("customer_segments").select(*features)
    by_model = {}
    # The second night has the model of the first.
    for night in (nights.second, nights.third):
        model = open_run(spark, lake, night.result["run_id"]).model()
        rows = model.transform(customers).select(s.CUSTOMER_ID, s.SEGMENT_ID).collect()
        by_model[night.result["run_id"]] = {row[s.CUSTOMER_ID]: row[s.SEGMENT_ID] for row in rows}
    before, after = (by_model[night.result["run_id"]] for night in (nights.second, nights.third))
    assert after == {name: row["segment_id"] for name, row in now.items()}

    bought = {customer_of(line) for line in small_shop.lines if line.outcome in ("clean", "cancellation") and
              FIRST <= moment_of(line).date() < THIRD}  # fmt: skip
    expected = {
        name: "purchase" if name in bought | nights.gave_back else "ageing" if before[name] == after[name] else "refit"
        for name, row in now.items()
        if row["changed"]
    }
    changes = rows_of(nights.third.run, "segment_changes")
    assert {row["customer_id"]: row["cause"] for row in changes if row["kind"] == "moved"} == expected
    assert {*expected.values()} == {"purchase", "ageing", "refit"}
    assert nights.gave_back & {*expected} - bought


def test_two_nights_that_follow_each_other_compare_as_the_later_one_says(nights: Nights):
    for table in ("segment_changes", "segment_flow"):
        own, compared = rows_of(nights.third.run, table), rows_of(nights.compared, table)
        assert sorted(compared, key=repr) == sorted(own, key=repr)
    files = [nights.compared / "changes.csv", nights.third.run / "exports" / "changes.csv"]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in nights.compared.rglob("*") if path.is_file()} == {0o600}
    assert sorted(path.name for path in nights.compared.parent.glob("compared*")) == ["compared"]


def test_any_two_nights_are_compared_in_the_order_of_their_days(nights: Nights, spark: SparkSession, tmp_path: Path):
    compare, second, third = job_in(spark, compare_runs), nights.second.result, nights.third.result
    done = compare(nights.lake, third["run_id"], second["run_id"], "--output", tmp_path / "flow")
    assert done.code == 0, done.stderr
    assert done.stdout.startswith(f"From run {second['run_id']} as of {SECOND} to run {third['run_id']} as of {THIRD}")
    flow = rows_of(tmp_path / "flow", "segment_flow")
    for night, column, spend in (
        (nights.second, MOVE[0], "net_spend_before"),
        (nights.third, MOVE[2], "net_spend_after"),
    ):
        of_run = [row for row in flow if row[column] is not None]
        assert sum(row["customers"] for row in of_run) == len(night.customers)
        assert sum(row[spend] for row in of_run) == sum(row["net_spend"] for row in night.customers.values())
    again = compare(nights.lake, third["run_id"], third["run_id"], "--output", tmp_path / "same")
    assert "Nobody entered, left or moved to another segment." in again.stdout
    assert rows_of(tmp_path / "same", "segment_changes") == []
    existing = compare(nights.lake, third["run_id"], third["run_id"], "--output", tmp_path / "same")
    assert (existing.code, existing.stderr.count("exists: name a new folder")) == (2, 1)


def test_runs_of_two_configurations_are_not_compared(nights: Nights, spark: SparkSession):
    other = nights.lake / "runs" / "run_id=other"
    shutil.copytree(nights.third.run, other)
    manifest = manifest_of(other)
    configuration = {**manifest["configuration"], "title": "Other shop"}
    of_other = {"title": "Other shop", "lineage": "other", "configuration": configuration}
    (other / "manifest.json").write_text(json.dumps({**manifest, **of_other}))
    done = job_in(spark, compare_runs)(nights.lake, nights.third.result["run_id"], "other")
    shutil.rmtree(other)
    assert done.code == 2
    assert (
        f"('{manifest['title']}') and other ('Other shop') cannot be compared: they differ in title: name"
        in done.stderr
    )


def test_a_model_of_another_configuration_is_refused(nights: Nights, run_job: RunJob):
    model = nights.third.result["run_id"]
    command = ("--config", RFM_CONFIG, "--input", nights.transactions, "--output", nights.lake, "--model", model)
    done = run_job(*command, "--set", *SETTINGS, "clustering.k=2")
    assert (done.code, done.stderr.count(f"--model {model}: that run has other settings (clustering.k)")) == (2, 1)
