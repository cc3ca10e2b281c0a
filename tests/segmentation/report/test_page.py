"""The report says what the run found, adds up, shows every text literally, and does with any data and any size."""

import base64
import doctest
import hashlib
import itertools
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

from segmentation.lake.manifest import code_version
from segmentation.report import text
from segmentation.report.charts.style import SEGMENT_MARKS
from segmentation.report.data import LARGEST_SHOWN, ReportRows
from segmentation.report.page import report_page
from segmentation.report.tables import _SHAPES
from tests.segmentation.report.findings import (
    CHARTS,
    CLASSIC,
    CUSTOMER,
    HOSTILE,
    ROOT,
    chart,
    config,
    example,
    findings,
    quality_of,
    sold_of,
)

VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """A page taken apart: its text, its elements with their attributes, and the rows of each table by its caption."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag in ("p", "li", "h1", "h2", "h3", "h4", "div", "dd", "dt", "summary", "tr", "td", "th"):
            self.texts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.raw[self.open[-1]] = data
            return
        self.texts.append(data)
        if "table" in self.open and any(tag in ("th", "td") for tag in self.open):
            self.tables[-1][-1][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def table_with(self, heading: str) -> list[list[str]]:
        return next(table for table in self.tables if heading in table[0])


def page_of(**changed: object) -> Page:
    return Page(report_page(findings(**changed)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def classic() -> Page:
    found = findings(charts=[chart(name) for name in CHARTS])
    return Page(report_page(found))


# ---- the answer ----


def test_the_answer_is_three_sentences_and_says_who_carries_the_revenue(classic: Page):
    assert (
        "4,338 customers spent £8,887,209 between 1 December 2010 and 9 December 2011. They form four segments by "
        "total spend and number of orders; the largest, Low Spend, Low Frequency, holds 4,087 of them (94 %). "
        "6 customers, 0.1 %, bring 13 % of revenue: High Spend, Low Frequency."
    ) in classic.text


@pytest.mark.parametrize(
    ("segments", "told"),
    [
        ([("All Customers", 1, "12.50")], "1 customer spent £12.50"),
        ([("All Customers", 1, "12.50")], "That customer is one segment. No other customer brings revenue."),
        ([("All Customers", 20, "3000")], "They are one segment by total spend and number of orders. On average each"),
        ([("A", 9, "100"), ("B", 1, "300")], "1 customer, 10 %, brings 75 % of revenue: B."),
        ([("A", 5, "100"), ("B", 5, "100")], "total spend and number of orders; each holds 5 of them (50 %). Revenue"),
        ([("A", 5, "90"), ("B", 5, "90"), ("C", 2, "9")], "orders; the two largest hold 5 of them (42 %) each."),
        ([("A", 5, "100"), ("B", 5, "100")], "no segment brings much more than its share of customers. Customers 10"),
        ([("A", 5, "100"), ("B", 5, "101")], "of customers; the most, 50 %, comes from B with 50 % of customers."),
        ([("A", 5, "0"), ("B", 5, "0")], "Their revenue adds up to nothing, so there is no share of it to tell."),
        ([("A", 5, "10"), ("B", 5, "-130")], "Their revenue adds up to −£120, so shares of it would tell nothing."),
        ([("A", 5, "10")] * 13, "They form 13 segments"),
    ],
)
def test_the_answer_is_true_of_every_data_set(segments: list[tuple[str, int, str]], told: str):
    assert told in page_of(segments=segments).text


def test_a_day_of_sales_is_told_as_a_day():
    found = findings()
    one_day = {**found.rows.products.total, "last_sold_at": found.rows.products.total["first_sold_at"]}
    products = replace(found.rows.products, total=one_day)
    told = Page(report_page(replace(found, rows=replace(found.rows, products=products)))).text
    assert "spent £8,887,209 on 1 December 2010." in told
    assert "1 December 2010 to" not in told


def test_the_revenue_that_shares_are_of_stands_beside_that_with_guests_sales(classic: Page):
    assert "Customers' revenue £8,887,209 Revenue with guests' sales £1,833 Countries" in classic.text
    assert "Shares of revenue are of the customers' revenue: guests' sales, those without a customer id" in classic.text


# ---- the segments ----


@pytest.mark.parametrize(
    ("file", "segments", "times"),
    [
        ("online_retail.yaml", CLASSIC, 1),
        ("online_retail.yaml", [("All Customers", 20, "3000")], 0),
        ("online_retail_rfm.yaml", [("Champions", 5, "100"), ("Lost", 5, "10")], 0),
    ],
)
def test_that_high_and_low_are_relative_is_said_once_where_names_say_them(
    file: str, segments: list[tuple[str, int, str]], times: int
):
    told = page_of(config=config(file=file), segments=segments).text
    assert told.count("High, Medium and Low in a name are relative to the other segments") == times


def test_a_segment_is_told_with_its_size_its_shares_its_typical_customer_and_what_sets_it_apart(classic: Page):
    assert "237 customers, 5.5 % £2,839,245, 32 % of revenue" in classic.text
    assert "The customer in the middle spent £5,990 in 2 orders and last ordered 2 days before 10 December 2011." in (
        classic.text
    )
    assert "Total spend: 93 times the average (£190,809 against £2,049)" in classic.text
    typical = next(table for table in classic.tables if table[0][0] == "Typical customer")
    assert typical[0] == ["Typical customer", "Median", "Middle half", "Average of all"]
    assert typical[1] == ["Total spend", "£546", "£273 to\N{NO-BREAK SPACE}£1,092", "£2,049"]


def test_one_customer_alone_in_a_segment_is_told_in_the_singular():
    told = page_of(segments=[("A", 9, "100"), ("B", 1, "300")]).text
    assert "1 customer, 10 %" in told
    assert "One customer, who spent £150 in 2 orders" in told


def test_a_segment_names_where_and_what_it_buys():
    assert "Where they buy United Kingdom 45 %" in (told := page_of(segments=[("A", 1, "1000"), ("B", 2, "1000")]).text)
    assert "CAKESTAND 22000 · 45 %" in told


def test_a_suggestion_is_marked_and_comes_from_the_configuration_or_a_default():
    found = findings(config=config("report={suggestions: {'High Spend, Low Frequency': 'Call each <b>by name</b>.'}}"))
    told = Page(report_page(found)).text
    assert "Suggestion Call each <b>by name</b>." in told
    assert "Suggestion Keep contact automatic and at low cost" in told
    named = Page(
        report_page(findings(segments=[("Champions, Higher Spend", 5, "10"), ("Brand New Name", 5, "10")]))
    ).text
    assert "Suggestion Thank them" in named
    assert "Suggestion None is configured for this name" in named


def test_one_segment_is_not_compared_with_itself():
    assert "What sets it apart" not in page_of(segments=[("All Customers", 20, "3000")]).text


# ---- how k was chosen ----


def test_the_choice_of_k_says_frankly_what_disagrees(classic: Page):
    assert (
        "The ways do not agree: the elbow speaks for k = 4, but the silhouette would take k = 2, Davies–Bouldin k = 2 "
        "and Calinski–Harabasz k = 10. Treat the number of segments as a choice, not as a finding."
    ) in classic.text
    votes = classic.table_with("Would take k")
    assert [row[2] for row in votes[1:]] == ["4", "2", "2", "10"]
    sweep = classic.table_with("Silhouette")
    assert sweep[1] == ["1", "9k", "–", "–", "–", ""]
    assert sweep[4] == ["4", "2.2k", "0.880", "0.400", "4k", "taken"]


@pytest.mark.parametrize(
    ("silhouette", "told"),
    [
        (0.2, "no substantial structure has been found"),
        (0.4, "the structure is weak and could be artificial"),
        (0.6, "a reasonable structure has been found"),
        (0.9, "a strong structure has been found"),
    ],
)
def test_weak_structure_is_called_weak(silhouette: float, told: str):
    sweep = [{**row, "silhouette": silhouette if row["k"] > 1 else None} for row in findings().sweep]
    assert told in page_of(sweep=sweep).text


def test_a_high_silhouette_over_one_huge_segment_is_not_sold_as_good_news(classic: Page):
    assert "That is not by itself good news: Low Spend, Low Frequency holds 94 % of the customers" in classic.text
    even = page_of(segments=[("A", 5, "10"), ("B", 5, "90")]).text
    assert "good news" not in even


def test_a_silhouette_is_not_judged_where_the_segments_customers_are_all_alike():
    sweep = [row | {"wssse": 0.0 if row["k"] >= 4 else 9.0} for row in findings().sweep]
    told = page_of(sweep=sweep).text
    assert "At k = 4 the customers of each segment are all alike in what was clustered" in told
    assert "structure" not in told
    rounded = [row | {"wssse": 1e-15 if row["k"] >= 4 else 9.0} for row in findings().sweep]
    assert page_of(sweep=rounded).table_with("Silhouette")[4][:2] == ["4", "0"]


# ---- countries and products ----


def test_the_largest_are_shown_and_the_others_in_one_line_so_that_all_adds_up():
    names = [f"Country {number}" for number in range(10_000)]
    found = findings(countries=names, products=names)
    html = report_page(found)
    assert len(html.encode()) < 5_000_000
    table = Page(html).table_with("Country")
    assert len(table) == 1 + LARGEST_SHOWN + 2
    assert table[-2][1] == "The other 9,750 countries"
    assert table[-1][1] == "In all"
    sold = found.rows.countries
    rest = sold.total["revenue"] - sum((row["revenue"] for row in sold.largest), Decimal(0))
    assert table[-2][2] == text.money(rest, "£")
    assert table[-1][2] == text.money(sold.total["revenue"], "£")
    assert "all 10,000 rows are in the table country_sales of this run" in Page(html).text


@pytest.mark.parametrize("text", ["<&>" * 60, "<&>" * 1_700, "\x1b" * 5_000, "🦄 " * 2_500])
def test_fifty_segments_and_ten_thousand_names_of_the_longest_kind_stay_below_5_mb(text: str):
    names = [text + str(number) for number in range(10_000)]
    segments = [(f"Segment number {number} of a long name", 10, "100") for number in range(50)]
    assert len(report_page(findings(segments=segments, countries=names, products=names)).encode()) < 5_000_000


def test_a_long_text_is_cut_wherever_it_stands_and_pointing_at_it_shows_more():
    long = {letter: letter * 5_000 for letter in "XYZ"}
    page = page_of(segments=[(long["X"], 5, "100"), ("B", 5, "300")], countries=[long["Y"]], products=[long["Z"]])
    for letter in long:
        assert {f"{letter * 119}…"} == set(re.findall(rf"{letter}{{2,}}…?", page.text)), letter
    pointed_at = [one["title"] for one in page.attributes("bdi") if "title" in one]
    assert set(pointed_at) == {f"{letter * 299}…" for letter in "YZ"}
    spoken = [value for _, one in page.elements for name, value in one.items() if name == "aria-label"]
    assert max(len(value or "") for value in spoken) < 300


def test_a_row_names_its_largest_segment_and_draws_all_shares(classic: Page):
    bars = [attributes for attributes in classic.attributes("svg") if attributes.get("class") == "mix"]
    assert bars[0]["aria-label"] == (
        "Low Spend, Low Frequency 22 %, Medium Spend, Medium Frequency 22 %, High Spend, High Frequency 22 %, "
        "High Spend, Low Frequency 22 %, guests 10 %"
    )


def test_the_classes_are_told_by_their_rule_and_with_what_their_revenue_includes(classic: Page):
    rule = (
        "Added up from the largest down, class A goes up to 80 % of revenue and always has the largest, B goes up to "
        "95 %, C is the rest. Guests' sales are included."
    )
    assert classic.text.count(rule) == 2


def test_what_is_not_merchandise_is_called_so(classic: Page):
    assert "POSTAGE 22001 · not merchandise" in classic.text


def test_countries_without_any_revenue_have_no_shares_and_no_bar():
    rows = ReportRows(sold_of("country", ["Nowhere"], 1, 0), sold_of("stock_code", ["Nothing"], 1, 0), [])
    told = page_of(segments=[("All Customers", 2, "0")], rows=rows)
    assert [attributes for attributes in told.attributes("svg") if attributes.get("class") == "mix"] == []
    assert told.table_with("Country")[1][2:4] == ["£0", "0 %"]


# ---- data quality ----


def test_the_waterfall_goes_from_lines_read_to_lines_used(classic: Page):
    table = classic.table_with("Lines")
    assert [row[1] for row in table[1:]] == [
        *("541,909", "0", "9,288", "3", "1,336", "1,179", "0", "5,226", "132,185", "392,692"),
    ]
    assert table[1][3] == "£812,864"
    steps = [attributes for attributes in classic.attributes("rect") if attributes.get("class") in ("taken", "used")]
    first, last = steps[0], steps[-1]
    assert float(str(first["x"])) + float(str(first["width"])) == pytest.approx(1000, abs=0.2)
    assert (last["class"], last["x"]) == ("used", "0.0")


def test_the_waterfall_tells_lines_and_money_of_each_rule_as_they_are_so_that_both_add_up():
    returned = {"rule": "cancellation", "rows": 2, "share": 0.2, "revenue": Decimal("-120")}
    used = {"rule": "clean", "rows": 8, "share": 0.8, "revenue": Decimal("1000")}
    table = page_of(quality=[returned, used]).table_with("Money")
    assert [(row[1], row[3]) for row in table[1:]] == [("10", "£880"), ("2", "−£120"), ("8", "£1,000")]


def test_one_line_of_a_rule_is_told_in_the_singular():
    found = findings(quality=quality_of(9, guest=1))
    examples = [example("guest", customer_id=""), example("cancellation")]
    told = Page(report_page(replace(found, rows=replace(found.rows, examples=examples)))).text
    assert "Guests 1 line Invoice" in told
    assert "Cancelled 9,288 lines Invoice" in told


def test_an_example_line_hides_its_customer_wherever_it_is_named():
    lines = [
        example("cancellation", description=f"FOR {CUSTOMER}, GIFT"),
        example("guest", customer_id=""),
        example("duplicate", customer_id="Anna@Example.org", description="to anna@example.org"),
        example("malformed", customer_id="0.85", country="17851", unit_price="17852", quantity="many thanks"),
        example("malformed", description="", quantity="", invoice_date="", unit_price=""),
    ]
    counts = {"malformed": 2, "cancellation": 1, "guest": 1, "duplicate": 1}
    found = findings(quality=quality_of(9, **counts))
    told = Page(report_page(replace(found, rows=replace(found.rows, examples=lines)))).text
    assert "C53••• 22423 FOR •••, GIFT -1 12/1/2010 9:41 27.50 ••• United Kingdom" in told
    assert "27.50 none United Kingdom" in told
    assert "1 line could not be split into fields, and so is not shown here." in told
    for secret in (CUSTOMER, "17851", "17852", "536379", "anna@example.org", "Anna@", "thanks"):
        assert secret not in told


# ---- the run ----


def test_the_run_tells_how_it_was_made(classic: Page):
    for told in (
        *("Run 8130dbee145b", "Input 1 file, 7.5 MB", "Began 25 November 2026, 19:18 UTC", "0.1.0+abc, Spark 4.3.0"),
        *("Cleaning the lines 12.3 s", "Auditing 8 min 17 s", "customer_id: CustomerID", "Warnings None."),
        "spark-submit jobs/segment_customers.py --config conf/online_retail.yaml --input lines.csv",
    ):
        assert told in classic.text


def test_secrets_of_paths_and_commands_are_masked_and_warnings_told():
    facts = findings().facts | {
        "input": {"files": [{"path": "s3a://key:c4nary@bucket/a.csv?sig=c4nary", "bytes": 1, "format": "csv"}] * 25}
    }
    html = report_page(findings(facts=facts, command="x --conf a.secret=c4nary", warnings=["a.csv <b>is</b> empty"]))
    assert "c4nary" not in html
    told = Page(html).text
    assert "s3a://***@bucket/a.csv?sig=***" in told
    assert "and 5 more files, all named in manifest.json" in told
    assert "a.csv <b>is</b> empty" in told


# ---- the page ----


def test_the_page_is_well_formed_self_contained_and_of_a_strict_policy(classic: Page):
    html = report_page(findings(charts=[chart(name) for name in CHARTS]))
    policy = str(classic.attributes("meta")[1]["content"])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for name, rule in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(classic.raw[name].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert "unsafe" not in policy
    links = [
        value for _, attributes in classic.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert [link for link in links if not str(link).startswith(("#", "data:image/svg+xml,"))] == []
    assert [
        tag for tag, attributes in classic.elements if any(n == "style" or n.startswith("on") for n in attributes)
    ] == []
    assert "url(" not in classic.raw["style"]
    assert "@import" not in classic.raw["style"]
    assert html == report_page(findings(charts=[chart(name) for name in CHARTS]))


def test_every_id_is_there_once_and_every_link_inside_the_page_leads_somewhere(classic: Page):
    ids = [attributes["id"] for _, attributes in classic.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    named = {str(a["href"])[1:] for a in classic.attributes("a")}
    for attribute in ("aria-labelledby", "for"):
        named |= {str(attributes[attribute]) for _, attributes in classic.elements if attribute in attributes}
    assert named - set(ids) == set()


def test_headings_go_down_one_level_at_a_time(classic: Page):
    levels = [int(tag[1]) for tag, _ in classic.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("missing", [*CHARTS, "all"])
def test_the_page_does_without_any_chart(missing: str):
    left = [] if missing == "all" else [chart(name) for name in CHARTS if name != missing]
    page = page_of(charts=left)
    assert len([one for one in page.attributes("svg") if one.get("class") == "chart"]) == len(left)


def test_hostile_texts_are_shown_literally_and_change_nothing_in_the_page():
    plain = findings(
        segments=[("A", 5, "10"), ("B", 5, "90")], countries=["x"] * len(HOSTILE), products=["x"] * len(HOSTILE)
    )
    hostile = findings(
        segments=[(HOSTILE[0], 5, "10"), (HOSTILE[2], 5, "90")],
        countries=HOSTILE,
        products=HOSTILE,
        config=config("title=\"<script>alert('title')</script>\"", "charts.currency=<b>"),
        warnings=[],
        command="<script>alert('command')</script>",
    )
    one, other = Page(report_page(plain)), Page(report_page(hostile))
    kinds = [
        [tag for tag, _ in page.elements if tag in ("script", "style", "img", "b", "i", "svg")] for page in (one, other)
    ]
    assert kinds[0].count("script") == kinds[1].count("script") == 1
    assert "img" not in kinds[1]
    assert "b" not in kinds[1]
    for hostile_text in HOSTILE[:7]:
        assert hostile_text in other.text
    assert r"ends \x1b[31mred\x00\u202egnirts\u2066 \u2028 \ufeff" in other.text
    assert re.search("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", report_page(hostile)) is None


@pytest.mark.parametrize("file", ["online_retail.yaml", "online_retail_rfm.yaml", "online_retail_ii.yaml"])
def test_the_page_is_made_for_every_configuration(file: str):
    assert (
        "champions"
        in report_page(findings(config=config(file=file), segments=[("Champions", 2, "1"), ("Lost", 3, "2")])).lower()
    )


def test_every_palette_colour_and_shape_of_the_charts_is_that_of_the_page():
    style = (ROOT / "segmentation" / "report" / "template" / "report.css").read_text(encoding="utf-8")
    light = style.partition("@media")[0]
    found = dict(re.findall(r"--s(\d+): (#\w+);", light))
    assert {int(place): colour for place, colour in found.items()} == {
        place: mark.colour for place, mark in enumerate(SEGMENT_MARKS, 1)
    }
    assert set(_SHAPES) == {mark.marker for mark in SEGMENT_MARKS}


def test_the_page_is_made_from_the_zip_that_a_cluster_is_given(tmp_path: Path):
    package = subprocess.run(
        [sys.executable, ROOT / "scripts" / "package", "--output", tmp_path], capture_output=True, text=True, check=True
    ).stdout.strip()
    code = (
        "import sys; sys.path[0:0] = [sys.argv[1]]; import segmentation.report.page as r; "
        "import segmentation.lake.manifest as i; "
        "assert r.__file__.startswith(sys.argv[1]); "
        "print(len(r._part('index.html')), r._templates().get_template('index.html').name, i.code_version())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, package], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    size, name, version = done.stdout.split()
    assert int(size) > 1000
    assert name == "index.html"
    assert version == code_version(), "the same code has the same version, wherever it is read from"


# ---- numbers for people ----


@pytest.mark.parametrize("module", [text, findings])
def test_every_example_of_a_docstring_is_true(module: ModuleType):
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0


@pytest.mark.parametrize(
    ("value", "told"),
    [("1743839.8500", "£1,743,840"), ("99.996", "£100"), ("99.99", "£99.99"), ("-0.5", "−£0.50"), ("0", "£0")],
)
def test_money_has_thousands_and_pence_only_where_they_matter(value: str, told: str):
    assert text.money(Decimal(value), "£") == told


def test_no_number_has_fifteen_digits(classic: Page):
    assert re.findall(r"\d\.\d{5,}", classic.text) == []
    assert re.findall(r"\d{6,}", classic.text.replace("8130dbee145b", "").replace(CUSTOMER, "")) == []
