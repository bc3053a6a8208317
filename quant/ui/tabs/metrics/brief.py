"""The cost of a recipe at a glance: the word of the verdict, one sentence, three figures. Recorded or measured."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from quant.errors import ModelError, QuantError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate, Figures
from quant.evaluation.verdict import RULE, WORDS, Judgement, in_brief, judge, out_of
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.recorded import Figure, Recorded, Row, recorded
from quant.size import size_report
from quant.text import Language, Text, number, size
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import brief_texts as t
from quant.ui.tabs.metrics.moved import change, change_ends, ratio_of

METRICS = "tabs/metrics/metrics.html.j2"


@dataclass(frozen=True)
class Brief:
    """What the card says. kind: what the figures are worth, recorded or measured; where: on which text."""

    judgement: Judgement
    stored_bytes: int
    float_bytes: int
    before: float
    after: float
    log_ratio: Estimate
    same_top: float
    kind: str
    where: Text


def of_figures(f: Figures, stored_bytes: int, float_bytes: int, title: Text) -> Brief:
    """The card of what has been measured here."""
    return Brief(f.judgement, stored_bytes, float_bytes, f.perplexity_original.value, f.perplexity_quantized.value,
                 f.log_ratio, f.same_top.value, "measured", title)  # fmt: skip


def of_row(row: Row, found: Recorded) -> Brief:
    """The card of a recorded recipe."""
    log_ratio = estimate(row.log_ratio)
    judged = judge(log_ratio.value, log_ratio.interval, row.kl_mean.value, row.same_top.value)
    title = t.A_PART.format(title=found.text_title)
    return Brief(judged, row.stored_bytes, found.float_bytes, found.perplexity_original.value, row.perplexity.value,
                 log_ratio, row.same_top.value, "recorded", title)  # fmt: skip


def estimate(figure: Figure) -> Estimate:
    return Estimate(figure.value, Interval(figure.low, figure.high))


def known() -> Recorded | None:
    """What ships recorded; nothing where it is of other weights than those that are here."""
    try:
        return recorded()
    except ModelError:
        return None


def published_bytes(model: str) -> int | None:
    """The file of the original as it was published, where that is known."""
    found = known()
    return found.published_bytes if found and model == EMBEDDED else None


def before_measuring(lab: Lab, language: Language, choice: Choice) -> Markup:
    """The card of the live recipe: as recorded, where it is one of those; else its exact size, and what to press."""
    found = known()
    row = next((r for r in found.rows if r.address == choice.query()), None) if found else None
    if row and found:
        return card(of_row(row, found), language) + html.caption(t.RECORDED_SAID[language])
    try:
        report = size_report(lab.loaded(choice.model), choice.recipe())
    except QuantError:
        return html.NOTHING  # the line of the recipe says what is wrong
    figures = [_size(report.stored_bytes, report.float_bytes, language)]
    return macros(METRICS).unknown(t.NOT_MEASURED[language], figures)


def card(brief: Brief, language: Language) -> Markup:
    sign, css = shared_texts.VERDICTS[brief.judgement.verdict]
    words = in_brief(brief.before, brief.after, brief.log_ratio.value, brief.same_top)[language]
    rule = html.caption(brief.judgement.sentence[language]) + html.caption(RULE[language])
    return macros(METRICS).brief(
        css, sign, WORDS[brief.judgement.verdict][language], words, _figures(brief, language),
        html.legend(("packed", brief.kind), language), brief.where[language], t.RULE_LABEL[language], rule,
    )  # fmt: skip


def _figures(brief: Brief, language: Language) -> list[tuple[object, str, object]]:
    mark, ratio = html.mark(brief.kind, language), ratio_of(brief.log_ratio)
    ends = change_ends(ratio, language)
    moved = change(1.0, ratio.value, language) if ratio.value != 1 else t.SAME[language]
    before, after = (number(v, language, 3) for v in (brief.before, brief.after))
    share = number(100 * brief.same_top, language, 3) + html.percent_sign(language)
    return [
        _size(brief.stored_bytes, brief.float_bytes, language),
        (html.spaced(marked(t.PERPLEXITY[language], language), mark), f"{before} → {after}",
         t.INTERVAL.format(change=moved, ends=ends)[language] if ends else moved),
        (html.spaced(marked(t.SAME_WORDS[language], language), mark), out_of(brief.same_top)[language],
         t.SAME_SHARE.format(share=share)[language]),
    ]  # fmt: skip


def _size(stored: int, float_bytes: int, language: Language) -> tuple[object, str, object]:
    said = t.SMALLER.format(change=change(float_bytes, stored, language), before=size(float_bytes, language))
    name = html.spaced(t.PACKED[language], html.mark("packed", language))
    return name, size(stored, language), said[language]
