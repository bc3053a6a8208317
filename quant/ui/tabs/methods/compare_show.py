"""The rows of a comparison as the page shows them: a sentence, a figure, a table, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from urllib.parse import quote

import plotly.graph_objects as go
from markupsafe import Markup

from quant.evaluation.contenders import BASELINE, contenders
from quant.lab import Lab
from quant.methods import METHODS, TRANSFORMS
from quant.model.layers import Kind, census
from quant.plots.methods import Dot, against_bytes, against_seconds, ranking
from quant.recorded_methods import Compared, is_fair
from quant.text import Language, Text, fixed, number, size
from quant.ui.shared import html
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import query_of
from quant.ui.sidebar.knobs import short_title
from quant.ui.tabs.methods import compare_texts as t
from quant.ui.tabs.methods.compare_python import python_of
from quant.ui.tabs.methods.compare_rows import Shown, State, all_bits, recorded_of

PIECES = "tabs/methods/methods.html.j2"
NEAR = 1.1  # a factor below which a percentage says more
LANGUAGES: tuple[Language, Language] = ("es", "en")


def title(name: str) -> Text:
    return contenders()[name].title


def short(name: str) -> Text:
    """Of a contender in a sentence: its title without what explains it."""
    return short_title(TRANSFORMS[name].title if name in TRANSFORMS else title(name))


def said(value: float | None, digits: int = 3) -> Text:
    return t.UNKNOWN if value is None else Text(*(number(value, la, digits) for la in LANGUAGES))


def listed(names: Sequence[Text]) -> Text:
    return Text(*(", ".join(name[la] for name in names) for la in LANGUAGES))


def lead(s: Shown) -> Text:
    """Who wins, by how much over rounding, and who ties."""
    if not s.state.names:
        return t.NONE_CHOSEN
    if not s.rows:
        return t.NOTHING.format(bits=s.state.bits)
    best, base = s.best, s.base
    where = t.ALL_KNOWN if len(s.rows) == s.asked else t.SOME_KNOWN
    known = where.format(bits=s.state.bits, n=len(s.rows), m=s.asked)
    given = {"where": known, "best": short(best.name), "kl": said(best.kl.value)}
    if len(s.rows) == 1:
        text = t.ONE.format(**given)
    elif base is None:
        text = t.ONLY.format(**given)
    elif best is base:
        text = t.BASE_WINS.format(**given)
    elif base in s.ties:
        text = t.NO_BETTER.format(**given, base=said(base.kl.value))
    else:
        factor = less_by(best.kl.estimate.value, base.kl.estimate.value)
        text = t.WINS.format(**given, factor=factor, base=said(base.kl.value))
    return _joined(text, _more(t.TIES, [row for row in s.ties if row is not base]))


def less_by(value: float, base: float) -> Text:
    """How much less than `base` a value is: so many times; near it, so many per cent."""
    if base < NEAR * value:
        return t.PERCENT.format(n=percent(1 - value / base))
    return t.TIMES.format(n=said(base / value, 2))


def percent(share: float) -> Text:
    """With two digits, or one before the point where that is all there is to say."""
    return Text(*(fixed(100 * share, la, 0 if share >= 0.01 else 1) for la in LANGUAGES))


def _more(text: Text, rows: Sequence[Compared]) -> Text:
    return text.format(names=listed([short(row.name) for row in rows])) if rows else Text("", "")


def _joined(*texts: Text) -> Text:
    return Text("".join(x.es for x in texts), "".join(x.en for x in texts))


def lead_html(s: Shown, language: Language) -> Markup:
    """The sentence."""
    return html.verdict(lead(s)[language])


def notes_html(s: Shown, language: Language) -> Markup:
    """Who does worse than rounding, what surprises, and where the bits are not equal.

    Under the figure, so that a phone shows that at once.
    """
    worse = _more(t.WORSE, s.worse)[language].strip()
    shown = html.paragraph(worse) if worse else html.NOTHING
    if odd := surprise(s):
        shown += html.paragraph(_bold(odd[language]))
    if odd := unequal(s):
        shown += html.caption(odd[language])
    if s.left:
        names = listed([short(name) for name in s.left])
        shown += html.caption(t.NO_FORMAT.format(bits=s.state.bits, names=names)[language])
    return shown


def _bold(text: str) -> Markup:
    parts = text.split("**")
    return Markup("").join(
        Markup("<b>{}</b>").format(p) if i % 2 else Markup("{}").format(p) for i, p in enumerate(parts)
    )


def surprise(s: Shown) -> Text | None:
    odd, base = s.surprise, s.base
    if odd is None or base is None:
        return None
    return t.SURPRISE.format(
        name=short(odd.name), weight=said(odd.weight_db), base_weight=said(base.weight_db), output=said(odd.output_db),
        base_output=said(base.output_db),
    )  # fmt: skip


def unequal(s: Shown) -> Text | None:
    """Which rows take so many more bits per weight than rounding that they do not compete."""
    odd = [row for row in s.rows if not is_fair(row, s.rows)]
    names = [t.UNEQUAL_ONE.format(name=short(row.name), bits=said(row.bits_per_weight)) for row in odd]
    return t.UNEQUAL.format(names=listed(names)) if odd else None


def dots(s: Shown) -> list[Dot]:
    return [dot(row, s) for row in s.rows]


def dot(row: Compared, s: Shown) -> Dot:
    """A row in a figure, coloured by what its contender is at the bits in view."""
    best, base = row.name == s.best.name, row.name == BASELINE
    names = title(row.name), short(row.name)
    return Dot(*names, row.kl.estimate, row.bits_per_weight, row.seconds, row.live, best, base)


def chart(lab: Lab, model: str, s: Shown, view: str, language: Language) -> go.Figure:
    """The figure that the visitor chose."""
    if view == "seconds":
        return against_seconds(dots(s), language)
    if view == "bytes":
        every = [row for one in all_bits(lab, model, s.state) for row in one.rows]
        lines = [[dot(row, s) for row in every if row.name == name] for name in s.state.names]
        return against_bytes([line for line in lines if line], language)
    return ranking(dots(s), language)


def caption(lab: Lab, model: str, s: Shown, view: str, language: Language) -> Markup:
    if view != "bytes":
        return html.caption((t.CAPTION_SECONDS if view == "seconds" else t.CAPTION)[language])
    bits = [one.state.bits for one in all_bits(lab, model, s.state)] or [s.state.bits]
    return html.caption(t.CAPTION_BYTES.format(low=min(bits), high=max(bits))[language])


def table_html(s: Shown, language: Language) -> Markup:
    """All figures, what they mean, and the file."""
    if not s.rows:
        return html.caption(lead(s)[language])
    ties = s.ties
    rows = [_row(row, s, row in ties, language) for row in s.rows]
    inside = html.table([head[language] for head in t.HEAD], rows) + html.caption(marked(t.READ[language], language))
    inside += macros(PIECES).csv(t.CSV[language], quote(as_csv(s.rows)))
    return html.legend(("recorded", "measured"), language) + inside


def python_html(s: Shown, language: Language) -> Markup:
    return macros(PIECES).code(python_of(s)) if s.recipes else html.caption(lead(s)[language])


def methods_html(language: Language) -> Markup:
    """Each method in two sentences, its paper, and what it needs."""
    rows = []
    for name, one in contenders().items():
        needs = METHODS[one.method].needs or (TRANSFORMS[name].needs if name in TRANSFORMS else frozenset())
        reads = t.NEEDS_TEXT if needs or METHODS[one.method].tune else t.NEEDS_NOTHING
        below = t.SOURCE.format(source=one.source, needs=reads)[language]
        name = Markup("<b>{}</b>").format(one.title[language])
        said_of = html.spaced(one.summary[language], html.small(below))
        rows.append(html.paragraph(html.spaced(name, said_of)))
    return html.NOTHING.join(rows)


def _row(row: Compared, s: Shown, tied: bool, language: Language) -> list[str]:
    kind = "measured" if row.live else "recorded"
    address = query_of(row.made)
    use = macros(PIECES).use(address, t.USE[language]) if address else html.NOTHING
    first = html.row_name(title(row.name)[language], html.spaced(html.mark(kind, language), use),
                          t.TIE[language] if tied else "")  # fmt: skip
    seconds = said(row.seconds, 2)[language]
    per_weight = t.BITS_EACH.format(bits=said(row.bits_per_weight))[language]
    return [
        first, html.cell(said(row.kl.value)[language], _against(row, s, language)),
        said(row.perplexity.value)[language], said(row.weight_db)[language], said(row.output_db)[language],
        html.cell(size(row.stored_bytes, language), per_weight), seconds,
    ]  # fmt: skip


def _against(row: Compared, s: Shown, language: Language) -> str:
    """The interval, and the factor over rounding."""
    ends, base = row.kl.estimate.interval, s.base
    between = f"{number(ends.low, language, 3)} – {number(ends.high, language, 3)}" if ends else ""
    if base is None or base is row or not row.kl.value or not base.kl.value:
        return between
    factor = beside(row.kl.value, base.kl.value)
    return f"{between} · {factor[language]}" if between else factor[language]


def beside(value: float, base: float) -> Text:
    """A value over `base` in a cell: a factor; near one, per cent."""
    less, more = base / value, value / base
    if max(less, more) < NEAR:
        return (t.PERCENT_LESS if less > 1 else t.PERCENT_MORE).format(n=percent(abs(1 - more)))
    return t.TIMES_LESS.format(factor=said(less, 3)) if less >= 1 else t.TIMES_MORE.format(factor=said(more, 3))


def estimate(lab: Lab, model: str, state: State) -> Text:
    """How long it would take, by the rows that this machine has made."""
    recipes, _ = state.recipes(lab, model)
    if not recipes:
        return Text("", "")
    text, loaded = state.read_text, lab.loaded(model)
    missing = {name: recipe for name, recipe in recipes.items() if lab.rows.get(recipe, text) is None}
    if not missing:
        return t.ESTIMATE_DONE
    known: dict[str, float] = {}
    weights = sum(layer.parameters for layer in census(loaded) if layer.kind is Kind.LINEAR)
    for name, recipe in missing.items():
        if (seconds := lab.rows.expected(recipe, weights, text)) is not None:
            known[name] = seconds
    total = said(sum(known.values()), 2)
    if len(known) == len(missing):
        return t.ESTIMATE.format(seconds=total)
    took = [row.seconds for row in recorded_of(model, state.text, state.bits) if row.name in missing and row.seconds]
    elsewhere = t.RECORDED_TOOK.format(seconds=said(sum(took), 2)) if took else Text("", "")
    unknown = listed([short(name) for name in missing if name not in known])
    first = t.ESTIMATE_SOME.format(names=unknown, seconds=total) if known else t.ESTIMATE_NONE
    return _joined(first, elsewhere)


def as_csv(rows: Sequence[Compared]) -> str:
    """In English, with decimal points: a line a row."""
    out = io.StringIO()
    names = ("method", "bits", "bits_per_weight", "stored_bytes", "seconds", "weight_db", "output_db", "kl", "kl_low",
             "kl_high", "perplexity", "measured_here")  # fmt: skip
    writer = csv.writer(out)
    writer.writerow(names)
    for r in rows:
        writer.writerow([r.name, r.bits, r.bits_per_weight, r.stored_bytes, r.seconds, r.weight_db, r.output_db,
                         r.kl.value, r.kl.low, r.kl.high, r.perplexity.value, r.live])  # fmt: skip
    return out.getvalue()
