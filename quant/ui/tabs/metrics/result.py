"""The result of Métrica as HTML: the card with the verdict; apart from it the tables, the protocol last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from markupsafe import Markup

from quant.activations import Activations
from quant.evaluation.exact import already_in
from quant.evaluation.figures import Estimate, Figures
from quant.evaluation.memory import HeldLayer, packed_bits, process_bytes
from quant.evaluation.speed import Speed
from quant.kernels.cpu import INT4PACK, INT8, LIMBS
from quant.kernels.native import being_made
from quant.lab import Lab
from quant.size import SizeReport
from quant.text import Language, Text, fixed, number, size
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.formats import CASTS
from quant.ui.tabs.metrics import brief_texts
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.brief import METRICS, card, of_figures, published_bytes
from quant.ui.tabs.metrics.moved import change, change_ends, figure, ratio_of

LANGUAGES: tuple[Language, Language] = ("es", "en")
UNEVEN = 7.0  # 99 % quantile over median: from there on the harm is said to lie in a few places
NAMING_ACTIVATIONS = (INT8.name, LIMBS.name, INT4PACK.name)  # kernels whose summary says what they do with activations


@dataclass(frozen=True)
class Shown:
    """What has been measured so far. speeds: (original, quantized), None until timed; memory: bytes of both models.

    query: the address of the recipe; vocabulary: how many tokens there are; exact: said where a cast can cost nothing.
    computes: what the quantized model computes with, and what its weights take in memory. shared_s: how long ago it was
    measured, where it was not measured again.
    """

    figures: Figures
    report: SizeReport
    speeds: tuple[Speed, Speed] | None
    memory: tuple[int, int]
    title: Text
    recipe: Text
    computes: Text
    query: str
    vocabulary: int
    published_bytes: int | None = None
    exact: Text | None = None
    shared_s: float | None = None


def result(s: Shown, language: Language) -> Markup:
    """The card, dimmed once another recipe is live, and what one should know before believing it."""
    f = s.figures
    shown = card(of_figures(f, s.report.stored_bytes, s.report.float_bytes, s.title), language)
    notes = [f.warning, s.exact, above_vocabulary(f, s.vocabulary)]
    said = html.NOTHING.join(html.notice(note[language], "note") for note in notes if note)
    if s.shared_s is not None:
        said += html.caption(t.SHARED.format(ago=ago(s.shared_s))[language])
    return html.belongs(s.query, shown + said, language)


def details(s: Shown, language: Language) -> Markup:
    """Every figure, and how it was measured; folded."""
    f = s.figures
    cost = html.table([h[language] for h in t.METRIC_HEAD], _rows(s, language))
    drift = html.table([h[language] for h in t.DIVERGENCE_HEAD], _drift_rows(f, language))
    how = [s.recipe[language], _protocol(s, language), _sure(f, language), s.computes[language]]
    below = html.folded(t.PROTOCOL_LABEL[language], html.NOTHING.join(html.caption(line) for line in how))
    shown = (
        html.legend(("packed", "measured"), language) + cost + html.heading(2, t.DIVERGENCE[language]) + drift + below
    )
    return macros(METRICS).all(t.ALL_FIGURES[language], html.belongs(s.query, shown, language))


def above_vocabulary(f: Figures, vocabulary: int) -> Text | None:
    """Said where a perplexity is more than there are tokens to hesitate between."""
    if max(f.perplexity_original.value, f.perplexity_quantized.value) <= vocabulary:
        return None
    return brief_texts.ABOVE_VOCABULARY.format(n=Text(*(fixed(vocabulary, la, 0) for la in LANGUAGES)))


def no_error(lab: Lab, choice: Choice) -> Text | None:
    """Said of a cast to the format that the weights came in: there it costs nothing, and elsewhere it does."""
    name = CASTS.get(choice.format)
    if name is None or not already_in(lab.loaded(choice.model), getattr(torch, name)):
        return None
    said, file = brief_texts.EXACT.format(format=name), published_bytes(choice.model)
    return (
        said
        if file is None
        else brief_texts.EXACT_FILE.format(said=said, size=Text(size(file, "es"), size(file, "en")))
    )


def chart_caption(s: Shown, language: Language) -> str:
    low, high = s.figures.kl_median.value, s.figures.kl_99.value
    text = t.CHART_UNEVEN if high > UNEVEN * low else t.CHART_EVEN
    shown = text.format(median=number(low, language, 2), high=number(high, language, 2))
    return html.caption(shown[language])


def computes(held: Sequence[HeldLayer], report: SizeReport, activations: Activations) -> Text:
    """What multiplies the packed weights when it writes, and what they take in memory beside what they take stored."""
    kernels = list({h.kernel.name: h.kernel for h in held if h.kernel}.values())
    said = Text(*(", ".join(k.summary[la] for k in kernels) for la in LANGUAGES))
    known = {Activations.FLOAT: t.COMPUTES_FLOAT, Activations.INT8: t.COMPUTES_INT8}
    rounded = known.get(activations) or t.COMPUTES_SIMULATED.format(name=activations.name)
    alone = any(k.name in NAMING_ACTIVATIONS for k in kernels)
    how = t.COMPUTES_ALONE.format(kernels=said) if alone else t.COMPUTES.format(kernels=said, activations=rounded)
    bits = [
        Text(*(number(b, la, 3) for la in LANGUAGES)) for b in (packed_bits(held), report.quantized_bits_per_weight)
    ]
    text = t.COMPUTES_HELD if bits[0] == bits[1] else t.COMPUTES_HELD_MORE
    said = Text("{how} {bits}", "{how} {bits}").format(how=how, bits=text.format(held=bits[0], stored=bits[1]))
    return t.COMPUTES_SOON.format(said=said) if being_made() else said


def ago(seconds: float) -> Text:
    """How long ago, as one says it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return t.AGO_MOMENT
    return t.AGO_MINUTES.format(n=minutes) if minutes < 60 else t.AGO_HOURS.format(n=round(minutes / 60))


def _row_name(name: Text, hint: Text, badges: Markup, language: Language) -> str:
    return html.row_name(name[language], badges, hint[language])


def _rows(s: Shown, language: Language) -> list[list[str]]:
    f, packed = s.figures, html.mark("packed", language)
    ratio = ratio_of(f.log_ratio)
    before, after = s.report.float_bytes, s.report.stored_bytes
    sizes = [_row_name(t.SIZE, t.SIZE_HINT, packed, language), size(before, language), size(after, language),
             change(before, after, language)]  # fmt: skip
    published = [_published_row(s.published_bytes, language)] if s.published_bytes else []
    return [
        _quality_row(t.PERPLEXITY, t.PERPLEXITY_HINT, f.perplexity_original, f.perplexity_quantized, ratio, language),
        _quality_row(t.BPB, t.BPB_HINT, f.bits_per_byte_original, f.bits_per_byte_quantized, None, language),
        sizes,
        *published,
        _memory_row(s.memory, language),
        *(_speed_rows(*s.speeds, language) if s.speeds else []),
    ]  # fmt: skip


def _quality_row(name: Text, hint: Text, a: Estimate, b: Estimate, ratio: Estimate | None,
                 language: Language) -> list[str]:  # fmt: skip
    moved = change(a.value, b.value, language)
    if ratio and (ends := change_ends(ratio, language)):
        moved = html.cell(moved, t.INTERVAL.format(ends=ends)[language])
    first = _row_name(name, hint, html.mark("measured", language), language)
    return [first, _figure(a, language), _figure(b, language), moved]


def _figure(estimate: Estimate, language: Language) -> str:
    shown = number(estimate.value, language, 4)
    return html.cell(shown, _ends(estimate, language)) if estimate.interval else shown


def _ends(estimate: Estimate, language: Language, unit: str = "") -> str:
    if estimate.interval is None:
        return t.NO_INTERVAL[language]
    low, high = (figure(end, language, 3) + unit for end in (estimate.interval.low, estimate.interval.high))
    return f"{low} – {high}"


def _drift_rows(f: Figures, language: Language) -> list[list[str]]:
    mark = html.mark("measured", language)
    top, rms = (e.through(lambda share: 100 * share) for e in (f.same_top, f.probability_rms))
    rows = [
        (t.KL_MEAN, t.KL_HINT, f.kl_mean, ""), (t.KL_MEDIAN, t.KL_MEDIAN_HINT, f.kl_median, ""),
        (t.KL_99, t.KL_99_HINT, f.kl_99, ""), (t.KL_999, t.KL_999_HINT, f.kl_999, ""),
        (t.KL_MAX, t.KL_MAX_HINT, Estimate(f.kl_max), ""),
        (t.SAME_TOP, t.SAME_TOP_HINT, top, html.percent_sign(language)),
        (t.PROBABILITY_RMS, t.PROBABILITY_RMS_HINT, rms, html.percent_sign(language)),
    ]  # fmt: skip
    return [
        [_row_name(name, hint, mark, language), figure(e.value, language, 3) + unit,
         "—" if name is t.KL_MAX else _ends(e, language, unit=unit)]
        for name, hint, e, unit in rows
    ]  # fmt: skip


def _published_row(n_bytes: int, language: Language) -> list[str]:
    name = _row_name(t.PUBLISHED, t.PUBLISHED_HINT, html.mark("packed", language), language)
    return [name, size(n_bytes, language), "—", "—"]


def _memory_row(memory: tuple[int, int], language: Language) -> list[str]:
    held = process_bytes()
    process = size(held, language) if held else t.UNKNOWN[language]
    name = _row_name(t.MEMORY, t.MEMORY_HINT.format(process=process), html.mark("packed", language), language)
    return [name, *(size(n, language) for n in memory), change(*memory, language)]


def _speed_rows(a: Speed, b: Speed, language: Language) -> list[list[str]]:
    mark, rows = html.mark("measured", language), []
    kinds = ((t.SPEED, t.SPEED_HINT, a, b), (t.SPEED_PROMPT, t.SPEED_PROMPT_HINT, a.prompt, b.prompt))
    for name, hint, x, y in kinds:
        moved = t.NO_CLEAR_CHANGE[language] if x.overlaps(y) else change(x.median, y.median, language)
        rows.append([_row_name(name, hint, mark, language), _rate(x, language), _rate(y, language), moved])
    return rows


def _rate(speed: Speed, language: Language) -> str:
    low, high = (number(v, language, 3) for v in (speed.lowest, speed.highest))
    small = t.SPEED_RANGE.format(n=len(speed.rounds), low=low, high=high)[language]
    return html.cell(number(speed.median, language, 3), small)


def _protocol(s: Shown, language: Language) -> str:
    p = s.figures.protocol
    return t.PROTOCOL.format(
        text=s.title, arithmetic=p.arithmetic, tokens=fixed(p.tokens, language, 0), documents=p.documents,
        bytes=fixed(p.n_bytes, language, 0), windows=p.windows, context=p.context, stride=p.stride,
        bos=t.BOS_OF_WINDOWS if p.bos_in_windows else t.BOS_OF_DOCUMENTS,
    )[language]  # fmt: skip


def _sure(f: Figures, language: Language) -> str:
    return (t.RESAMPLED.format(unit=f.resampled) if f.resampled else t.NOT_RESAMPLED)[language]
