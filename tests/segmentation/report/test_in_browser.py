"""The report in a real browser: nothing is fetched, nothing overflows, all can be used, read aloud and printed."""

import re
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from segmentation import schemas as s
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.profiles import profiles_chart
from segmentation.report.charts.revenue import pareto_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.svg import inline_svg
from segmentation.report.page import render
from tests.browsers import chromium
from tests.segmentation.report.sample_report import (
    CLASSIC,
    HOSTILE,
    config,
    profiles_of,
    report_data,
    run_details,
    sweep_of,
)

WIDTHS = (360, 768, 1440)
WORDS = ("LANTERN", "CAFÉ MUG", "TEA TOWEL", "HEART")
PRODUCTS = [f"{WORDS[place % 4]} NO {place}" for place in range(400)]
COUNTRIES = ["United Kingdom", "EIRE", "Österreich", "France", "Germany"]


def real_charts() -> dict[str, str]:
    profiles = profiles_of(CLASSIC)
    customers = [
        {"total_spend": 10.0 * n, "purchase_frequency": n % 30 + 1, "segment_id": n % 4 + 1} for n in range(1, 400)
    ]
    largest = [
        {"country": name, "revenue": 100 - n, "cumulative_revenue_share": (n + 1) / 6, "abc_class": "A"}
        for n, name in enumerate(COUNTRIES)
    ]
    figures = {
        "elbow": elbow_chart(sweep_of([0.9] * 9, 4), "The point farthest below the chord."),
        "profiles": profiles_chart(profiles, s.NUMERIC_FEATURES, currency="£"),
        "segments": segments_chart(customers, profiles, 4338, currency="£"),
        "countries": pareto_chart(largest, "country", ("country", "countries"), 6, currency="£"),
    }
    return {name: inline_svg(figure, name) for name, figure in figures.items()}


def rendered() -> dict[str, str]:
    """The pages that are opened, as HTML by name."""
    hostile = [*HOSTILE, *(f"{text} again" for text in HOSTILE)]
    segments = [(HOSTILE[0], 5, "10"), ("W" * 200, 5, "900000000000"), (HOSTILE[9], 1, "3")]
    title = "title=" + "<script>alert(0)</script>" + "W" * 300
    warnings = ["<img src=x onerror=alert(8)>", "/data/" + "w" * 500]
    fifty = [(f"Segment {n} of Some Length", 5 + n, str(n + 1)) for n in range(50)]
    one = report_data([("All Customers", 1, "12.50")], ["EIRE"], ["MUG"])
    return {
        "classic": render(report_data(countries=COUNTRIES, products=PRODUCTS), real_charts(), run_details()),
        "hostile": render(
            report_data(segments, hostile, hostile, config=config(title, "charts.currency=<b>")),
            {},
            run_details(warnings=warnings, command="spark-submit " + "x" * 900),
        ),
        "fifty": render(report_data(fifty), {}, run_details()),
        "one": render(one, {}, run_details()),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    made = {}
    for name, html in rendered().items():
        made[name] = folder / f"{name}.html"
        made[name].write_text(html, encoding="utf-8")
    return made


class Opened:
    """A report in a window, with all that the browser complained of, asked the network for, or was asked by it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


Open = Callable[..., Opened]


@pytest.fixture
def opened(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    contexts = []

    def open_report(name: str = "classic", width: int = 1440, **options: Any) -> Opened:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        window = Opened(context.new_page())
        window.page.goto(pages[name].as_uri())
        return window

    yield open_report
    for context in contexts:
        context.close()


def names_shown(page: Page, table: str) -> list[str]:
    rows = page.locator(f"#{table} tbody tr:visible th > bdi")
    return [text.strip() for text in rows.all_inner_texts()]


# ---- nothing but the file itself ----


@pytest.mark.parametrize("case", ["classic", "hostile", "fifty", "one"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_complaint_no_request_and_no_script_but_its_own(opened: Open, case: str, scheme: str):
    window = opened(case, color_scheme=scheme)
    window.page.mouse.wheel(0, 4000)
    window.page.locator("#product_sales thead button").first.click()
    window.page.wait_for_timeout(50)
    assert window.complaints == []
    assert [url for url in window.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in window.requests if url.startswith("file:")]) == 1
    assert window.dialogs == []


def test_hostile_texts_are_seen_as_they_are_and_make_no_element(opened: Open):
    page = opened("hostile").page
    shown = page.locator("#product_sales").inner_text()
    for text in HOSTILE[:7]:
        assert text in shown
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed, form").count() == 0
    assert page.title().startswith("<script>alert(0)</script>")
    assert page.evaluate("getComputedStyle(document.body).display") == "block"


def test_a_script_or_a_style_that_got_into_the_page_would_do_nothing(browser: Browser, pages: dict[str, Path]):
    """The policy holds by itself: what escaping kept out is put in by hand."""
    injected = "<script>document.title = 'run'</script><style>body{display:none}</style><img src=x onerror='alert(1)'>"
    place = pages["one"].with_name("injected.html")
    place.write_text(pages["one"].read_text(encoding="utf-8").replace("<main", f"{injected}<main"), encoding="utf-8")
    page = browser.new_page()
    window = Opened(page)
    page.goto(place.as_uri())
    assert page.title() != "run"
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert window.dialogs == []
    assert len([text for text in window.complaints if "Content Security Policy" in text]) >= 2
    page.close()


# ---- it fits ----


@pytest.mark.parametrize("case", ["classic", "hostile", "fifty", "one"])
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(opened: Open, case: str, width: int):
    page = opened(case, width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sticking_out = """(width) => [...document.querySelectorAll('main *, header *, footer *')]
        .filter(one => !one.closest('.scroll, pre') && one.getBoundingClientRect().right > width + 1)
        .filter(one => !one.closest('.unseen'))
        .map(one => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(sticking_out, width) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_wider_than_its_place_is_scrolled_there_by_keyboard_too(opened: Open, width: int):
    page = opened("classic", width).page
    unreachable = """() => [...document.querySelectorAll('.scroll, pre')]
        .filter(one => one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)
        .filter(one => one.tabIndex !== 0 || !(one.ariaLabel || one.getAttribute('aria-labelledby')))
        .map(one => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(unreachable) == []


# ---- sorting and searching ----


def test_a_column_sorts_by_mouse_both_ways_with_numbers_as_numbers(opened: Open):
    page = opened().page
    assert names_shown(page, "product_sales")[:2] == PRODUCTS[:2]
    heading = page.locator("#product_sales th", has=page.get_by_role("button", name="Units", exact=True))
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names_shown(page, "product_sales")[0] == PRODUCTS[249]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names_shown(page, "product_sales") == PRODUCTS[:250]
    assert page.locator("#product_sales th[aria-sort]").count() == 1
    assert page.locator("#product_sales tfoot tr:last-child th").inner_text() == "In all"


def test_a_column_sorts_by_keyboard_and_texts_by_the_alphabet(opened: Open):
    page = opened().page
    button = page.locator("#country_sales").get_by_role("button", name="Country", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    assert names_shown(page, "country_sales") == ["EIRE", "France", "Germany", "Österreich", "United Kingdom"]
    page.keyboard.press("Space")
    assert names_shown(page, "country_sales")[0] == "United Kingdom"
    assert button.evaluate("one => one === document.activeElement")


def test_values_that_are_missing_sort_last_whichever_way(opened: Open):
    page = opened().page
    button = page.locator("#product_sales").get_by_role("button", name="Average price")
    missing = PRODUCTS[2:250:3]
    button.click()
    assert names_shown(page, "product_sales")[0] == PRODUCTS[249]
    assert names_shown(page, "product_sales")[-len(missing) :] == missing
    button.click()
    assert names_shown(page, "product_sales")[0] == PRODUCTS[0]
    assert names_shown(page, "product_sales")[-len(missing) :] == missing


def test_searching_narrows_the_rows_and_says_how_many_are_left(opened: Open):
    page = opened().page
    field = page.get_by_label("Search products")
    field.fill("no cafe")
    found = names_shown(page, "product_sales")
    assert found == [name for name in PRODUCTS[:250] if name.startswith("CAFÉ MUG")]
    status = page.locator("#products [role=status]")
    assert status.inner_text() == f"{len(found)} products of the 250 shown here"
    page.locator("#product_sales thead button", has_text="Units").click()
    assert names_shown(page, "product_sales") == found[::-1]
    field.fill("no such thing")
    assert names_shown(page, "product_sales") == []
    assert status.inner_text() == "0 products of the 250 shown here"
    field.press("Escape")
    assert len(names_shown(page, "product_sales")) == 250
    assert status.inner_text() == ""


def test_products_are_found_by_their_code_too(opened: Open):
    page = opened().page
    page.get_by_label("Search products").fill("22007")
    assert names_shown(page, "product_sales") == [PRODUCTS[7]]


# ---- the rest of what can be done ----


def test_a_segment_lights_up_wherever_it_is_drawn_by_mouse_and_by_keyboard(opened: Open):
    page = opened().page
    dimmed = "() => [...new Set([...document.querySelectorAll('svg.chart g.dim')].map(g => g.dataset.segment))].sort()"
    named = page.locator("#map .legend a.named")
    named.nth(1).hover()
    assert page.evaluate(dimmed) == ["1", "3", "4"]
    assert page.locator("#segment-2.lit").count() == 1
    page.locator("#map-title").hover()
    assert page.evaluate(dimmed) == []
    named.nth(2).focus()
    assert page.evaluate(dimmed) == ["1", "2", "4"]


def test_the_command_is_copied_from_a_page_that_is_a_file(opened: Open):
    page = opened(permissions=["clipboard-read", "clipboard-write"]).page
    page.get_by_role("button", name="Copy the command").click()
    page.get_by_text("Copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == run_details().command


def test_the_command_is_broken_between_its_words_alone(opened: Open):
    page = opened(width=360).page
    heights = page.locator(".copied pre span").evaluate_all("all => all.map(one => one.offsetHeight)")
    assert len(heights) == len(run_details().command.split(" "))
    assert len(set(heights)) == 1
    assert page.locator(".copied pre").evaluate("one => one.offsetHeight") > 2 * heights[0]


def test_the_first_tab_skips_to_the_report(opened: Open):
    page = opened().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_what_has_the_focus_is_seen_to_have_it(opened: Open):
    page = opened().page
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_all_there_is_to_read_is_there_without_the_script(opened: Open):
    page = opened(java_script_enabled=False).page
    assert len(names_shown(page, "product_sales")) == 250
    assert page.get_by_label("Search products").count() == 1
    assert not page.get_by_label("Search products").is_visible()
    assert page.locator("thead button").count() == 0


def test_dark_is_dark_and_light_is_light(opened: Open):
    def ground(scheme: str) -> int:
        colour = opened(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    assert ground("dark") < 150
    assert ground("light") > 650


def test_nothing_moves_for_who_does_not_want_it(opened: Open):
    page = opened(reduced_motion="reduce").page
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


# ---- on paper ----


def test_the_print_has_all_that_is_folded_searched_away_or_scrolled_on_the_screen(opened: Open):
    window = opened(color_scheme="dark")
    page = window.page
    page.get_by_label("Search products").fill("lantern")
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 703, "height": 1000})  # an A4 page between its margins
    assert len(names_shown(page, "product_sales")) == 250
    assert page.get_by_label("Search products").is_hidden()
    assert page.get_by_role("navigation").is_hidden()
    unseen = """() => [...document.querySelectorAll('details > :not(summary)')]
        .filter(one => one.getBoundingClientRect().height === 0 || !one.checkVisibility())
        .map(one => one.outerHTML.slice(0, 60))"""
    assert page.evaluate(unseen) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    cut = """() => [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth + 1 ||
        one.scrollHeight > one.clientHeight + 1).map(one => one.outerHTML.slice(0, 60))"""
    assert page.evaluate(cut) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("case", ["classic", "hostile", "fifty", "one"])
def test_nothing_is_wider_than_the_paper(opened: Open, case: str):
    page = opened(case, width=703).page  # an A4 page between its margins
    page.emulate_media(media="print")
    wider = """() => [...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth + 1)
        .map(one => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(wider) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 703


def test_on_paper_a_page_holds_two_segments_and_each_page_of_a_table_its_headings(opened: Open):
    page = opened().page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})
    heights = page.locator(".card").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert len(heights) == len(CLASSIC)
    assert 2 * max(heights) < 1000
    # Chromium repeats the text of a heading, and no control in it.
    controls = page.locator("#product_sales thead button")
    assert set(controls.evaluate_all("all => all.map(one => getComputedStyle(one).display)")) == {"contents"}


@pytest.mark.parametrize("case", ["classic", "hostile", "fifty", "one"])
def test_a_pdf_can_be_made(opened: Open, case: str):
    window = opened(case)
    paper = window.page.pdf(prefer_css_page_size=True)
    assert paper.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 3
    assert window.complaints == []


# ---- read aloud ----


@pytest.mark.parametrize("case", ["classic", "hostile", "one"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_object_to(opened: Open, case: str, scheme: str):
    page = opened(case, color_scheme=scheme).page
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    axe = resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(axe.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    assert len(result["passes"]) > 10
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in result["violations"]] == []


def test_axe_would_find_something(opened: Open):
    page = opened("one").page
    page.evaluate("document.querySelector('label').remove(); document.querySelector('.search').hidden = false")
    axe = resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(axe.read_text(encoding="utf-8"))
    assert page.evaluate("axe.run().then(result => result.violations.map(one => one.id))") == ["label"]


def test_example_lines_are_folded_with_their_number(opened: Open):
    page = opened().page
    page.locator("summary", has_text="Cancelled").click()
    assert page.get_by_role("cell", name="CAKESTAND").is_visible()
