"""Small pieces of HTML that every tab uses. Everything that is not markup is escaped here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from quant.errors import QuantError
from quant.text import Language, Text, fixed
from quant.ui import texts as t


def badge(kind: str, language: Language) -> str:
    """The label that says what a number is worth: simulado, exacto or medido."""
    name, explained = t.BADGES[kind]
    return f'<span class="badge {kind}" title="{escape(explained[language])}">{escape(name[language])}</span>'


def notice(text: str, kind: str = "error") -> str:
    """A message in the page; `kind` is error or note."""
    sign = "⚠" if kind == "error" else "ℹ"
    return f'<div class="notice {kind}" role="alert"><span aria-hidden="true">{sign}</span> {escape(text)}</div>'


def problem(error: QuantError, language: Language) -> str:
    return notice(error.text[language])


def progress(label: Text, fraction: float, language: Language) -> str:
    percent = fixed(100 * fraction, language, 0)
    return (
        f'<div class="progress" role="status"><div class="track"><i style="width:{100 * fraction:.1f}%"></i></div>'
        f"<span>{escape(label[language])} {percent}\u202f%</span></div>"
    )


def queue_place(ahead: int, language: Language) -> str:
    text = (t.QUEUE_ONE if ahead == 1 else t.QUEUE_MANY).format(n=ahead)
    return f'<div class="progress" role="status"><span>⏳ {escape(text[language])}</span></div>'


def cards(rows: Sequence[tuple[str, str, str]]) -> str:
    """Tiles of (name, value, small print); the small print may hold markup."""
    tiles = (
        f'<div class="card"><small>{escape(name)}</small><b>{escape(value)}</b><span>{extra}</span></div>'
        for name, value, extra in rows
    )
    return f'<div class="cards">{"".join(tiles)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """A table whose first column names its row; cells may hold markup made by this module."""
    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in head)
    body = "".join(
        f'<tr><th scope="row">{r[0]}</th>{"".join(f"<td>{cell}</td>" for cell in r[1:])}</tr>' for r in rows
    )
    note = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table class="data">{note}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def stopped(shown: str | None, language: Language) -> str:
    """What was on the screen when work was stopped, without its progress bar, and a word that it was."""
    kept = re.sub(r'<div class="progress".*?</span></div>', "", shown or "", flags=re.DOTALL)
    return notice(t.STOPPED[language], "note") + kept
