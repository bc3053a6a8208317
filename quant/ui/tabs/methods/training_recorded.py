"""Métodos: longer trainings as they were recorded, moment by moment, and from them when training on is worth it.

Only the run that was asked for is sent, and of its checks a dozen: the browser moves among them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from quant.errors import ModelError
from quant.estimator import Values
from quant.evaluation.learning import MOST_VALUES, Check, Learning
from quant.evaluation.worth import half_won
from quant.plots.trained import Curve, Level, places, trained_svg
from quant.recorded_methods import recorded_methods
from quant.recorded_training import FILE, RecordedTraining, Run, recorded_training
from quant.scheme import Scheme
from quant.text import Language, Text, number
from quant.ui.shared import html
from quant.ui.shared.frames import Updates
from quant.ui.shared.frames import Values as Given
from quant.ui.shared.glossary import prose
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import query_of
from quant.ui.tabs.base import Built, Follow, Place, Seen
from quant.ui.tabs.methods import training_recorded_texts as t
from quant.ui.tabs.methods.training_worth import bits, said, took, worth_html

PIECES, METHODS = "tabs/methods/training_recorded.html.j2", "tabs/methods/methods.html.j2"
SCRIPT = (Path(__file__).parent / "training_recorded.js").read_text(encoding="utf8")
MOST_CHECKS, MOST_POINTS = 12, 90  # that the slider stops at, and that the curve is drawn through


def known(
    language: Language, file: Path = FILE, read: Callable[[], RecordedTraining] = recorded_training
) -> tuple[RecordedTraining | None, Markup]:
    """The recorded trainings; where there are none, or none of these weights, a word that says so."""
    if not file.exists():
        return None, html.notice(t.NOTHING[language], "note")
    try:
        kept = read()
    except ModelError as error:
        return None, html.notice(t.OTHERS.format(problem=error.text)[language], "note")
    return (kept, html.NOTHING) if kept.runs else (None, html.notice(t.NOTHING[language], "note"))


def spread(seconds: Sequence[float], most: int) -> list[int]:
    """Which of some times, rising from 0, stand for all: first, last, and about equal factors between."""
    later = [s for s in seconds if s > 0]
    if len(seconds) <= most or not later:
        return list(range(len(seconds)))
    low, high = math.log(later[0]), math.log(later[-1])
    wanted = [low + (high - low) * i / (most - 2) for i in range(most - 1)]
    found = {min(range(1, len(seconds)), key=lambda i: abs(math.log(seconds[i]) - one)) for one in wanted}
    return sorted({0, len(seconds) - 1, *found})


def curve_of(run: Run, learning: Learning) -> Curve:
    """What the figure of a run shows."""
    checks = learning.checks
    points = tuple((checks[i].seconds, checks[i].kl) for i in spread([c.seconds for c in checks], MOST_POINTS))
    tried = (("rounding", run.kl_rounding), ("gptq", run.kl_gptq))
    levels = (Level(css, t.METHODS[css], kl.value) for css, kl in tried if kl is not None and kl.value is not None)
    return Curve(points, tuple(levels), run.kl.estimate)


def run_html(run: Run, language: Language) -> Markup:
    """The element of a run: figure, slider, texts, histogram, and a link to the model where the drawer can say it."""
    learning = run.learning
    curve, checks = curve_of(run, learning), learning.checks
    shown = [checks[i] for i in spread([c.seconds for c in checks], MOST_CHECKS)]
    marks = places(curve, [(check.seconds, check.kl) for check in shown])
    moments = [
        {"said": moment(c)[language], "text": _line(c.text), "places": c.places, "marks": m}
        for c, m in zip(shown, marks, strict=True)
    ]
    scheme = run.made.rules[-1].scheme
    assert scheme is not None, "a training is of something that is quantized"
    data = {"checks": moments, "values": values(scheme, len(checks[0].places), language)}
    address = query_of(run.made)
    use = macros(METHODS).use(address, t.USE[language]) if address else html.NOTHING
    element = macros(PIECES).run(
        json.dumps(data, ensure_ascii=False, separators=(",", ":")), _words(learning, language),
        Markup(trained_svg(curve, language)), len(shown), moments[-1], use,
    )  # fmt: skip
    return Markup(element) + html.caption(caption(learning)[language])


def caption(learning: Learning) -> Text:
    """What was read where, when half of the gain was there, and why it goes on falling at the end."""
    half = half_won([(check.seconds, check.kl) for check in learning.checks])
    training = learning.recipe.training
    said = [] if half is None else [t.HALF.format(half=took(half), all=took(learning.seconds))]
    said += [t.TO_ZERO] * bool(training and training.decay_steps)
    said.append(t.CURVE)
    return Text(" ".join(one.es for one in said), " ".join(one.en for one in said))


def values(scheme: Scheme, bins: int, language: Language) -> list[tuple[float, str]]:
    """Of each value that can be stored its place in the histogram, in bins, and its name; a large grid's middle."""
    grid = Values.of(scheme)
    low, high = grid.low, grid.high
    if high - low >= MOST_VALUES:
        middle = (low + high) // 2
        low, high = middle - MOST_VALUES // 2, middle + MOST_VALUES // 2 - 1
    each = bins / (high - low + 1)
    stored = (low, high) if grid.two else [low + i for i in range(int(high - low) + 1)]
    return [((value - low + 0.5) * each, number(value - grid.middle, language, 2)) for value in stored]


def _words(learning: Learning, language: Language) -> dict[str, object]:
    now, start, original = (t.WROTE[name][language] for name in ("now", "start", "original"))
    return {
        "mark": html.mark("recorded", language), "time": t.TIME[language], "now": now, "start": start,
        "original": original, "legend": [(css, name[language]) for css, name in t.LEGEND],
        "text_original": _line(learning.text_original),
        "text_start": _line(learning.checks[0].text), "places": t.PLACES[language],
        "places_label": t.PLACES_LABEL[language], "places_said": t.PLACES_SAID[language],
    }  # fmt: skip


def moment(check: Check) -> Text:
    """What a check found, in a line."""
    words = t.AT if check.step else t.AT_START
    return words.format(
        seconds=took(check.seconds), step=check.step, kl=said(check.kl), perplexity=said(check.perplexity)
    )


def _line(text: str) -> str:
    return " ".join(text.split())


# ---- the section


def build_trained(place: Place) -> Built:
    """Runs to choose among, and below them what they say of PTQ and QAT; a word in place of what is not there."""
    language = place.language
    gr.Markdown(f"## {t.TITLE[language]}", elem_classes="lab-section")
    prose(t.INTRO[language], language)
    kept, word = known(language)
    follows = (build_runs(kept, language),) if kept else ()
    if word:
        gr.HTML(word, elem_id=f"trained-shown-{language}")
    gr.Markdown(f"### {t.WORTH[language]}")
    try:
        answer = worth_html(recorded_methods(), kept, language)
    except ModelError as error:
        answer = html.problem(error, language)
    gr.HTML(answer, elem_id=f"worth-{language}")
    return Built(follows=follows)


def build_runs(kept: RecordedTraining, language: Language) -> Follow:
    """The list of runs, and the one that is chosen."""
    runs = {run.name: run for run in kept.runs}
    first = next(iter(runs))
    names = [(bits(name)[language], name) for name in runs]
    chosen = gr.Radio(names, value=first, label=t.RUN[language], elem_id=f"trained-run-{language}", interactive=True)
    shown = gr.HTML(elem_id=f"trained-shown-{language}")

    def show(_: Seen, given: Given) -> Updates:
        return {shown: run_html(runs.get(given[chosen], runs[first]), language)}

    return Follow(show, (shown,), model=True, own=(chosen,), late=True)
