"""A training as the page shows it: a sentence, charts, what the model writes, the link that makes it the live one.

All from a `Learning` alone: one that runs, one that was stopped, one that was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from quant.changes import changed_spans
from quant.evaluation.export import Exported
from quant.evaluation.learning import BINS_A_STEP, Check, Learning
from quant.plots.training import gathering, kl_chart, loss_chart, perplexity_chart
from quant.recipe import Recipe
from quant.scheme import Scheme
from quant.text import Language, Text, fixed, number
from quant.training import DISTILLATION, SCALES, Training
from quant.ui.shared import html
from quant.ui.shared.layer_names import name_title
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import choice_of, query_of
from quant.ui.sidebar.naming import stored
from quant.ui.tabs.methods import training_texts as t

FILE = "tabs/methods/training.html.j2"
HARDLY, LITTLE = 0.1, 0.05  # won back; nats that PTQ loses: below both, training was not needed
SAFE, LOST = 1.1, 1.0  # times the KL: as good as its own grid; worse than plain rounding
TOKENS = 1700


def said(learning: Learning) -> Text:
    """How much of what PTQ lost is won back, after how long."""
    first, last = learning.checks[0], learning.checks[-1]
    given = {
        "seconds": _rounded(last.seconds), "steps": steps(last.step), "share": _rounded(100 * learning.recovered),
        "first": _said(first.kl), "last": _said(last.kl), "before": _said(first.perplexity),
        "after": _said(last.perplexity), "float": _said(learning.perplexity_original),
    }  # fmt: skip
    if last.step == first.step:
        return t.BEGINS.format(**given)
    if learning.recovered >= HARDLY:
        return t.RECOVERED.format(**given)
    if learning.recovered <= -HARDLY:
        return t.WORSE.format(**given)
    return (t.HARDLY if first.kl < LITTLE else t.SLOW).format(**given)


def picture(learning: Learning, layer: str, language: Language) -> Markup:
    """The charts, with what the model writes between them. layer: the name of the one whose weights were counted."""
    training = learning.recipe.training
    loss = t.LOSS_SAID[training.loss if training else DISTILLATION] if learning.losses else t.NO_LOSS
    shown: Markup = macros(FILE).picture(
        (t.LOSS_TITLE[language], Markup(loss_chart(learning, language)), loss[language]),
        (t.KL_TITLE[language], Markup(kl_chart(learning, language)), t.KL_SAID[language]),
        _texts(learning, language),
        (t.PERPLEXITY_TITLE[language], Markup(perplexity_chart(learning, language)), t.PERPLEXITY_SAID[language]),
        _places(learning, layer, training, language),
    )  # fmt: skip
    return shown


def _places(learning: Learning, layer: str, training: Training | None, language: Language) -> tuple[str, Markup, str]:
    title = t.PLACES_TITLE.format(layer=name_title(layer, language))[language]
    if training and training.learn == SCALES:
        return title, html.NOTHING, t.PLACES_STILL[language]
    before, near = (_near(check.places) for check in (learning.checks[0], learning.checks[-1]))
    words = t.PLACES_SAID.format(near=_rounded(100 * near), before=_rounded(100 * before))
    return title, Markup(gathering(learning, language)), words[language]


def _near(places: Sequence[int]) -> float:
    """The share of weights that lie within a quarter of a step of a value of the grid."""
    quarter = BINS_A_STEP // 4
    inside = sum(n for i, n in enumerate(places) if quarter <= i % BINS_A_STEP < BINS_A_STEP - quarter)
    return inside / max(1, sum(places))


def _texts(learning: Learning, language: Language) -> list[tuple[str, str, list[tuple[str, bool]]]]:
    """What the model wrote before, what it writes now, and what the original does; what differs from that marked."""
    first, last = learning.checks[0], learning.checks[-1]
    rows: list[tuple[str, str, Check | None]] = [("ptq", t.BEFORE[language], first)]
    if last.step > first.step:
        rows.append(("q", t.NOW.format(n=steps(last.step))[language], last))
    shown = [(css, name, _marked(learning.text_original, check.text)) for css, name, check in rows if check]
    return [*shown, ("o", t.ORIGINAL[language], [(learning.text_original, False)])]


def _marked(original: str, text: str) -> list[tuple[str, bool]]:
    parts, at = [], 0
    for start, end in changed_spans(original, text):
        parts += [(text[at:start], False), (text[start:end], True)]
        at = end
    return [(part.replace("\n", " "), changed) for part, changed in [*parts, (text[at:], False)] if part]


def use(recipe: Recipe, language: Language) -> Markup:
    """The link that makes a trained model the live one; nothing before its first step."""
    made = recipe.training
    if made is None:
        return html.NOTHING
    query = query_of(recipe)
    words = t.USE_NOT if query is None else t.USE_OWN if made.own else t.USE_SAID
    link: Markup = macros(FILE).use(query or "", t.USE[language], words.format(n=steps(made.steps))[language])
    return link


def core(learning: Learning, layer: str, language: Language) -> Markup:
    """What is drawn again each second: the sentence, the link, the pictures."""
    sentence = html.verdict(said(learning)[language])
    return sentence + use(learning.recipe, language) + picture(learning, layer, language)


def shown(learning: Learning, layer: str, language: Language) -> Markup:
    """All of a training that is not running: why it stopped by itself, the same, and what it was measured on."""
    problem = html.problem(learning.problem, language) if learning.problem else html.NOTHING
    words = f"{t.MARKED[language]} {t.NOT_A_TEST.format(tokens=_rounded(TOKENS))[language]}"
    return problem + core(learning, layer, language) + html.caption(words) + html.legend(("measured",), language)


# ---- another grid


def export_html(own: Scheme, found: Sequence[Exported], language: Language) -> Markup:
    """The table of what the trained model costs by another scheme, and the worst of it in a sentence."""
    if not found:
        return html.NOTHING
    head = [one[language] for one in t.EXPORT_HEAD]
    first = [t.EXPORT_OWN.format(name=_name(own))[language], number(found[0].own, language, 3), "—"]
    rows = [[_name(e.scheme)[language], number(e.moved, language, 3), number(e.rounded, language, 3)] for e in found]
    table = html.table(head, [first, *rows]) + html.legend(("measured",), language)
    return html.verdict(export_said(own, found)[language]) + table


def export_said(own: Scheme, found: Sequence[Exported]) -> Text:
    worst, best = max(found, key=lambda e: e.moved), min(found, key=lambda e: e.moved)
    beside = t.EXPORT_LOST if worst.moved > LOST * worst.rounded else t.EXPORT_LESS
    words = t.EXPORT_WORST.format(
        own_name=_name(own), name=_name(worst.scheme), moved=_said(worst.moved), own=_said(worst.own),
        beside=beside.format(rounded=_said(worst.rounded)),
    )  # fmt: skip
    if best is worst or best.moved > SAFE * best.own:
        return words
    safe = t.EXPORT_SAFE.format(name=_name(best.scheme), moved=_said(best.moved))
    return Text(words.es + safe.es, words.en + safe.en)


def _name(scheme: Scheme) -> Text:
    choice = choice_of(Recipe.uniform(scheme))
    assert choice, "each of them is one of the drawer's"
    return stored(choice)


def steps(n: int) -> Text:
    return t.ONE_STEP if n == 1 else t.STEPS.format(n=_rounded(n))


def _said(value: float) -> Text:
    return Text(number(value, "es", 3), number(value, "en", 3))


def _rounded(value: float) -> Text:
    return Text(fixed(value, "es", 0), fixed(value, "en", 0))
