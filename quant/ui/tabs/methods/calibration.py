"""Does calibration matter? One method with other calibration texts and lengths, told apart beyond chance or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from quant.calibrate import tokens_of
from quant.evaluation.methods import Row, below, rows
from quant.lab import Lab
from quant.methods import METHODS, method_named
from quant.recipe import LEAST_TOKENS, Calibration, Recipe
from quant.scheme import PerGroup, Scheme
from quant.text import Language, Text, fixed, number
from quant.texts import CALIBRATION_TITLES, EvalText, shipped_text
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, showing
from quant.ui.shared.frames import Frame, Values
from quant.ui.sidebar.choice import Choice, choice_of, query_of
from quant.ui.sidebar.knobs import short_title
from quant.ui.sidebar.naming import stored
from quant.ui.tabs.base import Built, Place, Run
from quant.ui.tabs.methods import calibration_texts as t
from quant.ui.tabs.metrics.history import recipe_link
from quant.ui.tabs.metrics.picture import QUICK_BYTES, section

TEXT = "enciclopedia"
TOKENS, LENGTHS = 4096, (128, 512, 2048, 8192, 16_384)
USUAL = Scheme.integer(4, PerGroup(64), zero_point=True)
READ_TEXTS = ("calibration", "novels", "sentences", "mixture", "model", "random")
PREFERRED = ("gptq", "awq", "importance")  # the first of them is offered first


def calibrated() -> list[str]:
    """The methods that read a text."""
    found = [name for name, method in METHODS.items() if method.needs or method.tune]
    return sorted(found, key=lambda name: PREFERRED.index(name) if name in PREFERRED else len(PREFERRED))


@dataclass(frozen=True)
class Asked:
    """What the button asks for."""

    choice: Choice
    method: str
    vary: str
    own: str


@dataclass(frozen=True)
class Plan:
    """What is tried: recipes with their names, rounding first."""

    asked: Asked
    scheme: Scheme
    names: tuple[Text, ...]
    recipes: tuple[Recipe, ...]
    text: EvalText


@dataclass(frozen=True)
class Outputs:
    said: gr.HTML


def plan(lab: Lab, asked: Asked) -> Plan:
    """The recipes. Raises QuantError for a text of one's own that is none, and for a bad choice."""
    method, live, model = method_named(asked.method), asked.choice.scheme(), asked.choice.model
    scheme = live if method.fits(live) and METHODS["rtn"].fits(live) else USUAL
    named: list[tuple[Text, Calibration]] = []
    if asked.vary == "tokens":
        named = [(t.WITH_TOKENS.format(tokens=_counted(n)), Calibration(tokens=n)) for n in LENGTHS]
    else:
        named = [(CALIBRATION_TITLES[name], Calibration(name, TOKENS)) for name in READ_TEXTS]
        if asked.own.strip():
            own = Calibration("own", TOKENS, asked.own)
            tokens_of(lab.loaded(model), own)  # one that is too short fails here, before any work
            named.append((t.OWN_NAME, own))
    recipes = [Recipe.uniform(scheme, model=model, method="rtn")]
    recipes += [Recipe.uniform(scheme, model=model, method=method.name, calibration=c) for _, c in named]
    text = shipped_text(TEXT).part(QUICK_BYTES)
    return Plan(asked, scheme, (t.NO_DATA, *(name for name, _ in named)), tuple(recipes), text)


def trying(lab: Lab, language: Language) -> Action[Asked, Plan, Frame]:
    """One calibration after another."""
    return Action(lab, language, lambda asked: plan(lab, asked), lambda ready: tried(lab, language, ready), Frame)


def tried(lab: Lab, language: Language, ready: Plan) -> Iterator[Frame]:
    """The rows that are finished, with a bar above them; then the sentence."""

    def frame(fraction: float, so_far: Sequence[Row]) -> Frame:
        at = min(int(fraction * len(ready.recipes)), len(ready.recipes) - 1)
        label = t.TRYING.format(i=at + 1, n=len(ready.recipes), name=ready.names[at])
        return Frame(html.progress(label, fraction, language) + _shown(so_far, ready, language))

    found = yield from showing(
        rows(lab, ready.recipes, ready.text), lambda step: frame(step.fraction, step.so_far or ())
    )
    shown = html.verdict(said(found, ready, language)) + _shown(found, ready, language, ended=True)
    yield Frame(html.belongs(ready.asked.choice.query(), shown, language))


# ---- what is said


def best_of(found: Sequence[Row]) -> Row:
    """The calibrated row of the lowest KL."""
    return min(found[1:], key=lambda row: row.figures.kl_mean.value)


def said(found: Sequence[Row], ready: Plan, language: Language) -> str:
    """Who is best, with whom it ties, who is worst."""
    names = dict(zip(ready.recipes, ready.names, strict=True))
    rounding, best = found[0], best_of(found)
    worst = max(found[1:], key=lambda row: row.figures.kl_mean.value)
    ties = [row for row in found[1:] if row is not best and not below(best, row)]
    shown = {name: _kl(row, language) for name, row in (("rounding", rounding), ("best", best), ("worst", worst))}
    if len(ties) == len(found) - 2:
        return t.SAID_ALL_TIE.format(rounding=shown["rounding"], best=shown["best"])[language]
    text = t.SAID.format(
        best_name=names[best.recipe], worst_name=names[worst.recipe], **shown,
        ties=(t.TIES if len(ties) > 1 else t.ONE_TIE).format(n=len(ties)) if ties else Text("", ""),
    )[language]  # fmt: skip
    return text + (t.RUINED.format(name=names[worst.recipe])[language] if below(rounding, worst) else "")


def _shown(found: Sequence[Row], ready: Plan, language: Language, *, ended: bool = False) -> Markup:
    """The rows; which is the best, and who ties with it, once all are there."""
    if not found:
        return html.NOTHING
    best = best_of(found) if ended else None
    cells = [_row(row, name, best, language) for row, name in zip(found, ready.names, strict=False)]
    method, rule = METHODS[ready.asked.method], ready.recipes[0].rules[0]
    caption = t.CAPTION.format(scheme=_scheme(ready), method=short_title(method.title))[language]
    if ready.asked.vary == "text":
        caption += " " + t.FEWER_TOKENS.format(tokens=_counted(TOKENS), usual=_counted(Calibration.tokens))[language]
    other = (
        t.OTHER_SCHEME.format(method=short_title(method.title))[language]
        if rule.scheme != ready.asked.choice.scheme()
        else ""
    )
    table = html.table([h[language] for h in t.HEAD], cells) + html.caption(caption)
    return (html.notice(other, "note") if other else html.NOTHING) + table


def _scheme(ready: Plan) -> Text:
    choice = choice_of(ready.recipes[0])
    assert choice, "of a choice's own scheme, or the usual one"
    return stored(choice)


def _row(row: Row, name: Text, best: Row | None, language: Language) -> list[str]:
    interval = row.figures.kl_mean.interval
    ends = f"{number(interval.low, language, 3)}–{number(interval.high, language, 3)}" if interval else ""
    if best is None:
        standing = ""
    elif row is best:
        standing = t.BEST[language]
    else:
        standing = (t.WORSE if below(best, row) else t.TIE)[language]
    address = query_of(row.recipe)
    shown = recipe_link(address, name[language]) if address else name[language]
    return [shown, html.cell(_kl(row, language), ends), standing]


def _kl(row: Row, language: Language) -> str:
    return number(row.figures.kl_mean.value, language, 3)


def _counted(n: int) -> Text:
    return Text(fixed(n, "es", 0), fixed(n, "en", 0))


# ---- the section


def build_calibration(place: Place) -> Built:
    language = place.language
    section(t.TITLE[language], t.INTRO.format(text=shipped_text(TEXT).title)[language])
    methods = calibrated()
    varies = [(text.format(tokens=_counted(TOKENS))[language], name) for name, text in t.VARIES.items()]
    with gr.Row():
        method = gr.Dropdown(
            [(METHODS[name].title[language], name) for name in methods], value=methods[0], filterable=False,
            label=t.METHOD[language], min_width=260,
        )  # fmt: skip
        vary = gr.Radio(varies, value="text", label=t.VARY[language], min_width=260)
    own = gr.Textbox(
        "", label=t.OWN[language], info=t.OWN_INFO.format(least=LEAST_TOKENS)[language], lines=2, max_lines=6
    )
    with gr.Row():
        button = gr.Button(t.TRY[language], variant="primary", scale=0, min_width=220, elem_id=f"calibrate-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"calibrate-stop-{language}")
    empty = t.EMPTY.format(method=short_title(METHODS[methods[0]].title))[language]
    shown = gr.HTML(html.notice(empty, "note"), elem_id=f"calibrated-{language}")

    def asks(choice: Choice, values: Values) -> Asked:
        return Asked(choice, values[method], values[vary], values[own] or "")

    inputs = (method, vary, own)
    run = Run(trying(place.lab, language), asks, (button.click,), inputs, Outputs(shown), stop)
    return Built(runs=(run,))
