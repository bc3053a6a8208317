"""What the section Presupuesto shows: the sentence, the bits of each matrix, and both recipes in a table."""

from __future__ import annotations

from markupsafe import Markup

from quant.evaluation.budget import Mix
from quant.evaluation.costs import MEASURED
from quant.evaluation.sensitivity import KEYS, VALUES
from quant.model.load import LoadedModel
from quant.size import size_report
from quant.text import Language, Text, fixed, number, size
from quant.texts import TITLES
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import query_of
from quant.ui.tabs.choose import budget_texts as t
from quant.ui.tabs.choose.budget_known import TEXT, Figures, Known
from quant.ui.tabs.choose.heat import PIECES, Cell, heat_map, where


def lead(known: Known) -> Text:
    """The sentence: which of both to take, by whether the interval of their paired difference leaves 0 out."""
    mix, same = known.measured, known.uniform_measured
    within = _size(known.mix.n_bytes)
    if mix is None:
        return t.MIX_PREDICTED.format(size=within, bits=_bits(known), kl=_nats(known.mix.predicted))
    if known.is_uniform:
        name = way_title(known.mix.allotted.names[0])
        return t.MIX_SAME.format(size=within, name=name, kl=_nats(mix.kl.value))
    if same is None:
        return t.MIX_ALONE.format(size=within, kl=_nats(mix.kl.value))
    between, said = known.difference, {"size": within, "kl": _nats(mix.kl.value), "other": _nats(same.kl.value)}
    if between is None or 0 in between:
        return t.MIX_TIES.format(**said)
    if between.low > 0:
        return t.MIX_LOSES.format(**said)
    return t.MIX_WINS.format(**said, less=_percent(1 - mix.kl.value / same.kl.value))


def predicted(known: Known) -> Text | None:
    """How far the prediction was off, as a factor; None before the mix is measured."""
    if known.measured is None or not known.mix.predicted:
        return None
    ratio = known.measured.kl.value / known.mix.predicted
    factor = max(ratio, 1 / ratio)
    said = Text(*(number(factor, language, 2) for language in ("es", "en")))
    return t.AS_PREDICTED.format(predicted=_nats(known.mix.predicted), factor=said)


def shown(loaded: LoadedModel, known: Known, language: Language) -> tuple[Markup, Markup]:
    """What stands above the controls, and below them."""
    above = html.verdict(lead(known)[language])
    below = bits_html(loaded, known, language) + table_html(loaded, known, language)
    if said := predicted(known):
        below += html.paragraph(said[language])
    how = t.HOW_MEASURED if known.costs.losses.how == MEASURED else t.HOW_ESTIMATED
    return above, below + html.caption(how.format(text=TITLES[TEXT])[language])


def bits_html(loaded: LoadedModel, known: Known, language: Language) -> Markup:
    """The bits of each part, shaded by its share of the loss that is expected."""
    chosen = dict(zip(known.costs.parts, known.mix.allotted.names, strict=True))
    lost = {name: known.costs.of(name, option).loss for name, option in chosen.items()}
    most, total = max(lost.values(), default=0.0) or 1.0, sum(lost.values()) or 1.0

    def cell(name: str) -> Cell:
        option = t.CACHE_BITS.format(n=chosen[name]) if name in (KEYS, VALUES) else way_title(chosen[name])
        share = _percent(lost[name] / total)
        said = t.CELL.format(where=where(loaded, name), name=option, kl=_nats(lost[name]), share=share)[language]
        return Cell(option[language], said, lost[name] / most)

    return heat_map(loaded, list(chosen), cell, t.TABLE[language], t.HEAT[language], language)


def table_html(loaded: LoadedModel, known: Known, language: Language) -> Markup:
    """The mix and the uniform recipe of as many bytes, side by side."""
    rows = [_row(loaded, t.MIX, known.mix, known.measured, language)]
    if known.uniform and not known.is_uniform:
        name = t.UNIFORM.format(name=way_title(known.uniform.allotted.names[0]))
        rows.append(_row(loaded, name, known.uniform, known.uniform_measured, language))
    return html.table([head[language] for head in t.HEAD], rows) + html.legend(("recorded", "measured"), language)


def _row(loaded: LoadedModel, title: Text, mix: Mix, figures: Figures | None, language: Language) -> list[str]:
    address = query_of(mix.recipe)
    use = macros(PIECES).use(address, t.USE[language]) if address else html.NOTHING
    bits = number(size_report(loaded, mix.recipe).quantized_bits_per_weight, language, 3)
    first = html.row_name(title[language], use, t.BITS_EACH.format(bits=bits)[language])
    return [first, size(mix.n_bytes, language), _nats(mix.predicted)[language], _measured(figures, language)]


def _measured(figures: Figures | None, language: Language) -> str:
    if figures is None:
        return t.NOT_YET[language]
    mark = html.mark("measured" if figures.live else "recorded", language)
    ends = figures.kl.interval
    between = f"{number(ends.low, language, 3)} – {number(ends.high, language, 3)}" if ends else ""
    return html.cell(html.spaced(_nats(figures.kl.value)[language], mark), between)


def way_title(name: str) -> Text:
    """What the page calls a way of a palette."""
    return t.NAMES.get(name, Text(name, name))


def _bits(known: Known) -> Text:
    weights = known.costs.parameters
    spent = sum(known.costs.of(n, o).n_bytes for n, o in zip(known.costs.parts, known.mix.allotted.names, strict=True)
                if n not in (KEYS, VALUES))  # fmt: skip
    return Text(*(number(8 * spent / weights, language, 3) for language in ("es", "en")))


def _size(n_bytes: int) -> Text:
    return Text(size(n_bytes, "es"), size(n_bytes, "en"))


def _nats(value: float) -> Text:
    return Text(number(value, "es", 3), number(value, "en", 3))


def _percent(share: float) -> Text:
    return Text(fixed(100 * share, "es", 0) + "\N{NARROW NO-BREAK SPACE}%", fixed(100 * share, "en", 0) + "%")
