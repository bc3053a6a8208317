"""Métrica: the baseline of the unquantized model and the same for the quantized one, on a fixed text."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from html import escape

import gradio as gr

from quant.errors import EvaluationError, QuantError
from quant.evaluate.quality import Quality, evaluate_steps
from quant.evaluate.speed import Speed, speed_steps
from quant.evaluate.texts import TITLES, EvalText, own_text, shipped_text
from quant.lab import Lab
from quant.model.recipe import SizeReport, size_report
from quant.text import Language, Text, fixed, number, size
from quant.ui import html
from quant.ui import texts as t
from quant.ui.choice import Choice
from quant.ui.heavy import Frames, in_turn, quantizing

QUICK_BYTES = 40_000


@dataclass(frozen=True)
class MetricsTab:
    text: gr.Radio
    amount: gr.Radio
    own: gr.Textbox
    measure: gr.Button
    stop: gr.Button
    output: gr.HTML


@dataclass(frozen=True)
class Comparison:
    """What has been measured so far; `speeds` is (original, quantized), None until timed."""

    base: Quality
    quantized: Quality
    report: SizeReport
    speeds: tuple[Speed, Speed] | None
    title: Text
    recipe: Text


def chosen_text(name: str, amount: str, own: str) -> EvalText:
    """The text a request names. Raises EvaluationError."""
    if amount not in t.METRIC_AMOUNTS:
        raise EvaluationError(t.BAD_AMOUNT.format(got=amount, allowed=", ".join(t.METRIC_AMOUNTS)))
    text = own_text(own) if name == "own" else shipped_text(name)
    return text.head(QUICK_BYTES) if amount == "quick" and name != "own" else text


def measure(lab: Lab, language: Language, choice: Choice, text: EvalText) -> Iterator[str]:
    """Progress, then the table, growing; every figure in it was measured in this call or is the cached baseline."""
    report = size_report(lab.loaded(choice.model), choice.recipe())
    base = yield from _baseline(lab, language, choice.model, text)
    model = yield from quantizing(lab, language, choice.recipe())
    shown = ""
    for fraction, quality in evaluate_steps(model, text):
        bar = html.progress(t.MEASURING_QUANTIZED, fraction, language)
        if fraction < 1:  # not beside the baseline, which has read the whole text
            shown = html.verdict(_so_far(fraction, quality, language)) + html.caption(choice.describe()[language])
        else:
            shown = result(Comparison(base, quality, report, None, text.title, choice.describe()), language)
        yield bar + shown
    for step in speed_steps([lab.loaded(choice.model), model]):
        if isinstance(step, float):
            yield html.progress(t.MEASURING_SPEED, step, language) + shown
        else:
            yield result(Comparison(base, quality, report, (step[0], step[1]), text.title, choice.describe()), language)


def _so_far(fraction: float, quality: Quality, language: Language) -> str:
    share, perplexity = number(100 * fraction, language, 2), number(quality.perplexity, language, 4)
    return t.METRIC_SO_FAR.format(share=share, perplexity=perplexity)[language]


def _baseline(lab: Lab, language: Language, model: str, text: EvalText) -> Generator[str, None, Quality]:
    """Yield a progress bar while the unquantized model is scored; return its score."""
    yield html.progress(t.MEASURING_BASE, 0.0, language)
    for fraction, quality in lab.baseline(model, text):
        if fraction == 1:
            return quality
        yield html.progress(t.MEASURING_BASE, fraction, language)
    raise AssertionError("a baseline ends with the whole text")


def result(c: Comparison, language: Language) -> str:
    """Words first, the table under them, the protocol last."""
    words = t.METRIC_WORDS.format(
        bits=number(c.report.quantized_bits_per_weight, language, 3), before=size(c.report.float_bytes, language),
        after=size(c.report.stored_bytes, language), move=_move(c.base.perplexity, c.quantized.perplexity, language),
    )  # fmt: skip
    table = html.table([h[language] for h in t.METRIC_HEAD], _rows(c, language))
    return (
        html.verdict(words[language]) + table + html.caption(c.recipe[language]) + html.caption(_protocol(c, language))
    )


def _move(a: float, b: float, language: Language) -> str:
    shown_a, shown_b = number(a, language, 4), number(b, language, 4)
    if shown_a == shown_b:
        return t.METRIC_SAME.format(a=shown_a)[language]
    text = t.METRIC_RISES if b > a else t.METRIC_FALLS
    return text.format(a=shown_a, b=shown_b, change=change(a, b, language))[language]


def change(a: float, b: float, language: Language) -> str:
    """From `a` to `b` in percent, or as a factor where percent no longer says anything."""
    if a == 0 or math.isinf(b):
        return "∞"
    if b / a > 3:
        return f"× {number(b / a, language, 3)}"
    percent = 100 * (b - a) / a
    return f"{'+' if percent >= 0 else '−'}{number(abs(percent), language, 2)}{html.percent_sign(language)}"


def _row_name(name: Text, hint: Text, badges: str, language: Language) -> str:
    return f"{escape(name[language])} {badges}<small>{escape(hint[language])}</small>"


def _rows(c: Comparison, language: Language) -> list[list[str]]:
    measured, exact = html.badge("measured", language), html.badge("exact", language)
    quality = [
        [_row_name(name, hint, measured, language), number(a, language, 4), number(b, language, 4),
         change(a, b, language)]
        for name, hint, a, b in (
            (t.PERPLEXITY, t.PERPLEXITY_HINT, c.base.perplexity, c.quantized.perplexity),
            (t.BPB, t.BPB_HINT, c.base.bits_per_byte, c.quantized.bits_per_byte),
        )
    ]  # fmt: skip
    before, after = c.report.float_bytes, c.report.stored_bytes
    name = _row_name(t.SIZE, t.SIZE_HINT, exact, language)
    sizes = [name, size(before, language), size(after, language), change(before, after, language)]
    return [*quality, sizes, *([_speed_row(*c.speeds, language)] if c.speeds else [])]


def _speed_row(a: Speed, b: Speed, language: Language) -> list[str]:
    mark = html.badge("measured", language) + html.badge("simulated", language)
    overlap = a.lowest <= b.highest and b.lowest <= a.highest
    moved = t.NO_CLEAR_CHANGE[language] if overlap else change(a.median, b.median, language)
    return [_row_name(t.SPEED, t.SPEED_HINT, mark, language), _rate(a, language), _rate(b, language), moved]


def _rate(speed: Speed, language: Language) -> str:
    low, high = (number(v, language, 3) for v in (speed.lowest, speed.highest))
    small = t.SPEED_RANGE.format(n=len(speed.rounds), low=low, high=high)[language]
    return f"{number(speed.median, language, 3)}<small>{small}</small>"


def _protocol(c: Comparison, language: Language) -> str:
    p = c.quantized.protocol
    fields = {"documents": p.documents, "windows": p.windows, "context": p.context, "stride": p.stride}
    return t.PROTOCOL.format(
        text=c.title, arithmetic=p.arithmetic, tokens=fixed(p.tokens, language, 0),
        bytes=fixed(p.n_bytes, language, 0), **fields,
    )[language]  # fmt: skip


def measured_or_problem(lab: Lab, language: Language, choice: Choice, text: str, amount: str, own: str) -> Frames:
    """What the output shows, whatever happens."""
    try:
        yield from in_turn(lab, language, measure(lab, language, choice, chosen_text(text, amount, own)))
    except QuantError as error:
        yield html.problem(error, language)


def build_metrics(language: Language) -> MetricsTab:
    gr.Markdown(t.METRIC_INTRO[language])
    with gr.Row():
        text = gr.Radio(
            [(name[language], key) for key, name in t.METRIC_TEXTS.items()], value=next(iter(TITLES)),
            label=t.METRIC_TEXT[language],
        )  # fmt: skip
        amount = gr.Radio(
            [(name[language], key) for key, name in t.METRIC_AMOUNTS.items()], value="quick",
            label=t.METRIC_AMOUNT[language],
        )  # fmt: skip
    own = gr.Textbox(label=t.METRIC_OWN[language], info=t.METRIC_OWN_INFO[language], lines=5, visible=False)
    with gr.Row():
        go = gr.Button(t.MEASURE[language], variant="primary", elem_id=f"measure-{language}")
        stop = gr.Button(t.STOP[language], scale=0, min_width=110)
    output = gr.HTML(html.notice(t.METRIC_EMPTY[language], "note"), elem_id=f"measured-{language}")
    text.input(
        lambda kind: (gr.update(visible=kind == "own"), gr.update(visible=kind != "own")), text, [own, amount],
        show_progress="hidden", queue=False, api_visibility="private",
    )  # fmt: skip
    return MetricsTab(text, amount, own, go, stop, output)
