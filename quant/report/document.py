"""What a report is made of, whatever it is written in: chapters of paragraphs, tables, charts, quotations and code."""

from __future__ import annotations

from dataclasses import dataclass

from quant.report.charts import Chart
from quant.report.phrase import Sentence
from quant.text import Text


@dataclass(frozen=True)
class Heading:
    """Of a section within a chapter; kind: of the report and of a chapter too, where all blocks stand in a row."""

    said: Text
    kind: str = "heading"


@dataclass(frozen=True)
class Prose:
    """A paragraph. css: `verdict` stands out."""

    sentences: tuple[Sentence, ...]
    css: str = ""
    kind: str = "prose"


@dataclass(frozen=True)
class Points:
    """A list. css: `sources` prints the addresses of its links."""

    items: tuple[Sentence, ...]
    css: str = ""
    kind: str = "points"


@dataclass(frozen=True)
class Table:
    """Cells in rows; the first of each names its row. caption: what it is of; css: `words` where it has no numbers."""

    caption: Sentence
    head: tuple[Sentence, ...]
    rows: tuple[tuple[Sentence, ...], ...]
    css: str = ""
    kind: str = "table"


@dataclass(frozen=True)
class Picture:
    """A chart, and what to look at in it. name: of its file."""

    name: str
    chart: Chart
    caption: Sentence
    kind: str = "picture"


@dataclass(frozen=True)
class Quote:
    """What a model wrote after `prompt`. css: original or quantized."""

    title: Sentence
    prompt: str
    written: str
    css: str
    kind: str = "quote"


@dataclass(frozen=True)
class Code:
    """A program, or data that one reads. language: python or json."""

    language: str
    said: str
    kind: str = "code"


Block = Heading | Prose | Points | Table | Picture | Quote | Code


@dataclass(frozen=True)
class Chapter:
    """One of the five parts. id: of its place."""

    id: str
    title: Text
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report: what stands above the parts, and the parts."""

    title: Text
    lead: tuple[Block, ...]
    chapters: tuple[Chapter, ...]

    @property
    def in_a_row(self) -> list[Block]:
        """All blocks, with the titles as headings between them."""
        found: list[Block] = [Heading(self.title, "title"), *self.lead]
        for chapter in self.chapters:
            found += [Heading(chapter.title, "chapter"), *chapter.blocks]
        return found

    @property
    def pictures(self) -> list[Picture]:
        return [block for chapter in self.chapters for block in chapter.blocks if isinstance(block, Picture)]
