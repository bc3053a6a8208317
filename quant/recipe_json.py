"""Recipes as plain JSON and back, in two versions, of which the older is written wherever it can say it all.

    1   {"scheme", "embedding", "method", "model", "activations", "overrides": [[layer, scheme], ...]}
    2   {"version": 2, "rules": [{"layers", "scheme", "method", "knobs"}, ...], "model", "activations", "cache",
         "calibration", "steps": [{"name", "knobs"}, ...], "training"}

So a file or a link of a recipe that version 1 knew is, byte for byte, what it always was, and what an older version
wrote still opens. A missing field takes its default; an unknown one is refused by name. What comes back is equal to
what went in. `scheme_json.py` says how schemes are written.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from quant.activations import Activations, Per
from quant.cache import CachePer, CacheScheme
from quant.formats import number_format
from quant.json_model import BY_KIND, RECORD, JsonModel, JsonNull, parsed, refused
from quant.methods import method_for, method_named, transform_named
from quant.model.load import EMBEDDED
from quant.recipe import DEFAULT_SCHEME, Calibration, Recipe, Rule, Step
from quant.scheme import Scheme
from quant.scheme_json import SchemeJson, scheme_to_json
from quant.training import DISTILLATION, WEIGHTS, Training

SIMPLE = {kind.name: kind for kind in (Activations.FLOAT, Activations.INT8)}
METHODS_OF_1 = ("rtn", "search")
GLOB = "*?[:"  # what a layer's own name cannot hold


class RecipeJson1(JsonModel):
    """Version 1: one scheme, with or without the token table, and schemes for single layers."""

    scheme: SchemeJson = SchemeJson.of(DEFAULT_SCHEME)
    embedding: bool = False
    method: str = ""
    model: str = EMBEDDED
    activations: str = Activations.FLOAT.name
    overrides: list[Annotated[tuple[str, SchemeJson], Strict(False)]] = Field(default_factory=list)

    def made(self) -> Recipe:
        """The recipe. A layer of its own scheme is stored by the method named, any other by its scheme's."""
        if self.activations not in SIMPLE:
            raise refused("recipe.activations", self.activations, SIMPLE)
        scheme = self.scheme.made()
        last = Rule("*" if self.embedding else "linear:*", scheme, self.method)
        apart = []
        for place, (name, written) in enumerate(self.overrides):
            other = written.made(f"recipe.overrides.{place}.1")
            apart.append(Rule(name, other, self.method if other == scheme else ""))
        return Recipe((*apart, last), self.model, SIMPLE[self.activations])


class RuleJson(JsonModel):
    """One rule."""

    layers: str
    scheme: Annotated[Annotated[SchemeJson, RECORD] | JsonNull, BY_KIND] = None
    method: str = ""
    knobs: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def of(cls, rule: Rule) -> RuleJson:
        scheme = None if rule.scheme is None else SchemeJson.of(rule.scheme)
        return cls(layers=rule.layers, scheme=scheme, method=rule.method, knobs=asdict(rule.knobs) if scheme else {})

    def made(self, where: str) -> Rule:
        if self.scheme is None:
            return Rule(self.layers, None, self.method, self.knobs or None)
        scheme = self.scheme.made(f"{where}.scheme")
        method = method_named(self.method) if self.method else method_for(scheme)
        return Rule(self.layers, scheme, method.name, method.set_knobs(self.knobs))


class ActivationsJson(JsonModel):
    """What weights are multiplied by."""

    format: str | None = None
    per: Per = Field(default=Per.TOKEN, strict=False)
    static: bool = False
    scheme: Annotated[Annotated[SchemeJson, RECORD] | JsonNull, BY_KIND] = None

    @classmethod
    def of(cls, kind: Activations) -> ActivationsJson:
        name = None if kind.format is None else kind.format.name
        return cls(format=name, per=kind.per, static=kind.static, scheme=_maybe(kind.scheme))

    def made(self) -> Activations:
        scheme = None if self.scheme is None else self.scheme.made("recipe.activations.scheme")
        return Activations(None if self.format is None else number_format(self.format), self.per, self.static, scheme)


class CacheJson(JsonModel):
    """How keys and values are stored."""

    keys: Annotated[Annotated[SchemeJson, RECORD] | JsonNull, BY_KIND] = None
    values: Annotated[Annotated[SchemeJson, RECORD] | JsonNull, BY_KIND] = None
    keys_per: CachePer = Field(default=CachePer.TOKEN, strict=False)
    values_per: CachePer = Field(default=CachePer.TOKEN, strict=False)

    @classmethod
    def of(cls, cache: CacheScheme) -> CacheJson:
        return cls(
            keys=_maybe(cache.keys), values=_maybe(cache.values), keys_per=cache.keys_per, values_per=cache.values_per
        )

    def made(self) -> CacheScheme:
        keys, values = (None if s is None else s.made("recipe.cache") for s in (self.keys, self.values))
        return CacheScheme(keys, values, self.keys_per, self.values_per)


class CalibrationJson(JsonModel):
    """The text that methods look at."""

    text: str = Calibration.text
    tokens: int = Calibration.tokens
    own: str = ""
    sequential: bool = False


class TrainingJson(JsonModel):
    """How what is stored goes on learning."""

    steps: int
    learn: str = WEIGHTS
    loss: str = DISTILLATION
    text: str = Training.text
    own: str = ""
    rate: float = 0.0
    seed: int = 0
    decay_steps: int = 0


class StepJson(JsonModel):
    """A transform of the float weights."""

    name: str
    knobs: dict[str, float] = Field(default_factory=dict)

    def made(self) -> Step:
        return Step(self.name, transform_named(self.name).set_knobs(self.knobs))


class RecipeJson2(JsonModel):
    """Version 2: rules."""

    version: Literal[2] = 2
    rules: list[RuleJson]
    model: str = EMBEDDED
    activations: ActivationsJson = ActivationsJson()
    cache: Annotated[Annotated[CacheJson, RECORD] | JsonNull, BY_KIND] = None
    calibration: Annotated[Annotated[CalibrationJson, RECORD] | JsonNull, BY_KIND] = None
    steps: list[StepJson] = Field(default_factory=list)
    training: Annotated[Annotated[TrainingJson, RECORD] | JsonNull, BY_KIND] = None

    @classmethod
    def of(cls, recipe: Recipe) -> RecipeJson2:
        cache, calibration, training = recipe.cache, recipe.calibration, recipe.training
        return cls(
            rules=[RuleJson.of(rule) for rule in recipe.rules], model=recipe.model,
            activations=ActivationsJson.of(recipe.activations),
            cache=None if cache is None else CacheJson.of(cache),
            calibration=None if calibration is None else CalibrationJson(**asdict(calibration)),
            steps=[StepJson(name=step.name, knobs=asdict(step.knobs)) for step in recipe.steps],
            training=None if training is None else TrainingJson(**asdict(training)),
        )  # fmt: skip

    def made(self) -> Recipe:
        return Recipe(
            tuple(rule.made(f"recipe.rules.{place}") for place, rule in enumerate(self.rules)), self.model,
            self.activations.made(), None if self.cache is None else self.cache.made(),
            None if self.calibration is None else Calibration(**self.calibration.model_dump()),
            tuple(step.made() for step in self.steps),
            None if self.training is None else Training(**self.training.model_dump()),
        )  # fmt: skip


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """Everything that a recipe says, as JSON values: version 1 where that can say it."""
    if version_1_says(recipe):
        *apart, last = recipe.rules
        assert last.scheme is not None
        return {
            "scheme": scheme_to_json(last.scheme), "embedding": last.layers == "*",
            "method": "" if last.method == method_for(last.scheme).name else last.method, "model": recipe.model,
            "activations": recipe.activations.name,
            "overrides": [[rule.layers, scheme_to_json(rule.scheme)] for rule in apart if rule.scheme],
        }  # fmt: skip
    return RecipeJson2.of(recipe).model_dump(mode="json")


def recipe_from_json(value: object) -> Recipe:
    """The recipe that `recipe_to_json` wrote, in either version. Raises QuantError for anything else."""
    if isinstance(value, dict) and ("rules" in value or "version" in value):
        return parsed(RecipeJson2, value, "recipe").made()
    return parsed(RecipeJson1, value, "recipe").made()


def version_1_says(recipe: Recipe) -> bool:
    """Whether version 1 has words for all of `recipe`."""
    *apart, last = recipe.rules
    if last.layers not in ("*", "linear:*") or not last.scheme or recipe.cache or recipe.calibration or recipe.steps:
        return False
    if recipe.training:
        return False
    return recipe.activations in SIMPLE.values() and _plain(last) and all(_known_to_1(rule, last) for rule in apart)


def _known_to_1(rule: Rule, last: Rule) -> bool:
    if rule.scheme is None or any(sign in rule.layers for sign in GLOB) or not _plain(rule):
        return False
    return rule.method == (last.method if rule.scheme == last.scheme else method_for(rule.scheme).name)


def _plain(rule: Rule) -> bool:
    """Whether its method was there in version 1, which had no knobs."""
    return rule.method in METHODS_OF_1 and bool(rule.knobs == rule.how.knobs())


def _maybe(scheme: Scheme | None) -> SchemeJson | None:
    return None if scheme is None else SchemeJson.of(scheme)
