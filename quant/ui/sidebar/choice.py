"""The live choice as plain values: what the sidebar holds, what the address says, which recipe it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlencode

from quant.activations import ACTIVATIONS
from quant.cache import CacheScheme, cache_scheme
from quant.errors import QuantError, SchemeError, TrainingError
from quant.json_model import read_json
from quant.methods import METHODS
from quant.model.load import EMBEDDED
from quant.recipe import Calibration, Recipe, Rule, Step, Training
from quant.recipe_json import recipe_from_json
from quant.scheme import Scheme
from quant.text import Text, listed
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.fields import FIELDS, Fields
from quant.ui.sidebar.inverse import kept_as, stored_as
from quant.ui.sidebar.kinds import Field, OneOf
from quant.ui.sidebar.knobs import Owner, check_known, differing, known_knobs, read_knobs, written_knobs
from quant.ui.sidebar.mixed import with_mix, written_mix
from quant.ui.sidebar.naming import brief, how, label, stored
from quant.ui.sidebar.offers import activation_bits
from quant.ui.sidebar.together import (
    chosen_method,
    fitting_methods,
    has_bits,
    has_granularity,
    own_method,
    owners,
    rounding,
    scheme_of,
)
from quant.ui.sidebar.trained import refitted, with_training, written_training

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
    def rounding(self) -> str:
        """The kind of activations, a key of ACTIVATIONS; `float` where the format leaves none to choose."""
        return rounding(self)

    @property
    def rounds_activations(self) -> bool:
        """Whether what the weights are multiplied by is rounded too: only where asked for, and where the format may."""
        return self.rounding != "float"

    @property
    def arithmetic(self) -> str:
        """What the quantized model computes with, by its usual name: float32, or W8A8 and its like."""
        weights = self.bits if self.has_bits else self.scheme().element.code_bits
        return f"W{weights}A{activation_bits(self.rounding)}" if self.rounds_activations else "float32"

    def recipe(self) -> Recipe:
        """Raises SchemeError as `scheme` does, and for parts that do not go together; CalibrationError for a text,
        TrainingError for a training.
        """
        return with_training(self._untrained(), self.training)

    def _untrained(self) -> Recipe:
        calibration = Calibration(self.calibration, self.tokens, sequential=self.sequential)
        return with_mix(self._plain(calibration), self.mix, calibration)

    def _plain(self, calibration: Calibration) -> Recipe:
        """One scheme for all, as the controls say it."""
        scheme, given = self.scheme(), read_knobs(self.knobs)
        method, *steps = owners(self)
        return Recipe.uniform(
            scheme, table=self.table, method=method.how.name, knobs=method.made(given), model=self.model,
            activations=ACTIVATIONS[self.rounding], cache=self.cache(), calibration=calibration,
            steps=tuple(Step(step.how.name, step.made(given)) for step in steps),
        )  # fmt: skip

    def cache(self) -> CacheScheme | None:
        """How keys and values are stored."""
        return cache_scheme(self.keys, self.values, self.cache_per, self.cache_group)

    @property
    def chosen_method(self) -> str:
        """The method that was chosen, where the format has a choice and it is one; empty for the format's own."""
        return chosen_method(self)

    @property
    def turned(self) -> dict[str, float]:
        """The knobs that are not as they come, by name, of the chosen method and steps alone."""
        return known_knobs(owners(self), read_knobs(self.knobs))

    def check_method(self) -> None:
        """Raise SchemeError for a method that was asked for and cannot fill the format."""
        if self.method in ("", *(fitting := fitting_methods(self))):
            return
        if self.method not in METHODS:
            raise SchemeError(t.BAD_METHOD.format(got=self.method, allowed=", ".join(METHODS)))
        allowed = Text(listed(fitting, " o "), listed(fitting, " or "))
        raise SchemeError(t.UNFIT_METHOD.format(got=self.method, format=stored(self), allowed=allowed))

    def check_knobs(self) -> None:
        """Raise SchemeError for a knob that was asked for and that neither the method nor a step has."""
        check_known(owners(self), read_knobs(self.knobs))

    @property
    def mixed(self) -> tuple[Rule, ...]:
        """The rules that store some matrices otherwise; none where a mix was made for another recipe."""
        try:
            return self._untrained().rules[:-1] if self.mix else ()
        except QuantError:
            return ()

    @property
    def trained(self) -> Training | None:
        """How it goes on learning; None where it does not, where its training is another's, and where none can be."""
        try:
            return self.recipe().training if self.training else None
        except QuantError:
            return None

    def describe(self) -> Text:
        """One line under a result, so that it still says what it belongs to after the sidebar has moved."""
        return t.RECIPE_LINE.format(
            model=MODEL_NAMES.get(self.model, self.model), how=how(self), table=t.RECIPE_TABLE[self.table]
        )

    def short(self) -> Text:
        """The same without the model, for a table."""
        return t.RECIPE_SHORT.format(how=how(self), table=t.RECIPE_TABLE[self.table])

    def brief(self) -> Text:
        """The line on top: what a visitor chose, in the fewest words."""
        return brief(self)

    def label(self) -> Text:
        """A word or two, for a point in a figure."""
        return label(self)

    def query(self) -> str:
        """The address of this choice, without the question mark."""
        said = {f.name: getattr(self, f.name) for f in FIELDS if f.of_recipe}
        usual = {f.name for f in FIELDS if f.quiet and f.default == getattr(self, f.name)}
        return urlencode({k: int(v) if isinstance(v, bool) else v for k, v in said.items() if k not in usual})


def read_query(params: Mapping[str, str], default: Choice) -> tuple[Choice, list[QuantError]]:
    """The choice that an address asks for; a field that cannot be is left at its default and reported.

    What fits depends on other fields, whatever their order: all are read first, each that can be by itself. Where they
    make no recipe together, they are applied one after another, and one that the recipe cannot have is reported.
    """
    asked, errors = _parsed(params)
    choice = replace(default, **asked)
    try:
        choice.recipe()
    except QuantError:
        choice, wrong = _one_by_one(default, asked)
        errors += wrong
    if choice.mix and not choice.mixed:  # the rest has moved on from what it was made for
        errors += [SchemeError(t.OTHER_MIX)] if "mix" in asked else []
        choice = replace(choice, mix="")
    wanders = any(f.of_recipe and f.name in asked for f in FIELDS)  # from what was trained
    if "training" not in asked and wanders:
        choice = replace(choice, training="")
    choice, error = _with_fitting_training(choice, asked="training" in asked)
    errors += [error] if error else []
    for name, check in (("method", Choice.check_method), ("knobs", Choice.check_knobs)):
        # One that was live before just waits.
        if name in asked and (error := _problem(partial(check, choice))):
            errors.append(error)
            choice = replace(choice, **{name: getattr(default, name)})
    return choice, errors


def _with_fitting_training(choice: Choice, *, asked: bool) -> tuple[Choice, QuantError | None]:
    """With its training sealed anew, or without one that is of another recipe, or of none that can be."""
    try:
        written, error = refitted(choice.training, choice._untrained(), asked=asked)
    except QuantError:  # what was live before is no recipe: a program may send anything
        return replace(choice, training=""), None
    return replace(choice, training=written), error


def _parsed(params: Mapping[str, str]) -> tuple[dict[str, Any], list[QuantError]]:
    """The values of an address by the names of the fields, and what is wrong with the others by themselves."""
    found: dict[str, Any] = {}
    errors = []
    for field in (field for field in FIELDS if field.name in params):
        try:
            value = field.parse(params[field.name])
            field.check(value)
        except QuantError as error:
            errors.append(error)
        else:
            found[field.name] = value
    return found, errors


def _one_by_one(choice: Choice, asked: Mapping[str, Any]) -> tuple[Choice, list[QuantError]]:
    """As many values as make a recipe together, and what is wrong with the rest."""
    left = dict(asked)
    while True:
        wrong: dict[str, QuantError] = {}
        for name, value in left.items():
            changed = replace(choice, **{name: value})
            if error := _problem(changed.recipe):
                wrong[name] = error
            else:
                choice = changed
        if len(wrong) == len(left):
            return choice, list(wrong.values())
        left = {name: left[name] for name in wrong}  # what was wrong may fit what came after it


def _problem(check: Callable[[], object]) -> QuantError | None:
    try:
        check()
    except QuantError as error:
        return error
    return None


def recipe_of(choice: Choice, written: str) -> Recipe:
    """The whole recipe that is `written` as JSON, or that of `choice` where nothing is. Raises QuantError."""
    if written.strip():
        return recipe_from_json(read_json(written, "recipe"))
    choice.check_method()
    choice.check_knobs()
    recipe = choice.recipe()
    if choice.training and not recipe.training:
        raise TrainingError(t.OTHER_TRAINING)
    return recipe


@lru_cache(maxsize=1024)  # a table of recipes asks for all of its links with each row
def query_of(recipe: Recipe) -> str | None:
    """The address of a recipe, without the question mark; None where the drawer cannot say it.

    It leaves out what is as it comes, so that a link asks for it as a whole: `data-recipe-whole`, or `whole: true`.
    """
    choice = choice_of(recipe)
    return None if choice is None else choice.query()


def choice_of(recipe: Recipe) -> Choice | None:
    """The choice that means `recipe`; None where the drawer cannot say it."""
    rule = recipe.rules[-1]
    if rule.scheme is None or rule.layers not in ("*", "linear:*"):
        return None
    knobs = differing(Owner(rule.how), rule.knobs)
    for step in recipe.steps:
        knobs |= differing(Owner(step.how, f"{step.name}."), step.knobs)
    read = recipe.calibration or Calibration()
    common = Choice(
        recipe.model, table=rule.layers == "*", method="" if rule.how is own_method(rule.scheme) else rule.method,
        steps=",".join(step.name for step in recipe.steps), knobs=written_knobs(knobs),
        activations=next((name for name, kind in ACTIVATIONS.items() if kind == recipe.activations), ""),
        calibration=read.text, tokens=read.tokens, sequential=read.sequential, training=written_training(recipe),
        mix=written_mix(recipe),
    )  # fmt: skip
    found = (replace(common, **how, **kept) for how in stored_as(rule.scheme) for kept in kept_as(recipe.cache))
    return next((choice for choice in found if _means(choice, recipe)), None)


def _means(choice: Choice, recipe: Recipe) -> bool:
    try:
        return all(_can_hold(field, choice) for field in FIELDS) and choice.recipe() == recipe
    except QuantError:
        return False


def _can_hold(field: Field, choice: Choice) -> bool:
    """Whether the control of a field has the value."""
    values = field.kind.values if isinstance(field.kind, OneOf) else ()
    return not values or getattr(choice, field.name) in values
