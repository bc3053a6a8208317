"""Sensibilidad: what each part costs alone, as recorded of a few recipes and as measured of the live one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import gradio as gr
from markupsafe import Markup

from quant.errors import EvaluationError
from quant.evaluation.costs import sensitivity_text
from quant.evaluation.proxies import PROXIES
from quant.evaluation.sensitivity import Sensitivity, parts_of, sensitivity_steps
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.recipe import Recipe
from quant.recorded_choices import SensitivityJson
from quant.text import Language, Text, fixed, number
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Action, quantizing, showing
from quant.ui.shared.frames import Frame, Updates, Values
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.base import Built, Follow, Place, Run, Seen
from quant.ui.tabs.choose import sensitivity_texts as t
from quant.ui.tabs.choose.budget_known import recorded
from quant.ui.tabs.choose.heat import Cell, heat_map, where
from quant.work import Progress

RECIPES = {"rtn4": (4, "rtn"), "gptq4": (4, "gptq"), "rtn3": (3, "rtn"), "gptq3": (3, "gptq")}
ADDS_UP = (0.8, 1.25)  # the ratio within which effects are said to add up (exllamav3's own runs lie in .8 to 1.05)
LIKE_NOISE = 1.3  # times more or less, within which error is said to be no better than noise


@dataclass(frozen=True)
class Ready:
    """The live recipe."""

    recipe: Recipe


@dataclass(frozen=True)
class Shown(Frame):
    """The answer to a measurement of the live recipe."""

    answer: str | None = None


@dataclass(frozen=True)
class Outputs:
    """The components of `Shown`."""

    said: gr.HTML
    answer: gr.HTML


@dataclass(frozen=True)
class Effects:
    """Effects as recorded or live, in one shape: nats by part, in the order of the network."""

    title: Text
    kls: Mapping[str, float]
    noise: Mapping[str, float]
    interval: tuple[float, float] | None
    together: float | None
    control: float


def of_live(found: Sensitivity) -> Effects:
    most = found.ranked[0].kl.interval
    return Effects(
        t.LIVE, {e.name: e.kl.value for e in found.effects},
        {e.name: e.noise for e in found.effects if e.noise is not None}, (most.low, most.high) if most else None,
        found.together.value if found.together else None, found.control,
    )  # fmt: skip


def of_recorded(name: str, found: SensitivityJson) -> Effects:
    kls = {e.name: e.kl.estimate.value for e in found.effects}
    most = max(found.effects, key=lambda e: e.kl.estimate.value).kl.estimate.interval
    noise = {e.name: e.noise for e in found.effects if e.noise is not None}
    return Effects(t.RECIPES[name], kls, noise, (most.low, most.high) if most else None, found.together.estimate.value,
                 found.control)  # fmt: skip


# ---- what it says


def lead(loaded: LoadedModel, seen: Effects) -> Text:
    """Which part hurts most, and which least."""
    ranked = sorted(seen.kls, key=lambda name: -seen.kls[name])
    first, last = ranked[0], ranked[-1]
    times = seen.kls[first] / seen.kls[last] if seen.kls[last] else math.inf
    return t.LEAD.format(
        recipe=seen.title, first=where(loaded, first), last=where(loaded, last), kl=said(seen.kls[first]),
        share=_percent(seen.kls[first] / (sum(seen.kls.values()) or 1.0)), times=said(times, 2),
    )  # fmt: skip


def sentences(seen: Effects) -> list[Text]:
    """Whether effects add up, whether the error is better placed than noise, and the control."""
    found = []
    if seen.together:
        ratio = seen.together / sum(seen.kls.values())
        words = t.ADDITIVE if ADDS_UP[0] <= 1 / ratio <= ADDS_UP[1] else t.NOT_ADDITIVE
        found.append(words.format(sum=said(sum(seen.kls.values())), together=said(seen.together), ratio=said(ratio, 2)))
    ratios = sorted(seen.noise[name] / seen.kls[name] for name in seen.noise if seen.kls[name])
    if ratios:
        middle = ratios[len(ratios) // 2]
        words = t.NOISE_MORE if middle > LIKE_NOISE else t.NOISE_LESS if middle < 1 / LIKE_NOISE else t.NOISE_LIKE
        found.append(words.format(ratio=said(middle, 2)))
    return [*found, t.CONTROL.format(control=said(seen.control))]


def shown(loaded: LoadedModel, seen: Effects, language: Language) -> Markup:
    """The sentence, the map, and what else follows from it."""
    most = max(seen.kls.values()) or 1.0
    least = min((kl for kl in seen.kls.values() if kl > 0), default=most)

    def cell(name: str) -> Cell:
        kl = seen.kls[name]
        share = math.log(kl / least) / math.log(most / least) if kl > 0 and most > least else float(kl > 0)
        named = t.CELL.format(where=where(loaded, name), kl=said(kl))[language]
        return Cell(said(kl, 2)[language], named, share)

    low, high = seen.interval or (most, most)
    note = t.NOTE.format(low=said(low), high=said(high))[language]
    made = html.verdict(lead(loaded, seen)[language])
    made += heat_map(loaded, list(seen.kls), cell, t.TABLE[language], note, language)
    return made + html.NOTHING.join(html.paragraph(text[language]) for text in sentences(seen))


def guesses_html(found: Sequence[tuple[str, SensitivityJson]], language: Language) -> Markup:
    """How well each short cut ranks the matrices, and in one sentence which does and which does not."""
    least = {guess: min(one.ranks[guess] for _, one in found) for guess in PROXIES}
    best, worst = max(least, key=lambda g: least[g]), min(least, key=lambda g: least[g])
    lead_ = t.GUESS_LEAD.format(best=PROXIES[best], worst=PROXIES[worst], rho=said(least[best], 2), n=len(found),
                                low=said(least[worst], 2))[language]  # fmt: skip
    head = [t.GUESS[language], *(t.RECIPES[name][language] for name, _ in found)]
    rows = [
        [html.row_name(title[language], html.NOTHING, t.SAID[guess][language]),
         *(fixed(one.ranks[guess], language, 2) for _, one in found)]
        for guess, title in PROXIES.items()
    ]  # fmt: skip
    return html.verdict(lead_) + html.table(head, rows) + html.caption(t.GUESS_NOTE[language])


def said(value: float, digits: int = 3) -> Text:
    return Text(number(value, "es", digits), number(value, "en", digits))


def _percent(share: float) -> Text:
    return Text(fixed(100 * share, "es", 0) + "\N{NARROW NO-BREAK SPACE}%", fixed(100 * share, "en", 0) + "%")


# ---- recorded and live


def known() -> list[tuple[str, SensitivityJson]]:
    """The recorded recipes by name, those that are there."""
    found = recorded()
    if found is None:
        return []
    by_rule = {(one.made.rules[-1].scheme, one.made.rules[-1].method): one for one in found.sensitivities}
    keys = {(scheme.element.code_bits, method): one for (scheme, method), one in by_rule.items() if scheme}
    return [(name, keys[key]) for name, key in RECIPES.items() if key in keys]


def measuring(lab: Lab, language: Language) -> Action[Choice, Ready, Shown]:
    """The parts of the live recipe, one after another."""

    def check(choice: Choice) -> Ready:
        return Ready(choice.recipe())

    return Action(lab, language, check, lambda ready: measure(lab, language, ready), Shown)


def measure(lab: Lab, language: Language, ready: Ready) -> Iterator[Shown]:
    """Progress, and the map anew as parts come to be known."""
    loaded = lab.loaded(ready.recipe.model)
    made = yield from quantizing(lab, language, ready.recipe, Shown)
    if not parts_of(made):
        raise EvaluationError(t.NOTHING)

    def frame(step: Progress[Sensitivity]) -> Shown:
        assert step.so_far, "each step knows one part more"
        part = where(loaded, step.so_far.effects[-1].name)
        bar = html.progress(t.RUNNING.format(part=part), step.fraction, language)
        return Shown(bar, shown(loaded, of_live(step.so_far), language))

    reference = lab.reference(ready.recipe.model, sensitivity_text())
    found = yield from showing(sensitivity_steps(reference, made), frame)
    yield Shown("", shown(loaded, of_live(found), language))


def build_sensitivity(place: Place) -> Built:
    """The section: the map of a recorded recipe, then the button for the live one, then the short cuts, folded."""
    language = place.language
    gr.Markdown(f"## {t.HEADING[language]}\n\n{t.INTRO[language]}", elem_classes="lab-section")
    there = known()
    which = gr.Radio(
        [(t.RECIPES[name][language], name) for name, _ in there], value=there[0][0] if there else None,
        label=t.WHICH[language], elem_id=f"sensitivity-which-{language}", interactive=True, visible=bool(there),
    )  # fmt: skip
    answer = gr.HTML(elem_id=f"sensitivity-answer-{language}")
    with gr.Row():
        button = gr.Button(t.RUN[language], scale=0, min_width=230, elem_id=f"sensitivity-{language}")
        stop = gr.Button(shared_texts.STOP[language], scale=0, min_width=110, elem_id=f"sensitivity-stop-{language}")
    outputs = Outputs(gr.HTML(elem_id=f"sensitivity-said-{language}"), answer)
    if there:
        with gr.Accordion(t.GUESSES[language], open=False):
            gr.HTML(guesses_html(there, language), elem_id=f"sensitivity-guesses-{language}")

    def asks(choice: Choice, _: Values) -> Choice:
        return choice

    def show(now: Seen, values: Values) -> Updates:
        found = dict(there).get(values[which])
        if now.choice.model != EMBEDDED or found is None:
            return {answer: html.notice(t.ONLY_EMBEDDED[language], "note"), which: gr.update(visible=False)}
        loaded = place.lab.loaded(EMBEDDED)
        return {answer: shown(loaded, of_recorded(values[which], found), language), which: gr.update(visible=True)}

    run = Run(measuring(place.lab, language), asks, (button.click,), (), outputs, stop)
    return Built((Follow(show, (answer, which), model=True, own=(which,)),), (run,))
