"""The page holds every figure, shows every text literally, needs no network, and stays small for any data."""

import base64
import hashlib
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from segmentation.clustering.choose_k import Choice
from segmentation.lake.manifest import code_version
from segmentation.report.aggregates import LARGEST_SHOWN
from segmentation.report.marks import NOTHING_STAYED, SEGMENT_MARKS, SHAPES
from segmentation.report.page import render
from tests.segmentation.report.sample_report import (
    CLASSIC,
    HOSTILE,
    ROOT,
    SMALL_CHARTS,
    Page,
    config,
    page_of,
    profiles_of,
    report_data,
    run_details,
)


@pytest.fixture(scope="module")
def html() -> str:
    return render(report_data(), SMALL_CHARTS, run_details())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


# ---- the sections ----


def test_the_answer_comes_first_with_its_caveat(page: Page):
    assert (
        "4,338 customers spent £8,887,209 between 1 December 2010 and 9 December 2011; no return was matched to a "
        "purchase. They form four segments by total spend and number of orders; the largest, Low Spend, Low Frequency, "
        "holds 4,087 customers (94 %). 6 customers, 0.1 %, bring 13 % of revenue: High Spend, Low Frequency."
    ) in page.text
    assert "Before you act on it" not in page.text
    returned = profiles_of(CLASSIC, ["0", "0", "0", "168469.60"])
    orders = [{"segment_id": 4, "returned": Decimal("168469.60"), "revenue": Decimal("168469.60")}]
    warned = page_of(profiles=returned, returned_orders=orders, config=config("figures=gross")).text
    caveat = "Before you act on it Returns decide High Spend, Low Frequency (6 customers): £168,470 of £1,144,851"
    assert warned.index("bring 11 % of revenue") < warned.index(caveat) < warned.index("Typical customer")


def test_a_constructed_division_is_a_caveat_and_others_are_a_verdict():
    words = "Not all of these segments come back when customers are drawn anew"
    constructed = page_of(choice=Choice(4, "elbow", 4, "the elbow", "constructed", words)).text
    assert f"Before you act on it {words}." in constructed
    natural = page_of(choice=Choice(4, "auto", 4, "k = 4 is stable", "natural", "The groups are really there")).text
    assert "Before you act" not in natural
    assert natural.count("The groups are really there.") == 2, "under the answer and where k is explained"


def test_the_summary_has_sizes_money_what_to_do_and_the_list(page: Page):
    linked = page_of(lists={1: "low.csv", 2: "b.csv", 3: "c.csv", 4: "d.csv"})
    row = linked.table_with("What to do")[1]
    assert [cell.strip() for cell in row[:3]] == ["Low Spend, Low Frequency", "4,087 94 %", "£4,462,317 50 %"]
    assert row[3] == "£546, 1 order, last 1 day ago"
    assert row[4].startswith("Keep contact automatic")
    assert row[5] == "CSV"
    assert "../exports/low.csv" in [link["href"] for link in linked.attributes("a")]
    assert len(page.table_with("What to do")[1]) == 5, "without lists there is no column of them"


def test_the_money_of_customers_is_shown_with_that_of_guests(page: Page):
    assert "Customers bought for £8,887,209 of which stayed £8,887,209 Net revenue with guests' £1,833" in page.text
    assert "Shares of revenue are of the customers' revenue: guests' sales, those without a customer id" in page.text


def test_gross_figures_have_the_net_ones_next_to_them():
    page = page_of(profiles=profiles_of(CLASSIC, ["0", "0", "0", "100000"]), config=config("figures=gross"))
    assert "£1,044,851 after returns" in page.table_with("What to do")[3][2]


def test_a_segment_has_a_card_with_all_its_figures(page: Page):
    assert "237 customers, 5.5 % £2,839,245, 32 % of revenue" in page.text
    assert "A typical customer spent £5,990 over 2 orders, the last 2 days ago." in page.text
    typical = next(table for table in page.tables if table[0][0] == "Typical customer")
    assert typical[0] == ["Typical customer", "Median", "Middle half", "Median of all"]
    assert "Where they buy United Kingdom <0.1 % of its purchases" in page.text
    assert "CAKESTAND 22000 · by <0.1 % of them, 2.8 times as often as by others" in page.text
    assert "What to do Keep contact automatic and at low cost" in page.text


def test_a_name_without_a_suggestion_is_shown_so():
    page = page_of(segments=[("Brand New Name", 5, "10")])
    assert "What to do Nothing is configured for this name; report.suggestions takes a text." in page.text
    assert "What sets it apart" not in page.text, "one segment is not compared with itself"


def test_the_names_by_habit_come_with_what_to_do(page: Page):
    rows = page.table_with("Who they are")
    assert [row[0] for row in rows] == ["Name", "Champions", "Lost"]
    assert rows[1][2] == "£4,000 80 %"
    assert rows[1][5].startswith("Thank them")


def test_the_choice_of_k_names_the_measures_that_disagree(page: Page):
    assert (
        "The methods disagree: the elbow would choose k = 4, the silhouette would choose k = 2, Davies–Bouldin would "
        "choose k = 2 and Calinski–Harabasz would choose k = 10; k = 4 was chosen."
    ) in page.text
    assert [row[2] for row in page.table_with("Would choose k")[1:]] == ["4", "2", "2", "10"]
    sweep = page.table_with("Silhouette")
    assert sweep[1] == ["1", "9k", "–", "–", "–", "–", "–", "100 %", ""]
    assert sweep[4] == ["4", "2.2k", "0.880", "0.400", "4k", "0.810", "0.900", "25 %", "chosen"]


def test_goods_are_ranked_and_the_rest_is_a_line_of_its_own(page: Page):
    assert "A: the products that together make the first 80 % of revenue, at least one (1); B: to 95 % (" in page.text
    products = page.table_with("Product")
    assert [row[1] for row in products[1:]][:2] == ["CAKESTAND 22000", "LANTERN 22002"]
    assert products[3][1] == "No merchandise: postage, fees and the like, 1 code"
    assert products[3][2] == "£500"
    assert products[4][1:3] == ["In all", "£1,833"]


def test_shares_of_a_few_customers_are_not_shown(page: Page):
    countries = page.table_with("Country")
    assert countries[1][-1].startswith("22 % Low Spend")
    assert countries[3][-1] == "fewer than 20 customers"


def test_the_waterfall_has_a_row_per_rule(page: Page):
    lines = [row[1] for row in page.table_with("Lines")[1:]]
    assert lines == ["541,909", "0", "9,288", "3", "1,336", "1,179", "0", "5,226", "132,185", "392,692"]
    assert "C53••• 22423 CAKESTAND -1 12/1/2010 9:41 27.50 ••• United Kingdom" in page.text


def test_the_run_section_says_how_the_run_was_made(page: Page):
    for text in (
        "Run 8130dbee145b",
        "Input 1 file, 7.5 MB",
        "Began 25 November 2026, 19:18 UTC",
        "0.1.0+abc, Spark 4.3.0",
        "Cleaning the lines 12.3 s",
        "Auditing 8 min 17 s",
        "customer_id: CustomerID",
        "Warnings None.",
        "spark-submit jobs/segment_customers.py --config conf/online_retail.yaml --input lines.csv",
    ):
        assert text in page.text


def test_secrets_are_masked_and_warnings_escaped():
    path = "s3a://key:c4nary@bucket/a.csv?sig=c4nary"
    files = {"files": [{"path": path, "bytes": 1, "format": "csv"}] * 25}
    details = run_details(
        facts=run_details().facts | {"input": files},
        command="x --conf a.secret=c4nary",
        warnings=["a.csv <b>is</b> empty"],
    )
    html = render(report_data(), {}, details)
    assert "c4nary" not in html
    text = Page(html).text
    assert "s3a://***@bucket/a.csv?sig=***" in text
    assert "and 5 more files, all named in manifest.json" in text
    assert "a.csv <b>is</b> empty" in text


# ---- the page ----


def test_the_page_is_self_contained_with_a_strict_policy(html: str, page: Page):
    policy = str(page.attributes("meta")[1]["content"])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for name, rule in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(page.raw[name].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert "unsafe" not in policy
    attributes = [pair for _, attributes in page.elements for pair in attributes.items()]
    links = [str(value) for name, value in attributes if name in ("src", "href")]
    assert [link for link in links if not link.startswith(("#", "data:image/svg+xml,", "../exports/"))] == []
    assert [name for name, _ in attributes if name == "style" or name.startswith("on")] == []
    assert "url(" not in page.raw["style"]
    assert "@import" not in page.raw["style"]
    assert html == render(report_data(), SMALL_CHARTS, run_details())


def test_every_id_is_unique_and_every_link_has_a_target(page: Page):
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for attributes in page.attributes("a") if str(attributes["href"])[0] == "#"}
    for attribute in ("aria-labelledby", "for"):
        targets |= {str(attributes[attribute]) for _, attributes in page.elements if attribute in attributes}
    assert targets - set(ids) == set()


def test_the_page_does_without_any_of_its_charts():
    data, details = report_data(), run_details()
    for charts in ({}, SMALL_CHARTS):
        drawn = [svg for svg in Page(render(data, charts, details)).attributes("svg") if svg.get("class") == "chart"]
        assert len(drawn) == 2 * len(charts), "for wide and for narrow windows"


def test_the_page_is_made_for_every_configuration():
    for file in ("online_retail.yaml", "online_retail_rfm.yaml", "online_retail_ii.yaml"):
        page = page_of(config=config(file=file), segments=[("Champions", 2, "1"), ("Lost", 3, "2")])
        assert "Champions" in page.text


# ---- any text, any size ----


def test_hostile_texts_are_shown_literally():
    data = report_data(
        [(HOSTILE[0], 5, "10"), (HOSTILE[2], 5, "90")],
        HOSTILE,
        HOSTILE,
        config=config("title=\"<script>alert('title')</script>\"", 'charts.currency="<b>\\e["'),
        period_sales=[{"period_start": date(2011, 12, 1), "segment_id": 1, "customers": 1, "revenue": Decimal(5)}],
    )
    html = render(data, {}, run_details(command="<script>alert('command')</script>"))
    page = Page(html)
    assert len(page.attributes("script")) == 1
    assert page.attributes("img") == page.attributes("b") == []
    for text in HOSTILE[:7]:
        assert text in page.text
    assert r"ends \x1b[31mred\x00\u202egnirts\u2066 \u2028 \ufeff" in page.text
    assert re.search("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html) is None


@pytest.mark.parametrize("text", ["<&>" * 1_700, "\x1b" * 5_000])
def test_fifty_segments_and_the_longest_names_stay_below_5_mb(text: str):
    names = [text + str(number) for number in range(LARGEST_SHOWN + 1)]
    segments = [(f"Segment number {number} of a long name", 10, "100") for number in range(50)]
    html = render(report_data(segments, names, names), {}, run_details())
    assert len(html.encode()) < 5_000_000


def test_a_long_text_is_cut():
    long = {letter: letter * 5_000 for letter in "XYZ"}
    page = page_of(segments=[(long["X"], 5, "100"), ("B", 5, "300")], countries=[long["Y"]], products=[long["Z"]])
    for letter in long:
        assert {f"{letter * 119}…"} == set(re.findall(rf"{letter}{{2,}}…?", page.text)), letter


# ---- the template ----


def test_the_style_sheet_has_the_colours_and_shapes_of_the_charts():
    style = (ROOT / "segmentation" / "report" / "template" / "report.css").read_text(encoding="utf-8")
    light = style.partition("@media")[0]
    colours = {int(number): colour for number, colour in re.findall(r"--s(\d+): (#\w+);", light)}
    assert colours == {number: mark.colour for number, mark in enumerate((NOTHING_STAYED, *SEGMENT_MARKS))}
    assert set(SHAPES) == {mark.marker for mark in SEGMENT_MARKS}


def test_the_page_is_made_from_the_zip_for_a_cluster_without_matplotlib(tmp_path: Path):
    """A process is started, since this one has imported both already."""
    package = subprocess.run(
        [sys.executable, ROOT / "scripts" / "package", "--output", tmp_path], capture_output=True, text=True, check=True
    ).stdout.strip()
    code = (
        "import sys; sys.path[0:0] = [sys.argv[1]]; "
        "import segmentation.report.page as p, segmentation.lake.manifest as m; "
        "assert p.__file__.startswith(sys.argv[1]); assert 'matplotlib' not in sys.modules; "
        "print(len(p._template_file('index.html')), p._environment().get_template('index.html').name, m.code_version())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, package], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    size, name, version = done.stdout.split()
    assert int(size) > 1000
    assert name == "index.html"
    assert version == code_version(), "the same code has the same version, wherever it is read from"
