"""The report as a person has it: opened from disk in a headless browser. Skipped where none is installed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.records.report_run import make_run
from workbench.records.run_folders import find_results
from workbench.report.html.page import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra dev)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("outputs") / "a run"
    make_run(run)
    write_report(find_results([run]), run / "report.html")
    return run / "report.html"


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[Any]:
    """The page on a desk's screen; whatever the test does, there is no error and no request but for the file."""
    with browser.new_context(viewport={"width": 1400, "height": 900}) as context:
        page = context.new_page()
        messages: list[str] = []
        urls: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: urls.append(request.url))
        page.goto(report.as_uri())
        yield page
        assert messages == []
        assert {url for url in urls if not url.startswith("data:")} == {report.as_uri()}


def until(page: Any, condition: str) -> None:
    """Wait at most ten seconds. Playwright's own wait evaluates text in the page, which the page's policy forbids."""
    page.evaluate(
        f"""new Promise((done, failed) => {{
          setTimeout(() => failed(new Error({condition!r})), 10_000);
          setInterval(() => {condition} && done(), 20);
        }})"""
    )


def names(page: Any) -> list[str]:
    return [cell.strip()[:12] for cell in page.locator("#variants tbody th").all_inner_texts()]


def test_charts_are_drawn_and_readable(opened: Any) -> None:
    assert opened.locator("#first svg").bounding_box()["y"] < 500
    opened.wait_for_selector("#pareto circle.dot")
    assert opened.locator("#pareto circle.dot").count() == 3  # int8-naive has no program
    assert opened.locator("#pareto circle.dot.fail").count() == 1
    assert opened.locator("#pareto line.gate").count() == 3  # 1 cent, 0.01 cents, 800,000 bytes
    assert opened.locator("#pareto-left-out").inner_text().endswith("int8-naive.")
    opened.locator("#pareto circle.dot.fail").hover()
    assert opened.locator("#tip").inner_text().startswith("unfair (UNFAIR)\nfail\npitch p95 1900 cents")
    assert opened.evaluate("decadeTicks(5e5, 9e5)") == [5e5, 6e5, 7e5, 8e5, 9e5]
    opened.keyboard.press("Escape")
    assert opened.locator("#tip").is_hidden()


def test_heading_sorts_by_click_and_by_key(opened: Any) -> None:
    before = names(opened)
    assert before == ["a-<img src=x", "float-xnnpac", "unfair", "int8-naive"]  # by verdict, then as pick ranks
    heading = opened.locator("#variants thead th", has_text="pitch p95")
    assert heading.get_attribute("aria-sort") == "none"
    heading.locator("button").click()
    assert names(opened) == ["float-xnnpac", "a-<img src=x", "unfair", "int8-naive"]
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").focus()
    opened.keyboard.press("Enter")
    assert names(opened) == ["unfair", "a-<img src=x", "float-xnnpac", "int8-naive"]  # no number: last either way
    assert heading.get_attribute("aria-sort") == "descending"


def test_link_opens_a_variant_with_its_clips_and_sounds(opened: Any) -> None:
    opened.locator("#variants tbody th a").first.click()
    section = opened.locator("#variant-0")
    section.locator(".contour path.line").first.wait_for()
    first = section.locator(".contour svg").inner_html()
    select = section.locator("select")
    assert select.input_value() == "0"  # the clip with the largest deviation
    select.select_option("1")
    assert section.locator(".contour svg").inner_html() != first
    section.locator(".contour svg").focus()
    for _ in range(7):
        opened.keyboard.press("ArrowRight")
    assert "variant +5 cents" in opened.locator("#tip").inner_text()
    assert section.locator(".moment .chart svg").count() == 3
    for button in (opened.locator("#first .play"), section.locator(".play").first):
        button.click()
        until(opened, "audio.currentTime > 0.2")
        assert opened.evaluate("[audio.error, Math.round(audio.duration * 100) / 100]") == [None, 1]
        assert button.inner_text().strip() == "■ Stop"
        until(opened, "audio.ended")
        assert button.inner_text().strip() == "▶ Play this second"


OVERLAPPING_LABELS = """[...document.querySelectorAll('.axis .track, #pareto svg, #first svg')].flatMap((chart) => {
  const labels = [...chart.querySelectorAll('span, text')];
  const placed = labels.map((label) => [label.textContent, label.getBoundingClientRect()]);
  const boxes = placed.filter(([, box]) => box.width);
  const cut = boxes.filter(([, box]) => box.left < 0 || box.right > innerWidth);
  return cut.concat(boxes.filter(([, a], index) => boxes.slice(index + 1).some(([, b]) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom - 3 && b.top < a.bottom - 3))).map(([text]) => text);
})"""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("light", 400), ("dark", 390)])
def test_page_fits_a_screen(browser: Any, report: Path, scheme: Any, width: int) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(report.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        page.locator("#variant-0 .contour svg").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        channels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(channels) < 60) == (scheme == "dark")
        assert page.evaluate(OVERLAPPING_LABELS) == []
        assert page.locator("img").count() == 0, "a name is never run"
