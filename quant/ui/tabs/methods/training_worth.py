"""When PTQ is enough and when QAT is worth it, in sentences and a table, from what was recorded of this model.

The rules are `quant.evaluation.worth`; here recorded rows become its rungs, and its answers become words.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

from quant.evaluation.figures import Estimate
from quant.evaluation.verdict import BROKEN_KL, SMALL_KL
from quant.evaluation.worth import Answer, Rung, Tried, enough_down_to
from quant.recorded_methods import RECORDED_BITS, Compared, Figure, Recorded
from quant.recorded_training import RecordedTraining, Run
from quant.text import Language, Text, as_typed, number, rounded, size
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.tabs.methods import training_recorded_texts as t

PIECES = "tabs/methods/training_recorded.html.j2"
NOTHING = Text("", "")
ALONE = {"1": t.ONE_BIT, "2m": t.MIDRISE_BITS}


# ---- what was recorded, as rungs


def rungs(methods: Recorded, training: RecordedTraining | None) -> list[Rung]:
    """One for each number of bits that was compared or trained, the most bits first."""
    runs = {run.name: run for run in training.runs} if training else {}
    names = {*runs, *(str(bits) for bits in RECORDED_BITS)}
    found = []
    for name in names:
        rows = {row.name: row for row in methods.at(int(name))} if name.isdecimal() else {}
        found.append(of_run(runs[name], rows) if name in runs else of_rows(name, rows))
    return sorted((rung for rung in found if rung is not None), key=lambda rung: rung.bits_per_weight, reverse=True)


def of_rows(name: str, rows: dict[str, Compared]) -> Rung | None:
    """A rung that nobody trained; None where nothing was compared either."""
    usual, better = rows.get("rtn"), rows.get("gptq")
    if usual is None:
        return None
    return Rung(name, usual.stored_bytes, usual.bits_per_weight, _tried(usual), _tried(better) if better else None)


def of_run(run: Run, rows: dict[str, Compared]) -> Rung:
    """A rung that was trained. What a comparison knows of its scheme, told by its bytes, gives seconds and the rest."""
    same = {name: row for name, row in rows.items() if row.stored_bytes == run.stored_bytes}
    usual, better = same.get("rtn"), same.get("gptq")
    rounding = _known(run.kl_rounding, run.perplexity_rounding, usual)
    gptq = _known(run.kl_gptq, better.perplexity if better else None, better)
    qat = Tried(run.kl.estimate, run.perplexity.value, run.seconds)
    return Rung(run.name, run.stored_bytes, run.bits_per_weight, rounding, gptq, qat)


def _known(kl: Figure | None, perplexity: Figure | None, row: Compared | None) -> Tried | None:
    if kl is None:
        return None
    return Tried(kl.estimate, perplexity.value if perplexity else None, row.seconds if row else None)


def _tried(row: Compared) -> Tried:
    return Tried(row.kl.estimate, row.perplexity.value, row.seconds)


# ---- sentences


def bits(*names: str) -> Text:
    """Of one run or rung, or of some: `1.58 bits`, `8 and 4 bits`."""
    if len(names) == 1 and names[0] in ALONE:
        return ALONE[names[0]]
    return t.BITS.format(bits=_listed([t.MIDRISE if name == "2m" else as_typed(name) for name in names]))


def took(seconds: float) -> Text:
    """Seconds, or minutes where there are two or more of them."""
    words, value = (t.SECONDS, seconds) if seconds < 120 else (t.MINUTES, seconds / 60)
    return words.format(n=Text(rounded(value, "es", 2), rounded(value, "en", 2)))


def said(value: float, digits: int = 3) -> Text:
    return Text(number(value, "es", digits), number(value, "en", digits))


def lead(found: Sequence[Rung]) -> Text:
    """Down to which bits PTQ is enough, and where training wins."""
    last = enough_down_to(found)
    parts = [t.LEAD_NEVER if last is None else t.LEAD_ENOUGH.format(bits=as_typed(last.name))]
    won = [rung for rung in found if rung.answer is Answer.WORTH]
    if won:
        parts.append(t.LEAD_WORTH.format(bits=bits(*(rung.name for rung in won))))
    elif any(rung.qat for rung in found):
        parts.append(t.LEAD_LOST)
    return _joined(*parts)


def sentences(found: Sequence[Rung]) -> list[Text]:
    """One a rung; those where PTQ is enough and nothing was trained share one."""

    def alike(rung: Rung) -> tuple[str, bool]:
        shares = rung.answer is Answer.ENOUGH and rung.qat is None
        return ("" if shares else rung.name, rung.has_gptq)

    return [_sentence(list(group)) for _, group in groupby(found, alike)]


def _sentence(group: Sequence[Rung]) -> Text:
    rung = group[0]
    named = {"bits": bits(*(one.name for one in group)), "method": _method(rung)}
    if rung.answer is Answer.ENOUGH:
        losses = _listed([said(one.ptq.kl.value, 2) for one in group])
        text = t.ENOUGH.format(**named, kl=losses, limit=as_typed(SMALL_KL))
        return _joined(text, _besides(rung))
    ptq = rung.ptq
    spent = t.TOOK.format(seconds=took(ptq.seconds)) if rung.has_gptq and ptq.seconds else NOTHING
    return _joined(t.GPTQ_LEAVES.format(**named, kl=said(ptq.kl.value), took=spent), _trained(rung))


def _trained(rung: Rung) -> Text:
    """What the training did of what PTQ leaves."""
    if rung.qat is None:
        return t.UNKNOWN.format(limit=as_typed(SMALL_KL))
    given = {"qat": said(rung.qat.kl.value), "seconds": took(rung.qat.seconds or 0.0)}
    if rung.answer is Answer.WORTH:
        price = took(rung.price or 0.0)
        return t.PAYS.format(**given, won=said(rung.won), price=price, left=left(rung.qat.kl))
    return (t.TIES if rung.answer is Answer.TIED else t.LOSES).format(**given)


def _besides(rung: Rung) -> Text:
    """What a training did where none was needed."""
    if rung.qat is None:
        return NOTHING
    how = t.HOW_SAME if "qat" in rung.tied else t.HOW_LESS if rung.won > 0 else t.HOW_MORE
    return t.ENOUGH_TRIED.format(seconds=took(rung.qat.seconds or 0.0), qat=said(rung.qat.kl.value), how=how)


def left(kl: Estimate) -> Text:
    """How bad a KL is, by the bounds of the verdict."""
    band = "small" if kl.value <= SMALL_KL else "broken" if kl.value >= BROKEN_KL else "noticeable"
    return t.LEFT[band].format(limit=as_typed(BROKEN_KL))


def _method(rung: Rung) -> Text:
    name = t.METHODS["gptq" if rung.has_gptq else "rounding"]
    return name if rung.has_gptq else Text(f"el {name.es}", name.en)


def _listed(texts: Sequence[Text]) -> Text:
    """a, b and c."""
    if len(texts) == 1:
        return texts[0]
    first = Text(", ".join(x.es for x in texts[:-1]), ", ".join(x.en for x in texts[:-1]))
    return _joined(first, t.AND, texts[-1])


def _joined(*texts: Text) -> Text:
    return Text("".join(x.es for x in texts), "".join(x.en for x in texts))


# ---- markup


def worth_html(methods: Recorded, training: RecordedTraining | None, language: Language) -> Markup:
    """The answer, a sentence for each number of bits, the figures, and what others found."""
    found = rungs(methods, training)
    told = macros(PIECES).sentences([text[language] for text in sentences(found)])
    head = [text[language] for text in t.HEAD.values()]
    table = html.table(head, [row_of(rung, language) for rung in found])
    others = macros(PIECES).published(
        t.PUBLISHED[language], t.PUBLISHED_LABEL[language], [(text[language], source) for text, source in t.OF_OTHERS]
    )
    legend = html.legend(("recorded",), language)
    return html.verdict(lead(found)[language]) + told + legend + table + html.caption(t.READ[language]) + Markup(others)


def row_of(rung: Rung, language: Language) -> list[str]:
    """The ways to fill a scheme beside each other."""
    ways = {"rounding": rung.rounding, "gptq": rung.gptq, "qat": rung.qat}
    least = min((tried.kl.value for tried in ways.values() if tried), default=0.0)
    cells = [_cell(tried, tried.kl.value == least, name in rung.tied, language) if tried else "—"
             for name, tried in ways.items()]  # fmt: skip
    each = t.BITS_EACH.format(bits=said(rung.bits_per_weight))[language]
    return [bits(rung.name)[language], *cells, html.cell(size(rung.stored_bytes, language), each)]


def _cell(tried: Tried, is_least: bool, is_tied: bool, language: Language) -> Markup:
    """A KL, and below it what else is known."""
    shown: str = number(tried.kl.value, language, 3)
    if is_least:
        shown = Markup("<b>{}</b>").format(shown)
    ends, below = tried.kl.interval, []
    if tried.perplexity is not None:
        below.append(t.PERPLEXITY.format(perplexity=said(tried.perplexity))[language])
    if tried.seconds is not None:
        below.append(took(tried.seconds)[language])
    if is_tied and not is_least:
        below.append(t.TIED[language])
    between = f"{number(ends.low, language, 3)} – {number(ends.high, language, 3)}" if ends else ""
    return html.cell(shown, html.over(between, " · ".join(below)) if below else between)
