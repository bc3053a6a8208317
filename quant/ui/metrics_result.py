"""The result of Métrica as HTML: the verdict in words, the tables under it, the protocol last."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from quant.evaluate.figures import Estimate, Figures
from quant.evaluate.size import process_bytes
from quant.evaluate.speed import Speed
from quant.evaluate.verdict import RULE
from quant.model.recipe import SizeReport
from quant.text import Language, Text, fixed, number, size
from quant.ui import html
from quant.ui import texts as t


@dataclass(frozen=True)
class Shown:
    """What has been measured so far. speeds: (original, quantized), None until timed; memory: bytes of both models."""

    figures: Figures
    report: SizeReport
    speeds: tuple[Speed, Speed] | None
    memory: tuple[int, int]
    title: Text
    recipe: Text


def result(s: Shown, language: Language) -> str:
    f = s.figures
    warning = html.notice(f.warning[language], "note") if f.warning else ""
    cost = html.table([h[language] for h in t.METRIC_HEAD], _rows(s, language))
    drift = html.table([h[language] for h in t.DIVERGENCE_HEAD], _drift_rows(f, language))
    below = html.caption(s.recipe[language]) + html.caption(_protocol(s, language)) + html.caption(_sure(f, language))
    return _words(s, language) + warning + cost + f"<h3>{escape(t.DIVERGENCE[language])}</h3>" + drift + below


def _words(s: Shown, language: Language) -> str:
    f, judged = s.figures, s.figures.judgement
    words = t.METRIC_WORDS.format(
        bits=number(s.report.quantized_bits_per_weight, language, 3), before=size(s.report.float_bytes, language),
        after=size(s.report.stored_bytes, language),
        move=_move(f.perplexity_original.value, f.perplexity_quantized.value, language),
    )[language]  # fmt: skip
    rule = f"<details><summary>{escape(t.RULE_LABEL[language])}</summary>{html.caption(RULE[language])}</details>"
    return html.verdict(judged.sentence[language]) + f"<p>{escape(words)}</p>" + rule


def _move(a: float, b: float, language: Language) -> str:
    shown_a, shown_b = number(a, language, 4), number(b, language, 4)
    if shown_a == shown_b:
        return t.METRIC_SAME.format(a=shown_a)[language]
    text = t.METRIC_RISES if b > a else t.METRIC_FALLS
    return text.format(a=shown_a, b=shown_b, change=change(a, b, language))[language]


def change(a: float, b: float, language: Language) -> str:
    """From `a` to `b` in percent, or as a factor where percent no longer says anything."""
    if a == b:
        return "="
    if a == 0 or math.isinf(b):
        return "∞"
    if b / a > 3:
        return f"× {number(b / a, language, 3)}"
    percent = 100 * (b - a) / a
    return f"{'+' if percent >= 0 else '−'}{number(abs(percent), language, 2)}{html.percent_sign(language)}"


def _row_name(name: Text, hint: Text, badges: str, language: Language) -> str:
    return f"{escape(name[language])} {badges}<small>{escape(hint[language])}</small>"


def _rows(s: Shown, language: Language) -> list[list[str]]:
    f, exact = s.figures, html.badge("exact", language)
    ratio = f.log_ratio.through(lambda nats: math.exp(min(nats, 700)))
    before, after = s.report.float_bytes, s.report.stored_bytes
    sizes = [_row_name(t.SIZE, t.SIZE_HINT, exact, language), size(before, language), size(after, language),
             change(before, after, language)]  # fmt: skip
    return [
        _quality_row(t.PERPLEXITY, t.PERPLEXITY_HINT, f.perplexity_original, f.perplexity_quantized, ratio, language),
        _quality_row(t.BPB, t.BPB_HINT, f.bits_per_byte_original, f.bits_per_byte_quantized, None, language),
        sizes,
        _memory_row(s.memory, language),
        *(_speed_rows(*s.speeds, language) if s.speeds else []),
    ]  # fmt: skip


def _quality_row(name: Text, hint: Text, a: Estimate, b: Estimate, ratio: Estimate | None,
                 language: Language) -> list[str]:  # fmt: skip
    moved = change(a.value, b.value, language)
    if ratio and ratio.interval:
        low, high = (change(1.0, end, language) for end in (ratio.interval.low, ratio.interval.high))
        moved += f"<small>{escape(t.INTERVAL.format(low=low, high=high)[language])}</small>"
    first = _row_name(name, hint, html.badge("measured", language), language)
    return [first, _figure(a, language), _figure(b, language), moved]


def _figure(estimate: Estimate, language: Language) -> str:
    shown = number(estimate.value, language, 4)
    return shown + (f"<small>{_ends(estimate, language)}</small>" if estimate.interval else "")


def _ends(estimate: Estimate, language: Language, digits: int = 3) -> str:
    if estimate.interval is None:
        return escape(t.NO_INTERVAL[language])
    low, high = (number(end, language, digits) for end in (estimate.interval.low, estimate.interval.high))
    return f"{low} – {high}"


def _drift_rows(f: Figures, language: Language) -> list[list[str]]:
    mark = html.badge("measured", language)
    top, rms = (e.through(lambda share: 100 * share) for e in (f.same_top, f.probability_rms))
    rows = [
        (t.KL_MEAN, t.KL_HINT, f.kl_mean, ""), (t.KL_MEDIAN, t.KL_MEDIAN_HINT, f.kl_median, ""),
        (t.KL_99, t.KL_99_HINT, f.kl_99, ""), (t.KL_999, t.KL_999_HINT, f.kl_999, ""),
        (t.KL_MAX, t.KL_MAX_HINT, Estimate(f.kl_max), ""),
        (t.SAME_TOP, t.SAME_TOP_HINT, top, html.percent_sign(language)),
        (t.PROBABILITY_RMS, t.PROBABILITY_RMS_HINT, rms, html.percent_sign(language)),
    ]  # fmt: skip
    return [
        [_row_name(name, hint, mark, language), number(e.value, language, 3) + unit,
         "—" if name is t.KL_MAX else _ends(e, language)]
        for name, hint, e, unit in rows
    ]  # fmt: skip


def _memory_row(memory: tuple[int, int], language: Language) -> list[str]:
    held = process_bytes()
    process = size(held, language) if held else t.UNKNOWN[language]
    mark = html.badge("measured", language) + html.badge("simulated", language)
    name = _row_name(t.MEMORY, t.MEMORY_HINT.format(process=process), mark, language)
    return [name, *(size(n, language) for n in memory), change(*memory, language)]


def _speed_rows(a: Speed, b: Speed, language: Language) -> list[list[str]]:
    mark = html.badge("measured", language) + html.badge("simulated", language)
    rows = []
    for name, x, y in ((t.SPEED, a, b), (t.SPEED_PROMPT, a.prompt, b.prompt)):
        overlap = x.lowest <= y.highest and y.lowest <= x.highest
        moved = t.NO_CLEAR_CHANGE[language] if overlap else change(x.median, y.median, language)
        rows.append([_row_name(name, t.SPEED_HINT, mark, language), _rate(x, language), _rate(y, language), moved])
    return rows


def _rate(speed: Speed, language: Language) -> str:
    low, high = (number(v, language, 3) for v in (speed.lowest, speed.highest))
    small = t.SPEED_RANGE.format(n=len(speed.rounds), low=low, high=high)[language]
    return f"{number(speed.median, language, 3)}<small>{small}</small>"


def _protocol(s: Shown, language: Language) -> str:
    p = s.figures.protocol
    return t.PROTOCOL.format(
        text=s.title, arithmetic=p.arithmetic, tokens=fixed(p.tokens, language, 0), documents=p.documents,
        bytes=fixed(p.n_bytes, language, 0), windows=p.windows, context=p.context, stride=p.stride,
    )[language]  # fmt: skip


def _sure(f: Figures, language: Language) -> str:
    return (t.RESAMPLED.format(unit=f.resampled) if f.resampled else t.NOT_RESAMPLED)[language]
