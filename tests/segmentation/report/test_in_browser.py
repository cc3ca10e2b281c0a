"""The report in a real browser: nothing is fetched, nothing overflows, and people can use, print and hear all of it.

The browser is the system's Chromium, driven by Playwright and started once.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from segmentation.report.charts import NARROW, WIDE
from segmentation.report.charts.elbow import elbow_chart
from segmentation.report.charts.flow import flow_chart
from segmentation.report.charts.revenue import concentration_chart
from segmentation.report.charts.segments import segments_chart
from segmentation.report.charts.style import PageFigure
from segmentation.report.charts.svg import drawing
from segmentation.report.marks import Drawing
from segmentation.report.page import render
from tests.segmentation.report.charts import samples
from tests.segmentation.report.sample_report import (
    HOSTILE,
    SMALL_CHARTS,
    config,
    history_of,
    move,
    report_data,
    run_details,
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW = {"width": 1440, "height": 900}
WIDTHS = (360, 768, 1440)
PAPER = {"width": 703, "height": 1000}  # an A4 page between its margins
PAPER_HEIGHT = 1016
AXE = resources.files("axe_playwright_python") / "axe.min.js"

WORDS = ("LANTERN", "CAFÉ MUG", "TEA TOWEL", "HEART")
PRODUCTS = [f"{WORDS[number % 4]} NO {number}" for number in range(300)]
MOVES = [move(1, 1, 3537), move(1, 2, 69, "purchase"), move(None, 1, 320, "purchase"), move(4, None, 1)]
COUNTRIES = ["United Kingdom", "EIRE", "Österreich", "France", "Germany"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. The tests are skipped where there is none."""
    command = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if command is None:
        pytest.skip(f"no browser is on PATH ({', '.join(BROWSERS)}): scripts/test installs one where apt-get may")
    # Chromium's own sandbox does not run as root, and a container often has a small /dev/shm.
    options = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=options)
        yield browser
        browser.close()


# ---- the pages ----


def real_charts() -> dict[str, Drawing]:
    profiles = samples.profiles_of(samples.CLASSIC)
    customers, points = samples.customers_of(profiles), samples.points_of(range(1, 1000))

    def charts(width: float) -> dict[str, PageFigure]:
        return {
            "elbow": elbow_chart(samples.sweep_of(samples.CLASSIC_WSSSE, 4), "The elbow.", width=width),
            "segments": segments_chart(customers, profiles, 434_000, currency="£", width=width, legend=False),
            "concentration": concentration_chart(points, currency="£", width=width, labels=False),
            "flow": flow_chart(MOVES, profiles, (date(2011, 12, 9), date(2011, 12, 10)), width=width),
        }

    narrow = charts(NARROW)
    return {name: drawing(wide, narrow[name], name) for name, wide in charts(WIDE).items()}


def hostile_page() -> str:
    segments = [(HOSTILE[0], 5, "10"), ("W" * 200, 5, "900000000000"), (HOSTILE[9], 1, "3")]
    settings = config("title=" + "<script>alert(0)</script>" + "W" * 300, "charts.currency=<b>")
    warnings = ["<img src=x onerror=alert(8)>", "/data/" + "w" * 500]
    details = run_details(warnings=warnings, command="spark-submit " + "x" * 900)
    moves = [move(1, 2, 5, "purchase", names=segments), move(3, None, 1, names=segments)]
    data = report_data(segments, HOSTILE, HOSTILE, config=settings, history=history_of(moves, segments))
    return render(data, {}, details)


def rendered() -> dict[str, str]:
    """The pages as HTML, by name."""
    details = run_details()
    fifty = [(f"Segment {n} of Some Length", 5 + n, str(n + 1)) for n in range(50)]
    single = report_data([("All Customers", 1, "12.50")], ["EIRE"], ["MUG"])
    return {
        "large": render(
            report_data(countries=COUNTRIES, products=PRODUCTS, history=history_of(MOVES)), real_charts(), details
        ),
        "small": render(report_data(history=history_of(MOVES)), SMALL_CHARTS, details),
        "hostile": hostile_page(),
        "fifty segments": render(report_data(fifty), {}, details),
        "one segment": render(single, {}, details),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    paths = {}
    for name, html in rendered().items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(html, encoding="utf-8")
    return paths


class Window:
    """An open report, with all messages of the browser, its requests and its dialogs."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", self._dismiss)
        page.goto(file.as_uri())

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Open the large report, with options of a browser's context."""
    contexts = []

    def open_report(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": WINDOW, **options})
        contexts.append(context)
        page = context.new_page()
        page.goto(files["large"].as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()


def names_shown(page: Page, table: str) -> list[str]:
    names: list[str] = page.evaluate(
        """table => [...document.querySelectorAll(`#${table} tbody tr`)].filter(row => row.checkVisibility())
            .map(row => row.querySelector('th > bdi').innerText.trim())""",
        table,
    )
    return names


# ---- every page: nothing but the file itself, and all of it fits ----


@pytest.fixture(scope="module", params=["large", "hostile", "fifty segments", "one segment"])
def window(request: pytest.FixtureRequest, browser: Browser, files: dict[str, Path]) -> Iterator[Window]:
    """Each report, opened once; the tests leave it as it is."""
    context = browser.new_context(viewport=WINDOW)
    yield Window(context.new_page(), files[request.param])
    context.close()


def test_nothing_is_wider_than_the_window(window: Window):
    page = window.page
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    overflowing = """(width) => [...document.querySelectorAll('main *, header *, footer *')]
        .filter(element => !element.closest('.scroll, pre, .unseen'))
        .filter(element => element.getBoundingClientRect().right > width + 1)
        .map(element => element.outerHTML.slice(0, 80))"""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(overflowing, width) == []


def test_nothing_is_wider_than_the_paper(window: Window):
    page = window.page
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    clipped = """() => [...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => box.outerHTML.slice(0, 80))"""
    assert page.evaluate(clipped) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF-")
    page.emulate_media(media="screen")
    page.set_viewport_size(WINDOW)


def test_the_browser_fetches_nothing_and_has_no_objection(window: Window):
    window.page.mouse.wheel(0, 4000)
    window.page.locator("#product_sales thead button").first.click()
    window.page.wait_for_timeout(50)
    assert window.messages == []
    assert [url for url in window.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in window.requests if url.startswith("file:")]) == 1
    assert window.dialogs == []


def test_hostile_texts_make_no_element(browser: Browser, files: dict[str, Path]):
    page = browser.new_page()
    page.goto(files["hostile"].as_uri())
    shown = page.locator("#product_sales").inner_text()
    assert [text for text in HOSTILE[:7] if text not in shown] == []
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed, form").count() == 0
    assert page.title().startswith("<script>alert(0)</script>")
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    page.close()


def test_the_policy_blocks_an_injected_script_and_style(browser: Browser, files: dict[str, Path], tmp_path: Path):
    injected = "<script>document.title = 'run'</script><style>body{display:none}</style><img src=x onerror='alert(1)'>"
    html = files["one segment"].read_text(encoding="utf-8").replace("<main", f"{injected}<main")
    (tmp_path / "injected.html").write_text(html, encoding="utf-8")
    page = browser.new_page()
    window = Window(page, tmp_path / "injected.html")
    assert page.title() != "run"
    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    assert window.dialogs == []
    assert len([text for text in window.messages if "Content Security Policy" in text]) >= 2
    page.close()


# ---- sorting and searching ----


def test_a_column_sorts_by_mouse_both_ways_and_by_number(opened: Open):
    page = opened()
    assert names_shown(page, "product_sales")[:2] == PRODUCTS[:2]
    heading = page.locator("#product_sales th", has=page.get_by_role("button", name="Units", exact=True))
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert names_shown(page, "product_sales")[0] == PRODUCTS[249]
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert names_shown(page, "product_sales") == PRODUCTS[:250]
    assert page.locator("#product_sales th[aria-sort]").count() == 1
    button = page.locator("#product_sales").get_by_role("button", name="Average price")
    for _ in range(2):
        button.click()
        assert names_shown(page, "product_sales")[-83:] == PRODUCTS[2:250:3], "without a price: last in both orders"


def test_a_column_sorts_by_keyboard_and_texts_by_the_alphabet(opened: Open):
    page = opened()
    button = page.locator("#country_sales").get_by_role("button", name="Country", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    assert names_shown(page, "country_sales") == ["EIRE", "France", "Germany", "Österreich", "United Kingdom"]
    page.keyboard.press("Space")
    assert names_shown(page, "country_sales")[0] == "United Kingdom"
    assert button.evaluate("button => button === document.activeElement")


def test_a_search_narrows_the_rows_and_counts_them(opened: Open):
    page = opened()
    field = page.get_by_label("Search products")
    status = page.locator("#products [role=status]")
    field.fill("no cafe")
    names = names_shown(page, "product_sales")
    assert names == [name for name in PRODUCTS[:250] if name.startswith("CAFÉ MUG")]
    assert status.inner_text() == f"{len(names)} of 250 rows"
    page.locator("#product_sales thead button", has_text="Units").click()
    assert names_shown(page, "product_sales") == names[::-1]
    field.fill("22007")
    assert names_shown(page, "product_sales") == [PRODUCTS[7]], "a product is found by its code too"
    field.fill("")
    assert len(names_shown(page, "product_sales")) == 250
    assert status.inner_text() == ""


# ---- the rest of what can be done ----


def test_everything_can_be_read_without_the_script(opened: Open):
    page = opened(java_script_enabled=False)
    assert len(names_shown(page, "product_sales")) == 250
    assert page.get_by_label("Search products").count() == 1
    assert not page.get_by_label("Search products").is_visible()
    assert page.locator("thead button").count() == 0


def test_the_page_follows_the_preferred_colours(opened: Open):
    page = opened(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 22, 25)"
    text = page.locator("svg.chart text").first
    assert text.evaluate("text => getComputedStyle(text).fill") == "rgb(177, 183, 191)"


# ---- on paper ----


def test_the_print_has_all_that_is_closed_or_scrolled_on_the_screen(opened: Open):
    page = opened(color_scheme="dark")
    page.get_by_label("Search products").fill("lantern")
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size(PAPER)
    assert names_shown(page, "product_sales") == PRODUCTS[:15], "the largest, whatever was searched for"
    assert page.get_by_label("Search products").is_hidden()
    assert page.get_by_role("navigation").is_hidden()
    closed = """() => [...document.querySelectorAll('details > :not(summary)')]
        .filter(element => element.getBoundingClientRect().height === 0 || !element.checkVisibility())
        .map(element => element.outerHTML.slice(0, 60))"""
    assert page.evaluate(closed) == []
    clipped = """() => [...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth + 1 ||
        box.scrollHeight > box.clientHeight + 1).map(box => box.outerHTML.slice(0, 60))"""
    assert page.evaluate(clipped) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", ["large", "fifty segments"])
def test_the_answer_is_one_page_of_paper(browser: Browser, files: dict[str, Path], name: str):
    page = browser.new_page(viewport=PAPER)
    page.goto(files[name].as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelector('#answer').getBoundingClientRect().bottom") <= PAPER_HEIGHT
    assert page.evaluate("getComputedStyle(document.querySelector('#answer')).breakAfter") == "page"
    page.close()


def test_no_chart_is_cut_on_a_phone(opened: Open):
    page = opened(viewport={"width": 360, "height": 800})
    cut = """() => [...document.querySelectorAll('svg.chart, svg.bars')].filter(svg => svg.checkVisibility())
        .filter(svg => svg.getBoundingClientRect().right > 360 || svg.getBoundingClientRect().width < 250)
        .map(svg => svg.outerHTML.slice(0, 60))"""
    assert page.evaluate(cut) == []
    assert page.locator(".narrow svg.chart").first.is_visible()
    assert not page.locator(".wide svg.chart").first.is_visible()
    texts = "[...document.querySelectorAll('.narrow svg.chart text')]"
    assert min(page.evaluate(f"{texts}.map(text => text.getBoundingClientRect().height)")) >= 9


# ---- read aloud ----


@pytest.mark.parametrize("name", ["small", "hostile"])
def test_axe_finds_no_violation(browser: Browser, files: dict[str, Path], name: str):
    page = browser.new_page(color_scheme="light")
    page.goto(files[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))

    def violations(options: str) -> list[str]:
        result = page.evaluate(f"axe.run({options})")
        assert result["passes"], "axe has checked something"
        return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in result["violations"]]

    assert violations("{ resultTypes: ['violations'] }") == []
    page.emulate_media(color_scheme="dark")
    assert violations("{ runOnly: ['color-contrast'] }") == [], "colours alone differ in the dark"
    page.close()
