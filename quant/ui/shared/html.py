"""Small pieces of HTML that every tab uses: typed names for the macros of pieces.html.j2, which escape what is text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from quant.errors import QuantError
from quant.evaluation.verdict import Verdict
from quant.text import NO_BREAK, Language, Text, fixed
from quant.ui.shared import texts as t
from quant.ui.shared.templates import macros

PIECES = "shared/pieces.html.j2"
NOTHING = Markup("")
BAR = re.compile(r'<div class="lab-progress".*?</span></div>', re.DOTALL)
CARET = re.compile(r"<i class=caret></i>")


def badge(kind: str, language: Language) -> Markup:
    """The label that says what a number is worth: simulado, empaquetado or medido."""
    name, explained = t.BADGES[kind]
    return macros(PIECES).badge(kind, name[language], explained[language])


def mark(kind: str, language: Language) -> Markup:
    """The same label as a small sign, for a row or a card whose table has a `legend`."""
    return macros(PIECES).mark(kind, t.SIGNS[kind], t.BADGES[kind][0][language])


def legend(kinds: Sequence[str], language: Language) -> Markup:
    """One line for a whole table or row of cards: what each of its signs says."""
    return macros(PIECES).legend(
        [(kind, t.SIGNS[kind], *(said[language] for said in t.BADGES[kind])) for kind in kinds]
    )


def chip(verdict: Verdict, language: Language) -> Markup:
    """The word of a verdict, with its colour and its sign."""
    sign, css = t.VERDICTS[verdict]
    return macros(PIECES).chip(css, sign, verdict.value[language])


def belongs(query: str, inside: Markup, language: Language) -> Markup:
    """What belongs to the recipe of an address: dimmed in the browser, with a word, once another one is live."""
    return macros(PIECES).belongs(query, t.OLD_RECIPE[language], inside)


def verdict(text: str) -> Markup:
    """The sentence in words that stands above a result."""
    return macros(PIECES).verdict(text)


def caption(text: str) -> Markup:
    """What to look at in the figure above."""
    return macros(PIECES).caption(text)


def paragraph(text: str) -> Markup:
    return macros(PIECES).paragraph(text)


def heading(level: int, text: str) -> Markup:
    return macros(PIECES).heading(level, text)


def notice(text: str, kind: str = "error") -> Markup:
    """A message in the page; `kind` is error or note."""
    return macros(PIECES).notice(text, kind)


def problem(error: QuantError, language: Language) -> Markup:
    return notice(error.text[language])


def says_problem(shown: object) -> bool:
    """Whether what is shown tells of something wrong."""
    return isinstance(shown, str) and 'role="alert"' in shown


def percent_sign(language: Language) -> str:
    """Spanish sets it off with a space."""
    return f"{NO_BREAK}%" if language == "es" else "%"


def progress(label: Text, fraction: float, language: Language) -> Markup:
    percent = 100 * fraction
    said = f"{label[language]} {fixed(percent, language, 0)}{percent_sign(language)}"
    return macros(PIECES).progress(said, percent)


def queue_place(ahead: int, language: Language) -> Markup:
    return waiting((t.QUEUE_ONE if ahead == 1 else t.QUEUE_MANY).format(n=ahead)[language])


def waiting(text: str) -> Markup:
    """What is being waited for, where nobody knows how long."""
    return macros(PIECES).waiting(text)


def small(text: str) -> Markup:
    return macros(PIECES).small(text)


def cell(value: str, below: str) -> Markup:
    """A cell of a table with small print under its value."""
    return macros(PIECES).cell(value, below)


def row_name(name: str, badges: Markup, below: str) -> Markup:
    """The first cell of a row: its name, what its numbers are worth, and small print."""
    return macros(PIECES).row_name(name, badges, below)


def spaced(first: str, second: str) -> Markup:
    """One after the other, with a space between."""
    return macros(PIECES).spaced(first, second)


def over(first: str, second: str) -> Markup:
    """One above the other."""
    return macros(PIECES).over(first, second)


def folded(summary: str, inside: Markup) -> Markup:
    """What a beginner does not need."""
    return macros(PIECES).folded(summary, inside)


def cards(rows: Sequence[tuple[str, str, str]]) -> Markup:
    """Tiles of (name, value, small print)."""
    return macros(PIECES).cards(rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table whose first column names its row."""
    return macros(PIECES).table(head, rows)


def stopped(shown: str, language: Language) -> str:
    """What was on the screen when work was stopped, without progress bar and caret, and a word that it was.

    What had already ended stays as it is.
    """
    kept = CARET.sub("", BAR.sub("", shown))
    return shown if kept == shown else notice(t.STOPPED[language], "note") + Markup(kept)
