"""What the drawer offers beyond a format: activations, grids of integers, learned tables, keys and values.

Each is a table by the name that an address gives it, and says which part of a recipe that name means.
"""

from __future__ import annotations

import re

from quant.errors import SchemeError, shown
from quant.formats import learned_format
from quant.methods import METHODS, TRANSFORMS
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.ui.sidebar import texts as t

# ---- activations


def activation_bits(name: str) -> int:
    """Bits of a kind of activations, by its name."""
    digits = re.search(r"\d+", name)
    return int(digits[0]) if digits else 32


def whole_activations(name: str) -> bool:
    """Whether a kind of activations rounds to integers."""
    return name.startswith("int")


# ---- grids of integers: where the end of the grid lies

VARIANTS = ("", Grid.HALF.value, "signed", "offset")
GRIDS = {Grid.HALF.value: Grid.HALF, "signed": Grid.SIGNED_MAX, "offset": Grid.RANGE}


def integers(bits: int, granularity: Granularity, *, zero_point: bool, variant: str) -> Scheme:
    """Integers on the grid that `zero_point` says, or on that of a variant, whatever it says."""
    if variant not in VARIANTS:
        raise SchemeError(t.BAD_GRID.format(got=shown(variant), allowed=", ".join(filter(None, VARIANTS))))
    if variant:
        return Scheme.integer(bits, granularity, grid=GRIDS[variant])
    return Scheme.integer(bits, granularity, zero_point=zero_point)


# ---- learned tables

LEARNED, LEARNED_GROUPS = "learned", "learned_group"
TABLES = (LEARNED, LEARNED_GROUPS)  # of a matrix or a channel; of a group, which takes several times the bytes


def learned(name: str, bits: int, granularity: str, group: int) -> Scheme:
    """The tables of one of TABLES. Raises SchemeError for groups that are too small for theirs."""
    per = PerTensor() if granularity == "tensor" else PerChannel()
    return Scheme(learned_format(bits), PerGroup(group) if name == LEARNED_GROUPS else per, Grid.LEARNED, None)


def has_learned() -> bool:
    """Whether any method learns a table."""
    return any(method.fits(learned(LEARNED, 4, "channel", 64)) for method in METHODS.values())


# ---- steps before the method


def step_names() -> tuple[str, ...]:
    """What can be done to float weights first: nothing, each transform, each scale with each rotation after it."""
    rotations = [name for name, transform in TRANSFORMS.items() if transform.rotates]
    scales = [name for name, transform in TRANSFORMS.items() if not transform.rotates]
    return "", *scales, *rotations, *(f"{scale},{rotation}" for scale in scales for rotation in rotations)
