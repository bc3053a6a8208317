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
from quant.ui.tabs.metrics.kept import as_kept, restored
from quant.ui.tabs.metrics.lessons import lessons_html
from quant.ui.tabs.metrics.measure import build_top, measure_run
from quant.ui.tabs.metrics.notebook import build_notebook
from quant.ui.tabs.metrics.picture import Shared, build_picture, build_sweep, picture_html, section, sweep_buttons
from quant.ui.tabs.metrics.when import when_html

FOLDER = Path(__file__).parent
CSS = (FOLDER / "metrics.css").read_text(encoding="utf8")
HEAD = f"<script>{(FOLDER / 'metrics.js').read_text(encoding='utf8')}</script>"
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
    _restore(shared, language)
    section(when_texts.WHEN[language])
    gr.HTML(when_html(language))
    plan, file = build_file(place)
    runs = (measure_run(place, top, shared), build_sweep(place, shared, *buttons), file, build_notebook(place))
    kept = {"own": top.own, "measured_text": top.text}
    return Built(follows=(*follows, plan), runs=runs, kept=kept, stored=(history,))


def _restore(shared: Shared, language: Language) -> None:
    """What the browser has kept is shown when the page opens; what of it cannot be read is left out, with a word."""

    def restore(values: Values) -> Updates:
        entries, lost = restored(values[shared.history])
        if not entries and not lost:
            return {}
        shown: Updates = {
            shared.tried: history_html(entries, language, lost),
            shared.picture: picture_html(entries, language),
        }
        return shown | ({shared.history: as_kept(entries)} if lost else {})

    page = Context.root_block
    assert page is not None, "a tab is built inside a page"
    page.load(
        lambda values: restore(values) or gr.skip(), {shared.history}, [shared.tried, shared.picture, shared.history],
        concurrency_id="light", concurrency_limit=2, show_progress="hidden", api_visibility="private",
    )  # fmt: skip
