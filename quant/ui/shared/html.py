"""Small pieces of HTML that every tab uses. Everything that is not markup is escaped here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from quant.errors import QuantError
from quant.text import NO_BREAK, Language, Text, fixed
from quant.ui.shared import texts as t

BAR = re.compile(r'<div class="lab-progress".*?</span></div>', re.DOTALL)
CARET = re.compile(r"<i class=caret></i>")


def badge(kind: str, language: Language) -> str:
    """The label that says what a number is worth: simulado, empaquetado or medido."""
    name, explained = t.BADGES[kind]
    return f'<span class="lab-badge {kind}" title="{escape(explained[language])}">{escape(name[language])}</span>'


def verdict(text: str) -> str:
    """The sentence in words that stands above a result."""
    return f'<p class="lab-verdict">{escape(text)}</p>'


def caption(text: str) -> str:
    """What to look at in the figure above."""
    return f'<p class="lab-caption">{escape(text)}</p>'


def notice(text: str, kind: str = "error") -> str:
    """A message in the page; `kind` is error or note."""
    sign = "⚠" if kind == "error" else "ℹ"
    role = ' role="alert"' if kind == "error" else ""
    return f'<div class="lab-notice {kind}"{role}><span aria-hidden="true">{sign}</span> {escape(text)}</div>'


def problem(error: QuantError, language: Language) -> str:
    return notice(error.text[language])


def percent_sign(language: Language) -> str:
    """Spanish sets it off with a space."""
    return f"{NO_BREAK}%" if language == "es" else "%"


def progress(label: Text, fraction: float, language: Language) -> str:
    percent = fixed(100 * fraction, language, 0)
    return (
        f'<div class="lab-progress" role="progressbar" aria-valuenow="{100 * fraction:.0f}">'
        f'<div class="track"><i style="width:{100 * fraction:.1f}%"></i></div>'
        f"<span>{escape(label[language])} {percent}{percent_sign(language)}</span></div>"
    )


def queue_place(ahead: int, language: Language) -> str:
    return waiting((t.QUEUE_ONE if ahead == 1 else t.QUEUE_MANY).format(n=ahead)[language])


def waiting(text: str) -> str:
    """What is being waited for, where nobody knows how long."""
    return f'<div class="lab-progress" role="status"><span>⏳ {escape(text)}</span></div>'


def cards(rows: Sequence[tuple[str, str, str]]) -> str:
    """Tiles of (name, value, small print); the small print may hold markup."""
    tiles = (
        f'<div class="lab-card"><small>{escape(name)}</small><b>{escape(value)}</b><span>{extra}</span></div>'
        for name, value, extra in rows
    )
    return f'<div class="lab-cards">{"".join(tiles)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names its row; cells may hold markup made by this module."""
    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
    body = "".join(f'<tr><th scope="row">{r[0]}</th>{"".join(f"<td>{cell}</td>" for cell in r[1:])}</tr>' for r in rows)
    inside = f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="lab-scroll"><table class="data" style="--cells:{len(head) - 1}">{inside}</table></div>'


def stopped(shown: str | None, language: Language) -> str:
    """What was on the screen when work was stopped, without progress bar and caret, and a word that it was.

    What had already ended stays as it is.
    """
    kept = CARET.sub("", BAR.sub("", shown or ""))
    return kept if kept == (shown or "") else notice(t.STOPPED[language], "note") + kept
