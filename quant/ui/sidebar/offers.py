"""What the drawer offers beyond a format: activations, grids of integers, learned tables, keys and values.

Each is a table by the name that an address gives it, and says which part of a recipe that name means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from quant.activations import Activations, Per
from quant.errors import SchemeError, shown
from quant.formats import FORMATS, integer_format, learned_format
from quant.methods import METHODS, TRANSFORMS
from quant.model.load import LoadedModel
from quant.packing import Layout
from quant.recipe import CacheScheme, Recipe
from quant.scheme import Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme
from quant.ui.sidebar import texts as t

# ---- activations

ACTIVATIONS: dict[str, Activations] = {
    "float": Activations.FLOAT,
    "int8": Activations.INT8,
    "int8-tensor": Activations(FORMATS["int8"], Per.TENSOR),
    "int8-static": Activations(FORMATS["int8"], Per.TENSOR, static=True),
    "int4": Activations(FORMATS["int4"]),
}


def activation_bits(name: str) -> int:
    """Bits of a kind of activations, by its name."""
    digits = re.search(r"\d+", name)
    return int(digits[0]) if digits else 32


def whole_activations(name: str) -> bool:
    """Whether a kind of activations rounds to integers."""
    return name.startswith("int")


# ---- grids of integers: where the end of the grid lies

SYMMETRIC = {"": Grid.ABSMAX, "signed": Grid.SIGNED_MAX} | {grid.value: grid for grid in Grid if grid.name == "HALF"}
VARIANTS = ("", *(name for name in ("half", "signed") if name in SYMMETRIC), "offset")


def integers(bits: int, granularity: Granularity, *, zero_point: bool, variant: str) -> Scheme:
    """Integers on the grid that `zero_point` says, or on that of a variant, whatever it says."""
    if variant == "offset":
        stored = FORMATS["float16"]
        return Scheme(integer_format(bits, signed=False), granularity, Grid.RANGE, stored, Offset(stored))
    if variant not in VARIANTS:
        raise SchemeError(t.BAD_GRID.format(got=shown(variant), allowed=", ".join(filter(None, VARIANTS))))
    if variant:
        return Scheme(integer_format(bits, signed=True), granularity, SYMMETRIC[variant])
    return Scheme.integer(bits, granularity, zero_point=zero_point)


# ---- learned tables

LEARNED = "learned"


def learned(bits: int, granularity: str) -> Scheme:
    """A table for the entire matrix, or one for each channel: none is for a group."""
    per = PerTensor() if granularity == "tensor" else PerChannel()
    return Scheme(learned_format(bits), per, Grid.LEARNED, None)


def has_learned() -> bool:
    """Whether any method learns a table."""
    return any(method.fits(learned(4, "channel")) for method in METHODS.values())


# ---- steps before the method


def step_names() -> tuple[str, ...]:
    """What can be done to float weights first: nothing, each transform, each scale with each rotation after it."""
    rotations = [name for name, transform in TRANSFORMS.items() if transform.rotates]
    scales = [name for name, transform in TRANSFORMS.items() if not transform.rotates]
    return "", *scales, *rotations, *(f"{scale},{rotation}" for scale in scales for rotation in rotations)


# ---- keys and values

CACHE_BITS = (16, 8, 6, 4, 3, 2)


def cache_scheme(keys_bits: int, values_bits: int, per: str = "token", group: int = 0) -> CacheScheme | None:
    """Keys and values of so many bits; 0 leaves a side as it is."""
    if not keys_bits and not values_bits:
        return None
    return CacheScheme(_side(keys_bits, per, group), _side(values_bits, per, group))


def _side(bits: int, per: str, group: int) -> Scheme | None:
    if not bits:
        return None
    if bits == 16:
        return Scheme(FORMATS["float16"], PerTensor(), Grid.UNIT, None)
    size = group or (32 if per == "channel" else 0)
    return Scheme.integer(bits, PerGroup(size) if size else PerChannel(), zero_point=True)


@dataclass(frozen=True)
class CacheSize:
    """Bytes of keys and values for a context, and what both take as float32."""

    keys_bytes: int
    values_bytes: int
    float_bytes: int


def cache_bytes(loaded: LoadedModel, recipe: Recipe, context: int) -> CacheSize:
    """What `context` tokens leave behind: a row of each head's width for every token, head and layer."""
    config = loaded.model.config
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    width = config.hidden_size // heads
    stored = config.to_dict().get("num_key_value_heads") or heads  # fewer where several heads of attention share one
    rows = layers * stored * context
    plain = rows * width * 4
    scheme = recipe.cache or CacheScheme()
    keys, values = (plain if s is None else Layout(s).nbytes((rows, width)) for s in (scheme.keys, scheme.values))
    return CacheSize(keys, values, 2 * plain)
