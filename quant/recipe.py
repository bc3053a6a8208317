"""A recipe: which layers are stored how. A value: cache key, link and printed code at once; it does nothing itself.

Rules are read from the first on, and the first that covers a layer decides how it is stored and by which method. What
no rule covers stays in float32, and so do vectors and positions, which no rule can cover.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from quant.activations import Activations
from quant.arguments import check, check_fields, described, typed
from quant.cache import CACHE_BITS as CACHE_BITS  # and these from here too: they are part of a recipe
from quant.cache import CacheScheme as CacheScheme
from quant.cache import cache_scheme as cache_scheme
from quant.errors import CalibrationError, QuantError, SchemeError, shown
from quant.hadamard import block_size
from quant.methods import method_for, method_named, transform_named
from quant.methods.base import Method, Statistic, Transform
from quant.model.layers import Kind, Layer, Place
from quant.model.load import EMBEDDED
from quant.scheme import PerGroup, Scheme
from quant.text import Text
from quant.texts import CALIBRATION_TEXTS, own_text
from quant.training import Training as Training

KINDS = (Kind.LINEAR.value, Kind.TABLE.value)
LEAST_TOKENS, MOST_TOKENS = 128, 262_144


@dataclass(frozen=True)
class Rule:
    """How the layers are stored that it covers, unless a rule before it does.

    layers: a name or a glob of names, in which `*` is any run of characters; with `linear:` or `table:` before it, of
    layers of that kind alone. scheme: None leaves them in float32. method: the name of one in METHODS, the one that the
    scheme is meant for unless said; knobs: its own, as they come unless said.

    Raises SchemeError for a method that does not exist or cannot fill the scheme, and for an unknown kind.

    >>> from quant import PerGroup, Rule, Scheme
    >>> Rule("linear:transformer.h.0.*", Scheme.integer(8, PerGroup(64))).method
    'rtn'
    """

    layers: str
    scheme: Scheme | None = None
    method: str = ""
    knobs: Any = None

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        kind, colon, _ = self.layers.rpartition(":")
        if colon and kind not in KINDS:
            raise SchemeError(
                Text("La regla «{got}» empieza por una clase de capa que no existe; se admite {allowed}, o nada.",
                     "The rule “{got}” begins with a kind of layer that does not exist; allowed: {allowed}, or none.")
                .format(got=shown(self.layers), allowed=", ".join(f"{k}:" for k in KINDS))
            )  # fmt: skip
        if self.scheme is None:
            if self.method or self.knobs is not None:
                raise SchemeError(
                    Text("La regla «{got}» deja sus capas en float32 y aun así nombra un método.",
                         "The rule “{got}” leaves its layers in float32 and yet names a method.")
                    .format(got=shown(self.layers))
                )  # fmt: skip
            return
        method = method_named(self.method) if self.method else method_for(self.scheme)
        knobs = method.knobs() if self.knobs is None else self.knobs
        check("Rule, knobs", knobs, method.knobs, SchemeError)
        knobs = method.set_knobs(asdict(knobs))
        method.check(self.scheme, knobs)
        object.__setattr__(self, "method", method.name)
        object.__setattr__(self, "knobs", knobs)

    @property
    def how(self) -> Method[Any]:
        """The method itself. Only of a rule with a scheme."""
        return method_named(self.method)

    @property
    def needs(self) -> frozenset[Statistic]:
        """What its method wants to know of the inputs, as its knobs are; nothing without a scheme."""
        return self.how.needs_with(self.knobs) if self.scheme else frozenset()

    def covers(self, layer: Layer) -> bool:
        """Whether it decides about `layer` where no rule before it does."""
        kind, _, pattern = self.layers.rpartition(":")
        return layer.kind.value in ((kind,) if kind else KINDS) and fnmatchcase(layer.name, pattern)


@dataclass(frozen=True)
class Step:
    """A transform of the float weights, by its name in TRANSFORMS, with its knobs, as they come unless said.

    It reaches the linear layers of the blocks that a rule stores. Raises SchemeError for one that does not exist.

    >>> from quant import Recipe, Scheme, PerGroup, Step
    >>> Recipe.uniform(Scheme.integer(4, PerGroup(64)), steps=(Step("hadamard"),)).steps[0].how.rotates
    True
    """

    name: str
    knobs: Any = None

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        how = transform_named(self.name)
        knobs = how.knobs() if self.knobs is None else self.knobs
        check("Step, knobs", knobs, how.knobs, SchemeError)
        object.__setattr__(self, "knobs", how.set_knobs(asdict(knobs)))

    @property
    def how(self) -> Transform[Any]:
        """The transform itself."""
        return transform_named(self.name)


@dataclass(frozen=True)
class Calibration:
    """The text on which methods look at a model's inputs: a shipped one by name, or `own`; its first `tokens`.

    As many whole windows of the model are read as these and the text fill (of 600 tokens, 512 where a window is 512),
    or one shorter window. sequential: each block is given the text as the blocks before it, quantized by then, have
    changed it, with keys and values in float whatever the cache will be; else as the float model has it. Never a text
    that is measured on. Raises CalibrationError for an unknown name, both or neither,
    or too few tokens.

    >>> from quant import BLOCKS, Calibration, Recipe
    >>> weighted = Recipe.uniform(BLOCKS["Q4_K"].scheme, method="importance", calibration=Calibration(tokens=4096))
    >>> weighted.calibration.tokens
    4096
    """

    text: str = "calibration"
    tokens: int = 16_384
    own: str = ""
    sequential: bool = False

    def __post_init__(self) -> None:
        check("Calibration, sequential", self.sequential, bool, CalibrationError)
        check("Calibration, text", self.text, str, CalibrationError)
        check("Calibration, own", self.own, str, CalibrationError)
        if self.text not in (*CALIBRATION_TEXTS, "own") or (self.text == "own") != bool(self.own.strip()):
            raise CalibrationError(
                Text("No hay un texto de calibración «{got}»; hay {allowed}, u «own» con un texto tuyo.",
                     "There is no calibration text “{got}”; there are {allowed}, or “own” with a text of yours.")
                .format(got=shown(self.text), allowed=", ".join(CALIBRATION_TEXTS))
            )  # fmt: skip
        if self.own:
            try:
                own_text(self.own)
            except QuantError as error:
                raise CalibrationError(error.text) from error
        if type(self.tokens) is not int or not LEAST_TOKENS <= self.tokens <= MOST_TOKENS:
            raise CalibrationError(
                Text("Para calibrar se piden {got} tokens; tiene que ser un entero de {low} a {high}.",
                     "{got} tokens were asked for to calibrate; it must be a whole number from {low} to {high}.")
                .format(got=shown(str(self.tokens)), low=LEAST_TOKENS, high=MOST_TOKENS)
            )  # fmt: skip


DEFAULT_SCHEME = Scheme.integer(4, PerGroup(64))
DEFAULT_RULES = (Rule("linear:*", DEFAULT_SCHEME),)


@dataclass(frozen=True)
class Recipe:
    """What to quantize and how: rules, of which the first that covers a layer counts.

    activations: what the weights are multiplied by. cache: keys and values. calibration: the text for what methods need
    to know of the inputs; the shipped one unless said, and None where nothing needs any. steps: what is done to the
    float weights before, in order. training: how what was stored goes on learning (qat.py). Raises SchemeError for a
    recipe without rules, or one whose parts do not go together.

    >>> from quant import PerChannel, PerGroup, Recipe, Rule, Scheme
    >>> four, eight = Scheme.integer(4, PerGroup(64)), Scheme.integer(8, PerChannel())
    >>> Recipe.uniform(four, table=True).rules[0].layers
    '*'
    >>> mixed = Recipe((Rule("*.mlp.c_proj", eight), Rule("table:*", eight), Rule("linear:*", four)))
    >>> mixed.activations.name
    'float'
    """

    rules: tuple[Rule, ...] = DEFAULT_RULES
    model: str = EMBEDDED
    activations: Activations = Activations.FLOAT
    cache: CacheScheme | None = None
    calibration: Calibration | None = None
    steps: tuple[Step, ...] = ()
    training: Training | None = None

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        self._check_order()
        if self.cache == CacheScheme():
            object.__setattr__(self, "cache", None)
        if not self.rules:
            raise SchemeError(
                Text("La receta no tiene ninguna regla; hace falta al menos una.",
                     "The recipe has no rule; at least one is needed.")
            )  # fmt: skip
        object.__setattr__(self, "calibration", (self.calibration or Calibration()) if self.reads else None)

    @classmethod
    @typed(SchemeError)
    def uniform(cls, scheme: Scheme = DEFAULT_SCHEME, *, table: bool = False, method: str = "", knobs: Any = None,
                overrides: Iterable[tuple[str, Scheme]] = (), **others: Any) -> Recipe:  # fmt: skip
        """One scheme for all matrices that are multiplied, and with `table` for the token table too (it stays tied).

        overrides: (layer, scheme) for layers that are stored otherwise, each by its scheme's own method. others: fields
        of Recipe.
        """
        apart = [Rule(layer, other) for layer, other in _pairs(overrides)]
        return cls((*apart, Rule("*" if table else "linear:*", scheme, method, knobs)), **others)

    @property
    def needs(self) -> frozenset[Statistic]:
        """What its methods, steps and a static scale of the activations want to know of the inputs."""
        scale = frozenset({Statistic.LARGEST}) if self.activations.static else frozenset()
        needs = [rule.needs for rule in self.rules] + [step.how.needs for step in self.steps]
        return scale.union(*needs)

    @property
    def reads(self) -> bool:
        """Whether a calibration text goes through the model."""
        return bool(self.needs) or any(rule.how.tune for rule in self.rules if rule.scheme)

    def _check_order(self) -> None:
        """Raise SchemeError for a scale after a rotation, which nothing could undo, and for two rotations."""
        kinds = [step.how.rotates for step in self.steps]
        kinds += [False] * any(rule.scheme is not None and rule.how.scales is not None for rule in self.rules)
        if any(kinds[:-1]):
            raise SchemeError(
                Text("Después de una rotación no se puede escalar ni rotar otra vez: deja la rotación sola, o escala "
                     "antes de ella.",
                     "After a rotation nothing can be scaled or rotated again: leave the rotation alone, or scale "
                     "before it.")
            )  # fmt: skip

    def parts_beside(self, rule: Rule, layer: Layer) -> dict[str, tuple[int, ...]]:
        """The shapes of what stands beside the codes of a layer that `rule` stores, by the names of `Beside.parts`."""
        assert rule.scheme is not None
        parts = dict(rule.how.beside(rule.scheme, layer.matrix, rule.knobs))
        scales = rule.how.scales is not None or not all(step.how.rotates for step in self.steps)
        beside = scales and layer.scaled is Place.BESIDE
        if beside:
            parts["pre_scale"] = (layer.matrix[1],)
        # What a layer scales itself it rotates itself, even where the heads before it could.
        if any(step.how.rotates for step in self.steps) and (beside or layer.rotated is Place.BESIDE):
            parts["hadamard"] = (1,)
        return parts | {"largest": (1,)} if self.activations.static else parts

    def rule_of(self, layer: Layer) -> Rule | None:
        """The rule that stores `layer`; None where it stays in float32."""
        found = next((rule for rule in self.rules if rule.covers(layer)), None)
        return found if found and found.scheme else None

    def scheme_of(self, layer: Layer) -> Scheme | None:
        """How this recipe stores `layer`; None where it leaves it in float32."""
        rule = self.rule_of(layer)
        return rule.scheme if rule else None

    def shown_rule(self, layer: Layer) -> Rule:
        """The rule of a layer, or of one that stays in float32 the last with a scheme: how it would be stored."""
        rule = self.rule_of(layer) or next((r for r in reversed(self.rules) if r.scheme), None)
        if rule is None:
            raise SchemeError(Text("La receta no cuantiza nada.", "The recipe quantizes nothing."))
        return rule

    def check_layers(self, layers: Iterable[Layer]) -> None:
        """Raise QuantError for a rule that covers no matrix of a model: a name that it does not have.

        SchemeError where what comes into a layer cannot be rounded in blocks, and where a step has no place.
        """
        matrices = [layer for layer in layers if layer.kind is not Kind.OTHER]
        for rule in self.rules:
            if not any(rule.covers(layer) for layer in matrices):
                names = [layer.name for layer in matrices]
                raise QuantError(
                    Text("La receta nombra la capa «{name}», que este modelo no tiene; sus matrices: {allowed}.",
                         "The recipe names a layer “{name}” that this model does not have; its matrices: {allowed}.")
                    .format(name=rule.layers, allowed=", ".join(names[:6]) + ("…" if len(names) > 6 else ""))
                )  # fmt: skip
        stored = [layer for layer in matrices if self.rule_of(layer)]
        for layer in (x for x in stored if x.kind is Kind.LINEAR or x.tied_to):
            self.activations.check_inputs(layer.name, layer.matrix[1])
        self._check_steps(stored)

    def _check_steps(self, stored: list[Layer]) -> None:
        """Raise SchemeError where a step has no place in a model."""
        if self.steps and not any(layer.scaled is not Place.NOWHERE for layer in stored):
            raise SchemeError(
                Text("«{name}» cambia las capas lineales de los bloques, y esta receta no guarda ninguna de ellas.",
                     "“{name}” changes the linear layers of the blocks, and this recipe stores none of them.")
                .format(name=self.steps[0].name)
            )  # fmt: skip
        rotated = any(step.how.rotates for step in self.steps)
        for layer in (x for x in stored if rotated and x.rotated is Place.BESIDE and not block_size(x.matrix[1])):
            raise SchemeError(
                Text("«{layer}» tiene {inputs} entradas, que no se pueden repartir en bloques de una potencia de 2 "
                     "para rotarlas.",
                     "“{layer}” has {inputs} inputs, which cannot be cut into blocks of a power of 2 to rotate them.")
                .format(layer=layer.name, inputs=layer.matrix[1])
            )  # fmt: skip


def _pairs(overrides: Iterable[tuple[str, Scheme]]) -> list[tuple[str, Scheme]]:
    """(layer, scheme) for each. Raises SchemeError where that is not what came."""
    try:
        return [(layer, scheme) for layer, scheme in overrides]
    except (TypeError, ValueError) as error:
        raise SchemeError(
            Text("Recipe.uniform, overrides: ha llegado {got}; se admiten parejas (capa, esquema).",
                 "Recipe.uniform, overrides: got {got}; allowed: pairs (layer, scheme).")
            .format(got=described(overrides))
        ) from error  # fmt: skip
