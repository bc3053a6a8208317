"""The report in a real browser: made, downloaded, and opened with the network off, where every figure is seen."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from visits import DESKTOP, Visit, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MADE_MS = 900_000  # three models are made and measured, and the machine may be busy
FIGURES = 4


@pytest.fixture(params=["es", "en"])
def desktop(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


def saved(page: Page, button: Locator, folder: Path) -> Path:
    """What the button downloads, under the name that it comes with."""
    with page.expect_download() as waiting:
        button.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_report_is_made_and_read_without_a_network(desktop: Visit, browser: Browser, tmp_path: Path) -> None:
    page, la = desktop.page, desktop.language
    desktop.open("tab=elige&bits=6")
    state = page.locator(f"#report-state-{la}")
    expect(state).to_contain_text("BF16")
    page.locator(f"#report-{la}").click()
    expect(page.locator(f"#report-page-{la}")).to_be_visible(timeout=MADE_MS)
    desktop.ended("report-stop")
    expect(page.locator(f"#report-said-{la} .lab-verdict")).to_be_visible()
    expect(state).not_to_contain_text("BF16")  # nothing is missing any more
    page.locator(f"#report-fold-{la} button").first.click()
    inside = page.frame_locator(f"#report-preview-{la} iframe")
    expect(inside.locator("figure svg")).to_have_count(FIGURES)
    report = saved(page, page.locator(f"#report-page-{la}"), tmp_path)
    archive = zipfile.ZipFile(saved(page, page.locator(f"#report-zip-{la}"), tmp_path))
    assert archive.read(report.name) == report.read_bytes()
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(archive.read("numbers.csv").decode()))}
    assert f'href="{page.url.partition("?")[0]}?model=embedded&amp;bits=6' in report.read_text(encoding="utf8")
    read_alone(browser, report, rows, f"shown_{la}")


def read_alone(browser: Browser, report: Path, rows: dict[str, dict[str, str]], shown: str) -> None:
    """The file in a browser that is offline: nothing is asked for, nothing complains, all is seen and in the table."""
    context = browser.new_context(viewport=DESKTOP, offline=True)
    page, asked, said = context.new_page(), list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()]
    figures = page.locator("figure svg")
    expect(figures).to_have_count(FIGURES)
    for figure in figures.all():
        expect(figure).to_be_visible()
        box = figure.bounding_box()
        assert box
        assert min(box["width"], box["height"]) > 80
        assert figure.locator("rect, circle, path").count() > 2
    for number in page.locator("data[data-id], tspan[data-id]").all():
        expect(number).to_be_visible()
        assert rows[str(number.get_attribute("data-id"))][shown] == number.text_content()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert not said
    context.close()
