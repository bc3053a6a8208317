"""How a sentence is written: in HTML, in SVG, in Markdown. Each escapes whatever is text, in its own way.

A number can only be written by its id, through `Speech.number`. What else has digits is marked: names, code, what a
model wrote. So a program that takes the marked parts out of a report finds nothing but numbers of its table
(tests/test_report.py does).
"""

from __future__ import annotations

import re
import string
from abc import ABC, abstractmethod
from collections.abc import Mapping

from markupsafe import Markup, escape

from quant.report import prose_texts as t
from quant.report.fact import Fact, Ref, Worth
from quant.report.phrase import Formula, Link, Name, Part, Sentence
from quant.text import Language, Text

SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$&])")
BLOCK_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")


class Speech(ABC):
    """A way of writing sentences with the numbers of one report, in one language."""

    def __init__(self, facts: Mapping[str, Fact], language: Language) -> None:
        self.facts, self.language = facts, language

    def say(self, sentence: Sentence) -> str:
        """The sentence, escaped. Raises KeyError for a number that the report does not have."""
        said = []
        for words, field, _, _ in string.Formatter().parse(sentence.text[self.language]):
            said += [self.code(piece) if i % 2 else self.words(piece) for i, piece in enumerate(words.split("`"))]
            if field is not None:
                said.append(self.part(sentence.parts[field]))
        return self.joined(said)

    def part(self, part: Part) -> str:
        match part:
            case Ref():
                return self.number(self.facts[part.id], part.ends)
            case Name():
                return self.name(part.said[self.language])
            case Link():
                return self.link(part.said[self.language], part.url)
            case Formula():
                return self.code(part.said)
            case Worth():
                return self.sign(part)
            case Text():
                return self.say(Sentence(part))

    def ends(self, fact: Fact) -> str:
        """What stands behind a number: its interval in parentheses, where it has one."""
        return f" ({fact.ends_shown[self.language]})" if fact.ends_shown else ""

    @abstractmethod
    def joined(self, said: list[str]) -> str: ...
    @abstractmethod
    def words(self, said: str) -> str: ...
    @abstractmethod
    def number(self, fact: Fact, ends: bool) -> str: ...
    @abstractmethod
    def name(self, said: str) -> str: ...
    @abstractmethod
    def code(self, said: str) -> str: ...
    @abstractmethod
    def link(self, said: str, url: str) -> str: ...
    @abstractmethod
    def sign(self, worth: Worth) -> str: ...


class Html(Speech):
    """Numbers as `data`, with their ids and their values before rounding."""

    def joined(self, said: list[str]) -> str:
        return Markup("").join(said)

    def words(self, said: str) -> str:
        return escape(said)

    def number(self, fact: Fact, ends: bool) -> str:
        shown = Markup('<data value="{}" data-id="{}">{}</data>').format(fact.value, fact.id, fact.shown[self.language])
        return shown + Markup('<span class="ends">{}</span>').format(self.ends(fact)) if ends else shown

    def name(self, said: str) -> str:
        return Markup('<span class="name">{}</span>').format(said)

    def code(self, said: str) -> str:
        return Markup("<code>{}</code>").format(said)

    def link(self, said: str, url: str) -> str:
        assert url.startswith(("https://", "http://"))
        return Markup('<a class="name" href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, said)

    def sign(self, worth: Worth) -> str:
        said = t.WORTHS[worth][self.language]
        return Markup('<span class="sign {}" role="img" aria-label="{}" title="{}">{}</span>').format(
            worth.name.lower(), said, said, worth.value
        )


class Svg(Html):
    """Within a `text` of a chart."""

    def number(self, fact: Fact, ends: bool) -> str:
        return Markup('<tspan data-id="{}">{}</tspan>').format(fact.id, fact.shown[self.language])

    def name(self, said: str) -> str:
        return Markup('<tspan class="name">{}</tspan>').format(said)

    code = name


class Safe(str):
    """Markdown, not to be escaped again."""


class Markdown(Speech):
    """Names in italics, code between backticks."""

    def joined(self, said: list[str]) -> str:
        return Safe("".join(said))

    def words(self, said: str) -> str:
        return Safe(SPECIAL.sub(r"\\\1", said))

    def number(self, fact: Fact, ends: bool) -> str:
        return self.words(fact.shown[self.language] + (self.ends(fact) if ends else ""))

    def name(self, said: str) -> str:
        return Safe(f"*{self.words(said.strip())}*") if said.strip() else Safe("")

    def code(self, said: str) -> str:
        fence = "`" * (1 + max((len(run) for run in re.findall("`+", said)), default=0))
        return Safe(f"{fence} {said} {fence}" if "`" in said else f"{fence}{said}{fence}")

    def link(self, said: str, url: str) -> str:
        return Safe(f"[{self.words(said)}]({url.replace('(', '%28').replace(')', '%29').replace(' ', '%20')})")

    def sign(self, worth: Worth) -> str:
        return Safe(worth.value)

    def finalize(self, value: object) -> str:
        """What a template prints: escaped, unless it is Markdown already; on one line."""
        return value if isinstance(value, Safe) else self.words(" ".join(str(value).split()))

    def quoted(self, said: str) -> str:
        """What a model wrote, as the lines of a quotation."""
        lines = [BLOCK_START.sub(r"\1\\\2", self.words(line)) for line in said.splitlines() or [""]]
        return Safe("\n".join(f"> {line}" for line in lines))

    def fenced(self, said: str, language: str) -> str:
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", said)), default=0))
        return Safe(f"{fence}{language}\n{said}\n{fence}")
