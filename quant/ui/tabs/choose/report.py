"""Descargar informe: what is missing is measured, then the report of the live recipe is written and handed out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from gradio.context import Context
from markupsafe import Markup

from quant.errors import ModelError
from quant.lab import Lab
from quant.report.composed import compose
from quant.report.files import NAMES, Files, files_of
from quant.report.gathered import Report, Request, check, gather, request
from quant.report.sentences import size_said, verdict_said
from quant.report.speech import Html
from quant.text import Language, Text, size
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.shared.shelf import Shelf, Stored
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.choose import report_texts as t
from quant.ui.tabs.choose.report_state import state
from quant.ui.tabs.metrics.file_texts import FILE_NO_FOLDER

PIECES = "tabs/choose/report.html.j2"
ADDRESS_JS = "() => window.location.origin + window.location.pathname"
ADDRESS = re.compile(r"https?://[\w.:\[\]/~%-]{1,200}", re.ASCII)


def hidden() -> object:
    return gr.update(visible=False)


@dataclass(frozen=True)
class Handed(Frame):
    """What happens now; the downloads are hidden until there is a report of the recipe asked for."""

    page: object = field(default_factory=hidden)
    archive: object = field(default_factory=hidden)
    preview: str | None = None
    state: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Handed`."""

    said: gr.HTML
    page: gr.DownloadButton
    archive: gr.DownloadButton
    preview: gr.HTML
    state: gr.HTML


@dataclass(frozen=True)
class Asked:
    """Of which choice a report is asked. address: of the page, as its browser says."""

    choice: Choice
    address: str = ""


def reporting(lab: Lab, shelf: Shelf, language: Language) -> Action[Asked, tuple[Choice, Request], Handed]:
    """The report of a choice."""

    def ready(asked: Asked) -> tuple[Choice, Request]:
        found = request(asked.choice.recipe(), link_of(asked))
        check(lab, found)
        return asked.choice, found

    return Action(lab, language, ready, lambda found: make(lab, shelf, language, *found), Handed)


def link_of(asked: Asked) -> str:
    """The address of the page with the recipe; empty where what the browser says is no address."""
    if not ADDRESS.fullmatch(asked.address):
        return ""
    return f"{asked.address}?{asked.choice.query()}&tab=elige"


def make(lab: Lab, shelf: Shelf, language: Language, choice: Choice, asked: Request) -> Iterator[Handed]:
    """Progress; then what it comes to, the files, the page to read. Raises ModelError where no file can be written."""
    report = yield from showing(
        gather(lab, asked), lambda step: Handed(html.progress(t.MAKING, step.fraction, language))
    )
    files = files_of(report)
    page, archive = _written(shelf, files, language)
    preview = html.belongs(choice.query(), macros(PIECES).frame(t.REPORT[language], files.html(language)), language)
    yield Handed(
        result(report, choice, language), _button(page, t.PAGE, language), _button(archive, t.ARCHIVE, language),
        preview, state(lab, choice, language),
    )  # fmt: skip


def _button(stored: Stored, text: Text, language: Language) -> object:
    label = text.format(size=size(stored.n_bytes, language))[language]
    return gr.update(visible=True, value=str(stored.path), label=label)


def _written(shelf: Shelf, files: Files, language: Language) -> tuple[Stored, Stored]:
    """The page and the archive on the shelf, by what they hold: a report of another moment is another file."""
    name = NAMES[language]
    contents = {f"{name}.html": files.html(language).encode(), f"{name}.zip": files.zipped()}
    try:
        page, archive = (_kept(shelf, one, content) for one, content in contents.items())
    except OSError as error:
        raise ModelError(FILE_NO_FOLDER.format(reason=error.strerror or str(error))) from error
    return page, archive


def _kept(shelf: Shelf, name: str, content: bytes) -> Stored:
    key = (name, hashlib.sha256(content).hexdigest())

    def write(path: Path) -> None:
        path.write_bytes(content)

    return shelf.get(key) or shelf.put(key, name, len(content), write)


def result(report: Report, choice: Choice, language: Language) -> Markup:
    """What the report comes to, and what it holds."""
    document, facts = compose(report)
    speech = Html(facts, language)
    brief = [verdict_said(report.row.figures)[0], size_said(report.sizes)[0]]
    said = Markup(" ").join(speech.say(sentence) for sentence in brief)
    holds = t.READY.format(figures=len(facts), pictures=len(document.pictures))[language]
    return html.belongs(choice.query(), html.verdict(said) + html.caption(holds), language)


def build_report(place: Place) -> Built:
    """The section: what it would hold, the button, what it comes to, the files, and the report to read."""
    language = place.language
    gr.Markdown(f"## {t.REPORT[language]}\n{t.INTRO[language]}", elem_classes="lab-section")
    now = gr.HTML(elem_id=f"report-state-{language}")
    with gr.Row():
        button = gr.Button(t.MAKE[language], variant="primary", scale=0, min_width=220, elem_id=f"report-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"report-stop-{language}")
    said = gr.HTML(elem_id=f"report-said-{language}")
    with gr.Row():
        page = gr.DownloadButton(
            visible=False, variant="primary", scale=0, min_width=250, elem_id=f"report-page-{language}"
        )
        archive = gr.DownloadButton(visible=False, scale=0, min_width=250, elem_id=f"report-zip-{language}")
    with gr.Accordion(t.PREVIEW[language], open=False, elem_id=f"report-fold-{language}"):
        preview = gr.HTML(html.caption(t.PREVIEW_EMPTY[language]), elem_id=f"report-preview-{language}")
    address = gr.Textbox("", label=t.ADDRESS[language], elem_classes="lab-hidden", elem_id=f"report-address-{language}")
    _tell_address(address)

    def follow(seen: Seen, _: Values) -> Updates:
        return {now: state(place.lab, seen.choice, language)}

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[address] or "")

    action = reporting(place.lab, place.shelf, language)
    run = Run(action, asks, (button.click,), (address,), Outputs(said, page, archive, preview, now), stop)
    return Built((Follow(follow, (now,), late=True),), (run,))


def _tell_address(address: gr.Textbox) -> None:
    """The browser says where the page is: the server does not know what stands before it."""
    opened = Context.root_block
    assert opened is not None, "a tab is built inside a page"
    opened.load(None, None, address, js=ADDRESS_JS, api_visibility="private", show_progress="hidden")  # type: ignore[attr-defined]
