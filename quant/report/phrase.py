"""A sentence of the report: words with parts in them, so that a number can only come from the table of numbers.

A sentence is a `Text` whose fields are parts: a number by its id, a name, a link, an equation, words. What stands
between backticks in it is a name too: of a format, a setting, a model, whose digits are no figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from quant.report.fact import Ref, Worth
from quant.text import Text


@dataclass(frozen=True)
class Name:
    """A name: its digits are not figures. Of a format, a recipe, a text, a version, a date."""

    said: Text

    @classmethod
    def of(cls, said: str) -> Name:
        return cls(Text(said, said))


@dataclass(frozen=True)
class Link:
    """Where a claim comes from, or where to go on. url: http or https."""

    said: Text
    url: str


@dataclass(frozen=True)
class Formula:
    """An equation."""

    said: str


Part = Ref | Name | Link | Formula | Worth | Text


@dataclass(frozen=True)
class Sentence:
    """Words with parts in them, by the names of their fields."""

    text: Text
    parts: Mapping[str, Part] = field(default_factory=dict)


def plain(said: Part) -> Sentence:
    """A sentence of one part."""
    return Sentence(said) if isinstance(said, Text) else Sentence(Text("{it}", "{it}"), {"it": said})


def listed(parts: list[Part]) -> Sentence:
    """The parts in one phrase: “one, two and three”. There is one."""
    names = [f"it{i}" for i in range(len(parts))]
    fields = [f"{{{name}}}" for name in names]
    commas = ", ".join(fields[:-1])
    text = Text(f"{commas} y {fields[-1]}", f"{commas} and {fields[-1]}") if commas else Text(fields[0], fields[0])
    return Sentence(text, dict(zip(names, parts, strict=True)))
