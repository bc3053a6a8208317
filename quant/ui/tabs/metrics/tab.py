"""Métrica: what quantization costs, size against quality, which format when, the file, the assignment's notebook."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.context import Context

from quant.text import Language
from quant.ui.shared.frames import Updates, Values
from quant.ui.tabs.base import Built, Place
from quant.ui.tabs.metrics import history_texts, picture_texts, when_texts
from quant.ui.tabs.metrics.file import build_file
from quant.ui.tabs.metrics.history import history_html
from quant.ui.tabs.metrics.kept import restored
from quant.ui.tabs.metrics.lessons import lessons_html
from quant.ui.tabs.metrics.measure import measure_run
from quant.ui.tabs.metrics.notebook import build_notebook
from quant.ui.tabs.metrics.picture import Shared, build_picture, build_sweep, picture_follow, section, sweep_buttons
from quant.ui.tabs.metrics.top import build_top
from quant.ui.tabs.metrics.when import when_html

FOLDER = Path(__file__).parent
CSS = (FOLDER / "metrics.css").read_text(encoding="utf8")
SCRIPTS = ("metrics.js", "history.js")
HEAD = "".join(f"<script>{(FOLDER / name).read_text(encoding='utf8')}</script>" for name in SCRIPTS)
# One key for both languages, and a secret that is none: what the browser has kept is checked like any other input.
STORAGE_KEY, SECRET = "quant-history", "quant-history-v1"


def build_metrics(place: Place) -> Built:
    language = place.language
    top, follows = build_top(place)
    picture = build_picture(place)
    buttons = sweep_buttons(language)
    section(picture_texts.LESSONS[language])
    gr.HTML(lessons_html(language))
    section(history_texts.HISTORY[language])
    tried = gr.HTML(history_html([], language), elem_id=f"history-{language}")
    history = gr.BrowserState([], storage_key=STORAGE_KEY, secret=SECRET, render=False)
    shared = Shared(picture, tried, history)
    heard = gr.Textbox(label=STORAGE_KEY, elem_id=f"heard-{language}", elem_classes="lab-hidden", render=False)
    _show(shared, language)
    _tell_windows(history, heard)
    with gr.Accordion(when_texts.WHEN[language], open=False):
        gr.HTML(when_html(language))
    plan, file = build_file(place)
    runs = (measure_run(place, top, shared), build_sweep(place, shared, *buttons), file, build_notebook(place))
    kept = {"own": top.reading.own, "measured_text": top.reading.text}
    follows = (*follows, picture_follow(picture, history, language), plan)
    return Built(follows=follows, runs=runs, kept=kept, stored=(history, heard))


def _tell_windows(history: gr.BrowserState, heard: gr.Textbox) -> None:
    """Windows of one browser tell each other what they have measured (history.js): each writes all that it knows, and
    would drop what it has not heard of. heard: changes when there is something to take in.
    """
    history.change(None, history, None, js="(entries) => window.labHistory.moved(entries)", api_visibility="private")
    heard.change(None, history, history, js="(entries) => [window.labHistory.united(entries)]",
                 api_visibility="private")  # fmt: skip


def _show(shared: Shared, language: Language) -> None:
    """The table of what the browser has kept; what of it cannot be read is left out, with a word."""

    def show(values: Values) -> Updates:
        entries, lost = restored(values[shared.history])
        return {shared.tried: history_html(entries, language, lost)}

    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    gr.on(
        [page.load, shared.history.change], show, {shared.history}, [shared.tried], trigger_mode="always_last",
        concurrency_id="light", concurrency_limit=2, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
