"""Activations: the table of what each way to round them costs, recorded or measured here, and the button that measures.

What has been measured lives in the lab, so that every visitor sees it and a run that was stopped goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import gradio as gr
from markupsafe import Markup

from quant.errors import ModelError, QuantError
from quant.evaluation.activation_costs import GROUP, KINDS, STEPS, TEXT, WEIGHT_BITS, Case, cases, possible, text
from quant.evaluation.bootstrap import Interval
from quant.evaluation.compare import Comparison
from quant.evaluation.figures import Estimate, Figures, figures
from quant.evaluation.verdict import Verdict
from quant.lab import Lab
from quant.methods import TRANSFORMS
from quant.model.load import EMBEDDED
from quant.recorded_activations import recorded_costs
from quant.text import Language, Text, number
from quant.texts import EvalText
from quant.ui.shared import html
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar.knobs import short_title
from quant.ui.tabs.methods import activations_texts as t
from quant.work import Progress

TEMPLATES = "tabs/methods/activations.html.j2"
DIGITS = 2
_SUMMED: WeakKeyDictionary[Comparison, Figures] = WeakKeyDictionary()


@dataclass(frozen=True)
class Cost:
    """What is known of one case. kind: what its figures are worth, recorded or measured."""

    kl: Estimate
    verdict: Verdict
    kind: str


@dataclass(frozen=True)
class CostFrame(Frame):
    """What the outputs of the measurement show."""

    table: str | None = None


@dataclass(frozen=True)
class CostOutputs:
    """The components of `CostFrame`."""

    said: gr.HTML
    table: gr.HTML


@dataclass(frozen=True)
class Asked:
    model: str
    weight_bits: int


def address(case: Case, model: str) -> str:
    """The query string that loads a case: the one place that says how the sidebar's fields are called."""
    fields: dict[str, object] = {
        "model": model, "bits": case.weight_bits, "granularity": "group", "group": GROUP, "zero_point": 0, "table": 0,
        "format": "int", "activations": case.activations,
    }  # fmt: skip
    return urlencode(fields | ({"steps": case.step} if case.step else {}))


def known_costs(lab: Lab, model: str, weight_bits: int, read: EvalText) -> dict[Case, Cost]:
    """What has been measured here of a table, and, of the embedded model, what was recorded of the rest."""
    found = _recorded(weight_bits) if (model, read.name) == (EMBEDDED, TEXT) else {}
    for case in cases(weight_bits):
        measured = lab.known(case.recipe(model), read)
        if measured:
            found[case] = _cost(measured.comparison)
    return found


def _recorded(weight_bits: int) -> dict[Case, Cost]:
    try:
        rows = recorded_costs().rows
    except ModelError:  # other weights: nothing rather than figures of another model
        return {}
    return {
        Case(row.weight_bits, row.activations, row.step): Cost(
            Estimate(row.kl_mean.value, Interval(row.kl_mean.low, row.kl_mean.high)), row.judged, "recorded"
        )
        for row in rows
        if row.weight_bits == weight_bits
    }


def _cost(compared: Comparison) -> Cost:
    seen = _SUMMED.get(compared)
    if seen is None:
        seen = _SUMMED[compared] = figures(compared)
    return Cost(seen.kl_mean, seen.judgement.verdict, "measured")


# ---- the table


def table_html(lab: Lab, model: str, weight_bits: int, language: Language, read: EvalText | None = None) -> Markup:
    """What the table says in a sentence, the table, and what to know of its figures. read: the section's own text."""
    read = read or text()
    known = known_costs(lab, model, weight_bits, read)
    if not known:
        return html.notice(t.NOTHING_YET.format(button=t.MEASURE)[language], "note")
    head = [t.KIND, t.ALONE, *(short_title(TRANSFORMS[step].title) for step in STEPS if step)]
    rows = [_row(kind, model, weight_bits, known, language) for kind in KINDS]
    kinds = [kind for kind in ("recorded", "measured") if any(cost.kind == kind for cost in known.values())]
    where = t.WHERE.format(title=read.title)
    return (
        html.verdict(sentence(known, weight_bits)[language])
        + html.table([name[language] for name in head], rows)
        + html.legend([*kinds, "simulated"], language)
        + html.caption(t.PUBLISHED[language])
        + html.folded(t.READ[language], html.caption(marked(t.RULE.format(where=where)[language], language)))
    )


def _row(kind: str, model: str, weight_bits: int, known: dict[Case, Cost], language: Language) -> list[str]:
    # With a scale for each group of weights even 8 bits per token are rounded, and then multiplied as floats.
    simulated = html.NOTHING if kind == "float" else html.mark("simulated", language)
    name = html.row_name(t.KINDS[kind][0][language], simulated, arithmetic(kind, weight_bits))
    return [name, *(_cell(Case(weight_bits, kind, step), model, known, language) for step in STEPS)]


def arithmetic(kind: str, weight_bits: int) -> str:
    """W8A4 and its like."""
    return f"W{weight_bits}A{32 if kind == 'float' else 8 if kind.startswith('int8') else 4}"


def _cell(case: Case, model: str, known: dict[Case, Cost], language: Language) -> str:
    link = macros(TEMPLATES).link
    if case not in known:
        return Markup(link(address(case, model), t.NOT_MEASURED[language]))
    cost, (low, high) = known[case], _ends(known[case].kl, language)
    shown = html.spaced(link(address(case, model), number(cost.kl.value, language, DIGITS)),
                        html.mark(cost.kind, language))  # fmt: skip
    return html.cell(shown, f"{low}–{high} · {cost.verdict.value[language]}" if low else cost.verdict.value[language])


def _ends(kl: Estimate, language: Language) -> tuple[str, str]:
    if kl.interval is None:
        return "", ""
    return number(kl.interval.low, language, DIGITS), number(kl.interval.high, language, DIGITS)


def sentence(known: dict[Case, Cost], weight_bits: int) -> Text:
    """What the model survives, where it suffers, where it breaks, and what helps the worst of it most."""
    alone = {k: known[case] for k in KINDS if k != "float" and (case := Case(weight_bits, k)) in known}
    broken = [kind for kind, cost in alone.items() if cost.verdict is Verdict.BROKEN]
    suffers = [kind for kind, cost in alone.items() if cost.verdict is Verdict.NOTICEABLE]
    whole = [kind for kind in alone if kind not in (*broken, *suffers)]
    said = (t.SURVIVES if whole else t.SURVIVES_NOTHING).format(bits=weight_bits, kinds=_listed(whole))
    rest = [text.format(kinds=_listed(kinds)) for text, kinds in ((t.SUFFERS, suffers), (t.BREAKS, broken)) if kinds]
    said = _joined(
        said, *(_joined(Text(", ", ", "), part) for part in rest[:-1]), *(_joined(t.LAST, p) for p in rest[-1:])
    )
    said = _joined(said, Text("", "") if broken else t.BREAKS_NOWHERE, Text(".", "."))
    return _joined(said, _fix(known, weight_bits, max(alone, key=lambda k: alone[k].kl.value))) if broken else said


def _fix(known: dict[Case, Cost], weight_bits: int, kind: str) -> Text:
    """What helps one kind most, of what is known."""
    before = known[Case(weight_bits, kind)].kl
    after = {s: known[case] for s in STEPS if s and (case := Case(weight_bits, kind, s)) in known}
    if not after:
        return Text("", "")
    best = min(after, key=lambda step: after[step].kl.value)
    if after[best].kl.value >= before.value:
        return t.NO_FIX.format(kind=t.KINDS[kind][1])
    return t.FIX.format(
        kind=t.KINDS[kind][1], step=short_title(TRANSFORMS[best].title), before=_short(before.value),
        after=_short(after[best].kl.value),
        still=t.STILL_BROKEN if after[best].verdict is Verdict.BROKEN else Text("", ""),
    )  # fmt: skip


def _short(value: float) -> Text:
    return Text(number(value, "es", DIGITS), number(value, "en", DIGITS))


def _listed(kinds: Sequence[str]) -> Text:
    names = [t.KINDS[kind][1] for kind in kinds]
    return Text(_enumerated([n.es for n in names], " y "), _enumerated([n.en for n in names], " and "))


def _enumerated(names: list[str], last: str) -> str:
    return last.join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _joined(*parts: Text) -> Text:
    return Text("".join(p.es for p in parts), "".join(p.en for p in parts))


# ---- measuring


def measuring(lab: Lab, language: Language) -> Action[Asked, Asked, CostFrame]:
    """Every case of a table; what is known already takes no time."""

    def check(asked: Asked) -> Asked:
        if asked.weight_bits not in WEIGHT_BITS:
            raise QuantError(
                Text("Los pesos de la tabla son de {allowed} bits; ha llegado «{got}».",
                     "The table's weights have {allowed} bits; got “{got}”.")
                .format(allowed=", ".join(map(str, WEIGHT_BITS)), got=str(asked.weight_bits))
            )  # fmt: skip
        lab.loaded(asked.model)
        return asked

    return Action(lab, language, check, lambda asked: measure(lab, language, asked, text()), CostFrame)


def measure(lab: Lab, language: Language, asked: Asked, read: EvalText) -> Iterator[CostFrame]:
    """One case after another; each takes its place in the table once it is measured."""
    ready = list(possible(lab.loaded(asked.model), asked.weight_bits))
    todo = [case for case, wrong in ready if wrong is None]
    for i, case in enumerate(todo):
        label, recipe = _label(case, i, len(todo)), case.recipe(asked.model)

        def frame(step: Progress[Any], i: int = i, label: Text = label) -> CostFrame:
            return CostFrame(html.progress(label, (i + step.fraction) / len(todo), language))

        if not lab.known(recipe, read):
            quantized = yield from showing(lab.quantized(recipe), frame)
            yield from showing(lab.measured(recipe, read, quantized), frame)
        done = html.progress(label, (i + 1) / len(todo), language)
        yield CostFrame(done, table_html(lab, asked.model, asked.weight_bits, language, read))
    said = t.MEASURED.format(n=len(todo))[language]
    wrong = [error for _, error in ready if error]
    if wrong:
        said += " " + t.LEFT_OUT.format(n=len(wrong), why=wrong[0].text)[language]
    yield CostFrame(html.notice(said, "note"))


def _label(case: Case, i: int, n: int) -> Text:
    step = t.WITH.format(step=short_title(TRANSFORMS[case.step].title)) if case.step else Text("", "")
    return t.MEASURING.format(kind=t.KINDS[case.activations][1], step=step, i=i + 1, n=n)
