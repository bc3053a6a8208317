"""The knobs of the chosen method and of the steps before it: as text, as values, as sliders.

In an address and in the drawer they are one field, `knobs`, which says only what differs from how knobs come, as in
`damping:0.05,smooth.alpha:0.6`. The sliders are the page's own HTML, which page.js listens to: components of gradio's
for the knobs of every method would cost each visitor, who sees those of one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from quant.errors import SchemeError, shown
from quant.methods.base import Knob, Method, Transform, knobs_of
from quant.text import Language, Text, as_typed
from quant.text import short_title as short_title  # others ask for it here
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar import texts as t

Given = Mapping[str, float]
FILE = "sidebar/status.html.j2"


@dataclass(frozen=True)
class Owner:
    """A method or a transform whose knobs can be turned. prefix: before their names in the text."""

    how: Method[Any] | Transform[Any]
    prefix: str = ""

    @property
    def knobs(self) -> dict[str, Knob]:
        return knobs_of(self.how.knobs)

    @property
    def defaults(self) -> dict[str, float]:
        made = self.how.knobs()
        return {name: getattr(made, name) for name in self.knobs}

    def made(self, given: Given) -> Any:
        """Its knobs with what is given for them. Raises SchemeError for a value out of range."""
        own = {name: given[self.prefix + name] for name in self.knobs if self.prefix + name in given}
        return self.how.set_knobs({name: _like(value, self.defaults[name]) for name, value in own.items()})


def _like(value: float, default: float) -> float:
    """A whole number where the knob has one, so that 64 and 64.0 are written alike."""
    return int(value) if isinstance(default, int) and value == int(value) else value


def read_knobs(written: str) -> dict[str, float]:
    """The values by name that `damping:0.05,block:64` says. Raises SchemeError for anything else."""
    found: dict[str, float] = {}
    for part in filter(None, written.split(",")):
        name, colon, value = part.partition(":")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not colon or not name or not math.isfinite(number) or name in found:
            raise SchemeError(t.BAD_KNOBS.format(got=shown(written)))
        found[name] = number
    return found


def written_knobs(values: Given) -> str:
    """The text of some values, as short as each can be said."""
    return ",".join(f"{name}:{int(value) if value == int(value) else value!r}" for name, value in values.items())


def known_knobs(owners: Iterable[Owner], given: Given) -> dict[str, float]:
    """Of what is given, the knobs that any of `owners` has, where they are not as they come."""
    all_ = {o.prefix + name: default for o in owners for name, default in o.defaults.items()}
    return {name: given[name] for name, default in all_.items() if name in given and given[name] != default}


def check_known(owners: Iterable[Owner], given: Given) -> None:
    """Raise SchemeError for a knob that none of `owners` has."""
    names = [owner.prefix + name for owner in owners for name in owner.knobs]
    if unknown := [name for name in given if name not in names]:
        said = t.UNKNOWN_KNOB if names else t.NO_KNOBS
        raise SchemeError(said.format(got=shown(unknown[0]), allowed=", ".join(names)))


def differing(owner: Owner, knobs: Any) -> dict[str, float]:
    """What of an owner's knobs differs from how they come, by the names of the text."""
    values: dict[str, float] = {name: getattr(knobs, name) for name in owner.knobs}
    return {owner.prefix + name: value for name, value in values.items() if value != owner.defaults[name]}


def said_knobs(owner: Owner, given: Given) -> Text:
    """`Damping 0,05, ...`: what of an owner's knobs was moved."""
    moved = [
        (knob.label, given[owner.prefix + name]) for name, knob in owner.knobs.items() if owner.prefix + name in given
    ]
    parts = [Text(f"{label.es} {_typed(value).es}", f"{label.en} {_typed(value).en}") for label, value in moved]
    return Text(", ".join(part.es for part in parts), ", ".join(part.en for part in parts))


def _typed(value: float) -> Text:
    return as_typed(int(value) if value == int(value) else value)


def sliders(owners: Iterable[Owner], given: Given, language: Language) -> Markup:
    """A slider or a tick for every knob; nothing where there is none."""
    shown_ = [(_title(owner)[language], [_row(owner, *pair, given, language) for pair in owner.knobs.items()])
              for owner in owners if owner.knobs]  # fmt: skip
    return macros(FILE).knobs(shown_, t.KNOBS_RESET[language]) if shown_ else Markup("")


def _title(owner: Owner) -> Text:
    return t.KNOBS_OF.format(name=short_title(owner.how.title))


def _row(owner: Owner, name: str, knob: Knob, given: Given, language: Language) -> dict[str, Any]:
    full, usual = owner.prefix + name, owner.defaults[name]
    value = given.get(full, usual)
    return {
        "name": full, "label": _capital(knob.label[language]), "help": marked(knob.help[language], language),
        "low": knob.low, "high": knob.high, "step": knob.step, "value": _plain(value), "usual": _plain(usual),
        "said": _typed(value)[language], "moved": full in given,
        "tick": (knob.low, knob.high, knob.step) == (0, 1, 1), "on": value == 1,
    }  # fmt: skip


def _capital(label: str) -> str:
    """As every label of the drawer begins."""
    return label[:1].upper() + label[1:]


def _plain(value: float) -> str:
    return str(int(value) if value == int(value) else value)
