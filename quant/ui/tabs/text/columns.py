"""A column of what two models write, and the template of both."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

COLUMNS = "tabs/text/write.html.j2"


@dataclass(frozen=True)
class Column:
    """One model and what it has written."""

    css: str
    name: str
    kind: str
    text: Markup
    done: bool
    length: str
