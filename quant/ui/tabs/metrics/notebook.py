"""El cuaderno de la práctica: the assignment's recipe run on the live model, and what its metric does not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from quant.evaluation.dynamic import Census, KindCount, Saved
from quant.evaluation.notebook import (
    BROKEN_BITS,
    MAX_LENGTH,
    SENTENCES,
    TEXT,
    TEXT_BYTES,
    NotebookReport,
    Pace,
    Scored,
    notebook_steps,
    pace,
)
from quant.evaluation.quality import Protocol
from quant.evaluation.speed import Speed
from quant.lab import Lab
from quant.text import Language, Text, fixed, number, size
from quant.texts import shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame
from quant.ui.tabs.base import Place, Run
from quant.ui.tabs.metrics import notebook_texts as t
from quant.ui.tabs.metrics import texts as metrics_texts
from quant.work import Progress

UNKNOWN = "—"
THEIR_LOSS = 34 / 3  # the notebook printed 11.3333


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML


def revisiting(lab: Lab, language: Language) -> Action[str, str, Frame]:
    """The notebook's recipe, run on the model of that name."""
    return Action(lab, language, lambda model: model, lambda model: revisit(lab, language, model), Frame)


def revisit(lab: Lab, language: Language, model: str) -> Iterator[Frame]:
    """Progress over what is known so far."""
    text, shown = shipped_text(TEXT).head(TEXT_BYTES), html.NOTHING

    def frame(step: Progress[NotebookReport]) -> Frame:
        nonlocal shown
        shown = result(step.so_far, text.title, language) if step.so_far else shown
        return Frame(html.progress(t.NOTEBOOK_RUNNING, step.fraction, language) + shown)

    report = yield from showing(notebook_steps(lab.loaded(model), text), frame)
    yield Frame(result(report, text.title, language))


def result(report: NotebookReport, title: Text, language: Language) -> Markup:
    """Three small chapters, each words first and its table under them."""
    return (
        html.legend(("measured",), language)
        + _heading(t.NOTEBOOK_CENSUS_TITLE, language)
        + _census(report.census, language)
        + _heading(t.NOTEBOOK_COST_TITLE, language)
        + _cost(report, language)
        + (
            _heading(t.NOTEBOOK_METRIC_TITLE, language) + _metric(report, report.scores, title, language)
            if report.scores
            else html.NOTHING
        )
    )


def _heading(text: Text, language: Language) -> Markup:
    return html.heading(4, text[language])


def _row_name(name: str, small: Text, badges: Markup, language: Language) -> str:
    return html.row_name(name, badges, small[language])


def _percent(part: float, whole: float, language: Language) -> str:
    return f"{number(100 * part / whole, language, 2)}{html.percent_sign(language)}"


def _change(a: float, b: float, language: Language) -> str:
    """From `a` to `b` in percent, signed."""
    return f"{'+' if b >= a else '−'}{_percent(abs(b - a), a, language)}"


def _census(census: Census, language: Language) -> Markup:
    shared = sum(kind.parameters for kind in census.kinds) > census.total
    captions = [t.NOTEBOOK_CONV1D if census.conv1d else t.NOTEBOOK_NO_CONV1D]
    captions += [t.NOTEBOOK_TABLE_SHARED] if shared else []
    rows = [_kind_row(kind, census.total, language) for kind in census.kinds]
    table = html.table([h[language] for h in t.NOTEBOOK_CENSUS_HEAD], rows)
    return html.verdict(_touched(census, language)) + table + html.caption(" ".join(c[language] for c in captions))


def _touched(census: Census, language: Language) -> str:
    names = census.converted
    words = (t.NOTEBOOK_TOUCHED_NONE, t.NOTEBOOK_TOUCHED_ONE, t.NOTEBOOK_TOUCHED_MANY)[min(len(names), 2)]
    return words.format(
        modules=census.modules, n=len(names), name=names[0] if names else "",
        parameters=fixed(census.converted_parameters, language, 0), total=fixed(census.total, language, 0),
        share=_percent(census.converted_parameters, census.total, language),
    )[language]  # fmt: skip


def _kind_row(kind: KindCount, total: int, language: Language) -> list[str]:
    if kind.converted:
        why = t.NOTEBOOK_WHY_TOUCHED
    elif kind.asked:
        why = t.NOTEBOOK_WHY_NO_VERSION
    else:
        why = t.NOTEBOOK_WHY_CONV1D if kind.kind == "Conv1D" else t.NOTEBOOK_WHY_NOT_ASKED
    return [
        _row_name(kind.kind, why, html.mark("measured", language), language),
        fixed(kind.modules, language, 0), fixed(len(kind.converted), language, 0),
        html.cell(fixed(kind.parameters, language, 0), _percent(kind.parameters, total, language)),
    ]  # fmt: skip


def _cost(report: NotebookReport, language: Language) -> Markup:
    measured = html.mark("measured", language)
    before, after = report.saved
    rows = [
        [
            _row_name(t.NOTEBOOK_FILE[language], t.NOTEBOOK_FILE_HINT, measured, language),
            size(before.file_bytes, language), size(after.file_bytes, language),
            _change(before.file_bytes, after.file_bytes, language),
        ],
        _part_row(t.NOTEBOOK_FLOATS, before.float_bytes, after.float_bytes, language),
        _part_row(t.NOTEBOOK_PACKED, before.packed_bytes, after.packed_bytes, language),
    ]  # fmt: skip
    words = _size_words(report.census, before, after, language)
    if report.speeds:
        rows.append(_speed_row(*report.speeds, language))
        words += " " + _speed_words(*report.speeds, language)
    return html.verdict(words) + html.table([h[language] for h in t.NOTEBOOK_COST_HEAD], rows)


def _part_row(name: Text, before: int, after: int, language: Language) -> list[str]:
    moved = UNKNOWN if before in (0, after) else _change(before, after, language)
    label = html.spaced(name[language], html.mark("measured", language))
    return [label, *(size(n, language) if n else "0" for n in (before, after)), moved]


def _size_words(census: Census, before: Saved, after: Saved, language: Language) -> str:
    a, b = size(before.file_bytes, language), size(after.file_bytes, language)
    if a == b:
        words = t.NOTEBOOK_SAME_SIZE
    else:
        words = t.NOTEBOOK_GROWS if after.file_bytes > before.file_bytes else t.NOTEBOOK_SHRINKS
    said = words.format(before=a, after=b, change=_change(before.file_bytes, after.file_bytes, language))[language]
    if census.table_twice:
        said += " " + t.NOTEBOOK_TABLE_TWICE.format(packed=size(after.packed_bytes, language))[language]
    return said


def _speed_words(a: Speed, b: Speed, language: Language) -> str:
    words = {Pace.FASTER: t.NOTEBOOK_FASTER, Pace.SLOWER: t.NOTEBOOK_SLOWER, Pace.SAME: t.NOTEBOOK_SAME_PACE}[
        pace(a, b)
    ]
    won = sum(y > x for x, y in zip(a.rounds, b.rounds, strict=True))
    return words.format(n=len(a.rounds), won=won, change=_change(a.median, b.median, language))[language]


def _speed_row(a: Speed, b: Speed, language: Language) -> list[str]:
    hint = t.NOTEBOOK_SPEED_HINT.format(odds=2 ** (len(a.rounds) - 1))
    name = _row_name(t.NOTEBOOK_SPEED[language], hint, html.mark("measured", language), language)
    unclear = pace(a, b) is Pace.SAME
    moved = t.NOTEBOOK_UNCLEAR[language] if unclear else _change(a.median, b.median, language)
    return [name, _rate(a, language), _rate(b, language), moved]


def _rate(speed: Speed, language: Language) -> str:
    low, high = (number(v, language, 3) for v in (speed.lowest, speed.highest))
    small = metrics_texts.SPEED_RANGE.format(n=len(speed.rounds), low=low, high=high)[language]
    return html.cell(number(speed.median, language, 3), small)


def _metric(report: NotebookReport, scores: tuple[Scored, ...], title: Text, language: Language) -> Markup:
    loss = number(scores[0].length.loss, language, 4)
    words = (t.NOTEBOOK_BLIND if report.blind else t.NOTEBOOK_NOT_BLIND).format(loss=loss, most=MAX_LENGTH)[language]
    original, recipe, broken = (s.quality.perplexity for s in scores)
    if broken > original:
        words += " " + t.NOTEBOOK_PERPLEXITY_SEES.format(original=original, recipe=recipe, broken=broken)[language]
    a, b, c = SENTENCES
    sentences = t.NOTEBOOK_SENTENCES.format(a=a, b=b, c=c, most=MAX_LENGTH, theirs=THEIR_LOSS)[language]
    table = html.table([h[language] for h in t.NOTEBOOK_METRIC_HEAD], _metric_rows(scores, language))
    protocol = _protocol(scores[0].quality.protocol, title, language)
    return html.verdict(words) + table + html.caption(sentences) + html.caption(protocol)


def _metric_rows(scores: tuple[Scored, ...], language: Language) -> list[list[str]]:
    badges = html.mark("measured", language)
    rows = []
    names = (t.NOTEBOOK_ORIGINAL, t.NOTEBOOK_RECIPE, t.NOTEBOOK_BROKEN.format(bits=BROKEN_BITS))
    for name, score in zip(names, scores, strict=True):
        written = Text(score.length.written[0], score.length.written[0])
        label = _row_name(name[language], t.NOTEBOOK_WRITES.format(text=written), badges, language)
        figures = (score.length.loss, score.quality.perplexity, score.quality.bits_per_byte)
        rows.append([label, *(number(f, language, 4) for f in figures)])
    return rows


def _protocol(p: Protocol, title: Text, language: Language) -> str:
    return t.NOTEBOOK_PROTOCOL.format(
        text=title, bytes=fixed(p.n_bytes, language, 0), windows=p.windows, context=p.context,
        tokens=fixed(p.tokens, language, 0),
    )[language]  # fmt: skip


def build_notebook(place: Place) -> Run:
    language = place.language
    with gr.Accordion(t.NOTEBOOK_TITLE[language], open=False, elem_id=f"notebook-{language}"):
        gr.Markdown(t.NOTEBOOK_INTRO[language])
        with gr.Row():
            button = gr.Button(t.NOTEBOOK_RUN[language], variant="primary", elem_id=f"revisit-{language}")
            stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110)
        output = gr.HTML(html.notice(t.NOTEBOOK_EMPTY[language], "note"), elem_id=f"revisited-{language}")
    action = revisiting(place.lab, language)
    return Run(action, lambda choice, _: choice.model, (button.click,), (), Outputs(output), stop)
