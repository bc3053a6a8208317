"""A heat map of the parts of a model, as a table: a row for each block, a column for each of its matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from quant.model.layers import table_layer
from quant.model.load import LoadedModel
from quant.text import Language, Text
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.layer_names import BLOCK, name_title
from quant.ui.shared.templates import macros
from quant.ui.tabs.choose import budget_texts as t

PIECES = "tabs/choose/budget.html.j2"
MOST_SHADE = 60  # percent of the colour: more, and what is written could not be read


@dataclass(frozen=True)
class Cell:
    """share: of the largest, from 0 to 1; span: how many columns it takes."""

    shown: str
    said: str
    share: float
    span: int = 1

    @property
    def shade(self) -> int:
        return round(MOST_SHADE * min(1.0, max(0.0, self.share)))


def heat_map(loaded: LoadedModel, parts: Sequence[str], cell: Callable[[str], Cell], label: str, note: str,
             language: Language) -> Markup:  # fmt: skip
    """Of each part its cell; those that lie in no block, a row each below."""
    placed = {name: (int(found[1]), found[2]) for name in parts if (found := BLOCK.search(name))}
    columns = list(dict.fromkeys(part for _, part in placed.values()))
    blocks = sorted({block for block, _ in placed.values()})
    at = {place: name for name, place in placed.items()}
    rows: list[tuple[str, list[Cell | None]]] = [
        (shared_texts.BLOCK.format(n=block + 1)[language],
         [cell(at[block, part]) if (block, part) in at else None for part in columns])
        for block in blocks
    ]  # fmt: skip
    rows += [(part_title(loaded, name, language), [cell(name)]) for name in parts if name not in placed]
    heads = [shared_texts.PARTS[part][language] if part in shared_texts.PARTS else part for part in columns]
    made: Markup = macros(PIECES).heat(label, heads, rows, note)
    return made


def part_title(loaded: LoadedModel, name: str, language: Language) -> str:
    """Of a matrix that lies in no block, of the keys or of the values."""
    said = part_named(loaded, name)
    if said is None:
        return name
    words = said[language].partition(" ")[2]
    return words[0].upper() + words[1:]


def part_named(loaded: LoadedModel, name: str) -> Text | None:
    """As a sentence names it, with its article; None where it has no such name."""
    if name in t.SIDES:
        return t.SIDES[name]
    return t.THE_TABLE if name == _table(loaded) else None


@lru_cache(maxsize=16)  # of models that the lab keeps anyway: each cell asks
def _table(loaded: LoadedModel) -> str:
    return table_layer(loaded).name


def where(loaded: LoadedModel, name: str) -> Text:
    """A part as a sentence names it: the keys, the token table, “Block 1 · MLP, in”."""
    named = part_named(loaded, name)
    return named or Text(f"«{name_title(name, 'es')}»", f"“{name_title(name, 'en')}”")
