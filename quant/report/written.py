"""A document written by templates: HTML that needs nothing else, Markdown with its charts beside it, SVG of one chart.

Jinja2 escapes HTML by itself. For Markdown, of which it knows nothing, what a template prints goes through
`Markdown.finalize`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from quant.plots import style
from quant.report.document import Document, Picture
from quant.report.fact import Fact
from quant.report.phrase import plain
from quant.report.speech import Html, Markdown, Safe, Svg
from quant.text import Language, Text

FOLDER = Path(__file__).parent
CONTENTS = Text("Partes del informe", "Parts of the report")
FIGURES = "figures/"
# Colours that no other sheet has; the rest are those of the page (quant/plots/style.py).
PAPERS = {
    "light": {"paper": "#FFFFFF", "block": "#F3F4F6", "ink": "#1B1F27", "ink-2": "#56606E", "grid": "#D9DDE3"},
    "dark": {"paper": "#14171D", "block": "#1F242D", "ink": "#E7EAEF", "ink-2": "#A6AEBB", "grid": "#39404C"},
}


def as_html(document: Document, facts: Mapping[str, Fact], language: Language) -> str:
    """One page, styles and charts in it; it asks nobody for anything, and its policy forbids it to."""
    svg = Svg(facts, language)
    return _environment().get_template("report.html.j2").render(
        document=document, language=language, say=Html(facts, language).say, said=lambda part: svg.say(plain(part)),
        css=Markup(_colours() + _read("report.css") + _read("chart.css")), contents=CONTENTS[language],
    )  # fmt: skip


def as_markdown(document: Document, facts: Mapping[str, Fact], language: Language, figures: str = FIGURES) -> str:
    """Markdown as GitHub and Pandoc read it; its charts are files in the folder `figures`."""
    speech = Markdown(facts, language)
    environment = Environment(
        loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, finalize=speech.finalize, trim_blocks=True,
        lstrip_blocks=True, autoescape=False,
    )  # fmt: skip
    return environment.get_template("report.md.j2").render(
        blocks=document.in_a_row, language=language, say=speech.say, quoted=speech.quoted, fenced=speech.fenced,
        figure=lambda name: Safe(f"{figures}{figure_file(name, language)}"),
    )  # fmt: skip


def figure_file(name: str, language: Language) -> str:
    return f"{name}.{language}.svg"


def as_svg(picture: Picture, facts: Mapping[str, Fact], language: Language) -> str:
    """One chart as a file of its own, light or dark as whoever shows it is."""
    svg = Svg(facts, language)
    css = Markup(_colours() + _read("chart.css"))
    macros = _environment().get_template("chart.svg.j2").module
    drawn = macros.svg(picture.chart, lambda part: svg.say(plain(part)), picture.chart.title[language], css)  # type: ignore[attr-defined]
    return str(drawn).strip() + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _read(file: str) -> str:
    return (FOLDER / file).read_text(encoding="utf8")


def _colours() -> str:
    """The colours as variables: light, dark where the reader's screen is, light on paper."""
    light, dark = _variables("light"), _variables("dark")
    return f":root {{ {light} }}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def _variables(theme: str) -> str:
    inks = style.INKS[theme]
    named = {
        "original": style.ORIGINAL, "quantized": style.QUANTIZED, "sign": style.SIGN, "exponent": style.EXPONENT,
        "mantissa": style.MANTISSA, "original-ink": inks["original"], "quantized-ink": inks["quantized"],
        "line": inks["line"], "good": inks["good"], **PAPERS[theme],
    }  # fmt: skip
    return " ".join(f"--{name}: {colour};" for name, colour in named.items())
