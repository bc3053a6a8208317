"""The ladder from PTQ to QAT at equal bytes: what was trained on one grid, beside where each began, in a table."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from quant.evaluation.learning import Learning
from quant.methods import METHODS
from quant.recipe import Recipe
from quant.text import Language, Text, fixed, number, short_title
from quant.training import LEARNED, LOSSES
from quant.ui.shared import html
from quant.ui.sidebar.texts import TRAINED_OTHER, TRAINED_TEXTS
from quant.ui.tabs.methods import training_texts as t
from quant.ui.tabs.methods.training_show import steps


def ladder_html(found: Sequence[Learning], language: Language) -> Markup:
    """Nothing before the first step of the first training."""
    trained = [learning for learning in found if learning.recipe.training]
    if not trained:
        return html.NOTHING
    rows = sorted([*_starts(trained, language), *(_row(one, language) for one in trained)], key=lambda row: row[0])
    head = [name[language] for name in t.LADDER_HEAD]
    table = html.table(head, [cells for _, cells in rows])
    title = html.heading(3, t.LADDER_TITLE[language]) + html.caption(t.LADDER_SAID[language])
    return title + table + html.legend(("measured",), language)


def _starts(trained: Sequence[Learning], language: Language) -> list[tuple[float, list[str]]]:
    """One row for each PTQ that a training began from at its first step."""
    found: dict[str, tuple[float, list[str]]] = {}
    for first, start in ((one.checks[0], _start(one.recipe)) for one in trained):
        if first.step == 0 and start.en not in found:
            name = html.row_name(t.LADDER_PTQ.format(start=start)[language], html.NOTHING, "")
            found[start.en] = (first.kl, [name, "—", *_figures(first.kl, first.perplexity, language), "—"])
    return list(found.values())


def _row(one: Learning, language: Language) -> tuple[float, list[str]]:
    made, last = one.recipe.training, one.checks[-1]
    assert made is not None
    name = t.LADDER_RUNG.format(learn=LEARNED[made.learn], loss=LOSSES[made.loss])
    of = t.LADDER_FROM.format(
        start=_start(one.recipe), text=TRAINED_TEXTS.get(made.text, TRAINED_OTHER), seed=made.seed
    )
    time = t.LADDER_TIME.format(seconds=_whole(last.seconds), steps=steps(last.step))
    share = f"{fixed(100 * one.recovered, language, 0)}{html.percent_sign(language)}"
    figures = _figures(last.kl, last.perplexity, language)
    return last.kl, [html.row_name(name[language], html.NOTHING, of[language]), time[language], *figures, share]


def _start(recipe: Recipe) -> Text:
    return t.STARTS.get(recipe.rules[0].method, short_title(METHODS[recipe.rules[0].method].title))


def _figures(kl: float, perplexity: float, language: Language) -> tuple[str, str]:
    return number(kl, language, 3), number(perplexity, language, 3)


def _whole(value: float) -> Text:
    return Text(fixed(value, "es", 0), fixed(value, "en", 0))
