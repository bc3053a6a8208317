"""HTML by templates that escape by themselves whatever they are given, but for what is marked as markup already.

A file of templates holds macros, which Python calls by name: `macros("shared/pieces.html.j2").caption(text)`. What they
give is Markup, so that nothing is escaped twice. Line breaks and indentation in a template are for its reader alone;
a value that is missing is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parents[1]
BREAK = re.compile(r"\n\s*")


class OneLine(FileSystemLoader):
    """Templates without the line breaks that they are written with."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, path, current = super().get_source(environment, template)
        return BREAK.sub("", source), path, current


ENVIRONMENT = Environment(
    loader=OneLine(FOLDER), autoescape=True, undefined=StrictUndefined, auto_reload=False, cache_size=-1
)


@cache
def macros(file: str) -> Any:
    """The macros of a file under quant/ui, compiled at their first use."""
    return ENVIRONMENT.get_template(file).module
