"""The live choice as plain values: what the sidebar holds, what the address says, which recipe it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from quant.activations import Activations
from quant.errors import QuantError, SchemeError
from quant.json_model import read_json
from quant.methods import METHODS
from quant.model.load import EMBEDDED
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json
from quant.scheme import Scheme
from quant.text import Text, as_typed
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.fields import FIELDS, Fields, fitting_methods, has_bits, has_granularity, has_methods, scheme_of
from quant.ui.sidebar.formats import CASTS

MODEL_NAMES = {EMBEDDED: t.STATUS_EMBEDDED}


@dataclass(frozen=True)
class Choice(Fields):
    """The sidebar, field by field, and what it means."""

    def check(self) -> None:
        """Raise SchemeError for values that no control gives but a link or a program may."""
        for field in FIELDS:
            field.check(getattr(self, field.name))

    def scheme(self) -> Scheme:
        """Raises SchemeError for values that no control gives but a link or a program may."""
        self.check()
        return scheme_of(self)

    @property
    def has_bits(self) -> bool:
        """Whether bits and grid are the visitor's to choose."""
        return has_bits(self)

    @property
    def has_granularity(self) -> bool:
        return has_granularity(self)

    @property
    def rounds_activations(self) -> bool:
        """Whether what the weights are multiplied by is rounded too: only integers are, and only where asked for."""
        return self.has_bits and self.activations == Activations.INT8.name

    @property
    def arithmetic(self) -> str:
        """What the quantized model computes with, by its usual name: float32, or W8A8 and its like."""
        return f"W{self.bits}A8" if self.rounds_activations else "float32"

    def recipe(self) -> Recipe:
        """Raises SchemeError as `scheme` does, and for a method that cannot fill it."""
        activations = Activations.INT8 if self.rounds_activations else Activations.FLOAT
        return Recipe.uniform(
            self.scheme(), table=self.table, model=self.model, activations=activations, method=self.chosen_method
        )

    @property
    def chosen_method(self) -> str:
        """The method that was chosen, where the format has a choice and it is one; empty for the format's own."""
        return self.method if has_methods(self) and self.method in fitting_methods(self) else ""

    def check_method(self) -> None:
        """Raise SchemeError for a method that was asked for and cannot fill the format."""
        if self.method not in ("", *(fitting := fitting_methods(self))):
            raise SchemeError(t.BAD_METHOD.format(got=self.method, allowed=", ".join(fitting)))

    def describe(self) -> Text:
        """One line under a result, so that it still says what it belongs to after the sidebar has moved."""
        return t.RECIPE_LINE.format(
            model=MODEL_NAMES.get(self.model, self.model), how=self._how(), table=t.RECIPE_TABLE[self.table]
        )

    def short(self) -> Text:
        """The same without the model, for a table."""
        return t.RECIPE_SHORT.format(how=self._how(), table=t.RECIPE_TABLE[self.table])

    def brief(self) -> Text:
        """The line on top: what a visitor chose, in the fewest words."""
        parts = [self.label()]
        if self.has_granularity:
            parts.append(t.BRIEF_GRANULARITIES[self.granularity].format(group=self.group))
        parts += [t.BRIEF_ZERO] * (self.has_bits and self.zero_point) + [t.BRIEF_TABLE] * self.table
        parts += [METHODS[self.chosen_method].title] if self.chosen_method else []
        return Text(" · ".join(part.es for part in parts), " · ".join(part.en for part in parts))

    def label(self) -> Text:
        """A word or two, for a point in a figure."""
        if self.has_bits:
            return as_typed(self.arithmetic) if self.rounds_activations else t.LABEL_BITS.format(bits=self.bits)
        name = CASTS.get(self.format, self.format)
        return Text(name, name)

    def _how(self) -> Text:
        how = self._stored()
        if not self.chosen_method:
            return how
        return t.RECIPE_METHOD.format(how=how, method=METHODS[self.chosen_method].title)

    def _stored(self) -> Text:
        granularity = t.RECIPE_GRANULARITIES[self.granularity].format(group=self.group)
        if self.has_bits:
            how = t.RECIPE_INTEGERS.format(bits=self.bits, granularity=granularity, grid=t.GRIDS[self.zero_point])
            return t.RECIPE_INT8.format(how=how, name=self.arithmetic) if self.rounds_activations else how
        if self.has_granularity:
            return t.RECIPE_SCALED.format(name=self.format, granularity=granularity)
        return t.RECIPE_CAST.format(name=CASTS[self.format]) if self.format in CASTS else Text(self.format, self.format)

    def query(self) -> str:
        """The address of this choice, without the question mark."""
        said = {f.name: getattr(self, f.name) for f in FIELDS}
        usual = {f.name for f in FIELDS if f.default == said[f.name] == ""}
        return urlencode({k: int(v) if isinstance(v, bool) else v for k, v in said.items() if k not in usual})


def read_query(params: Mapping[str, str], default: Choice) -> tuple[Choice, list[QuantError]]:
    """The choice that an address asks for; a field that cannot be is left at its default and reported."""
    choice, errors = default, []
    for field in FIELDS:
        if field.name not in params:
            continue
        try:
            parsed: dict[str, Any] = {field.name: field.parse(params[field.name])}
            changed = replace(choice, **parsed)
            changed.recipe()
            changed.check_method()
        except QuantError as error:
            errors.append(error)
        else:
            choice = changed
    return choice, errors


def recipe_of(choice: Choice, written: str) -> Recipe:
    """The whole recipe that is `written` as JSON, or that of `choice` where nothing is. Raises QuantError."""
    if written.strip():
        return recipe_from_json(read_json(written, "recipe"))
    choice.check_method()
    return choice.recipe()
