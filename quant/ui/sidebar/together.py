"""What of the table goes together: which scheme and which methods its values mean, and what they leave to choose."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from quant.activations import ACTIVATIONS
from quant.blocks import BLOCKS
from quant.errors import SchemeError
from quant.formats import FORMATS
from quant.methods import METHODS, TRANSFORMS, method_for
from quant.methods.base import Method
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.ui.sidebar.formats import CASTS, CHOSEN_FORMATS, INTEGER, NO_ZERO, SCALED, family, family_of
from quant.ui.sidebar.knobs import Owner, read_knobs
from quant.ui.sidebar.offers import LEARNED, LEARNED_GROUPS, TABLES, integers, learned, step_names, whole_activations

if TYPE_CHECKING:
    from quant.ui.sidebar.fields import Fields


def has_bits(choice: Fields) -> bool:
    """Whether these are integers, whose bits and grid are the visitor's to choose."""
    return choice.format == INTEGER


def slides_bits(choice: Fields) -> bool:
    """Whether the visitor chooses how many bits a code has."""
    return choice.format in (INTEGER, *TABLES)


def has_granularity(choice: Fields) -> bool:
    return choice.format in (INTEGER, LEARNED, *SCALED)


def has_groups(choice: Fields) -> bool:
    """Whether a group has a size to choose."""
    if choice.format in (*NO_ZERO, LEARNED_GROUPS):  # groups are all that these know
        return True
    return has_granularity(choice) and choice.granularity == "group" and choice.format != LEARNED


def tables_per(choice: Fields) -> str:
    """What has a learned table: `tensor`, `channel` or `group`."""
    if choice.format == LEARNED_GROUPS:
        return "group"
    return "tensor" if choice.granularity == "tensor" else "channel"


def has_plain_grid(choice: Fields) -> bool:
    """Whether the grid is one of the two usual ones, and which is the visitor's to choose."""
    return has_bits(choice) and not choice.grid


def has_activations(choice: Fields) -> bool:
    """Whether what the weights are multiplied by may be rounded: for integers, and for blocks made for that."""
    return has_bits(choice) or (choice.format in CHOSEN_FORMATS and family_of(choice.format) == "mx")


def rounding(choice: Fields) -> str:
    """The kind of activations, a key of ACTIVATIONS: integers go with integers alone, and wait beside other formats."""
    kind = choice.activations
    return kind if has_bits(choice) or (has_activations(choice) and not whole_activations(kind)) else "float"


def chosen_method(choice: Fields) -> str:
    """The method that was chosen, where it fits the format; empty for the format's own."""
    return choice.method if has_methods(choice) and choice.method in fitting_methods(choice) else ""


def chosen_steps(choice: Fields) -> list[str]:
    """What is done to the float weights first, in order."""
    return choice.steps.split(",") if choice.steps in step_names() and choice.steps else []


def own_method(scheme: Scheme) -> Method[Any]:
    """The method of a format where none is chosen: the one that it is meant for, or the first that can fill it."""
    meant, fitting = method_for(scheme), _fitting(scheme)
    return meant if meant.name in fitting or not fitting else METHODS[fitting[0]]


def owners(choice: Fields) -> list[Owner]:
    """The method and the steps that are chosen, whose knobs can be turned; nothing for a format that is none."""
    try:
        name, own = chosen_method(choice), own_method(scheme_of(choice))
    except SchemeError:
        return []
    steps = [Owner(TRANSFORMS[step], f"{step}.") for step in chosen_steps(choice)]
    return [Owner(METHODS[name] if name else own), *steps]


def reads_text(choice: Fields) -> bool:
    """Whether a calibration text goes through the model."""
    made = owners(choice)
    tunes = any(isinstance(owner.how, Method) and owner.how.tune for owner in made)
    kind = ACTIVATIONS.get(rounding(choice))
    return tunes or any(_looks(owner, choice.knobs) for owner in made) or bool(kind and kind.static)


def _looks(owner: Owner, written: str) -> bool:
    """Whether a method, with its knobs as they are written, or a step wants to know of the inputs."""
    if not isinstance(owner.how, Method):
        return bool(owner.how.needs)
    try:
        return bool(owner.how.needs_with(owner.made(read_knobs(written))))
    except SchemeError:  # of what no control gives, and which is refused where it is read
        return bool(owner.how.needs)


def siblings(choice: Fields) -> Sequence[str]:
    """The formats that the list offers beside the chosen one: those of its family."""
    return family(family_of(choice.format)) if choice.format in CHOSEN_FORMATS else CHOSEN_FORMATS


def has_siblings(choice: Fields) -> bool:
    """Whether the family of the format leaves something to choose."""
    return len(siblings(choice)) > 1


def fitting_methods(choice: Fields) -> list[str]:
    """The methods that can fill the scheme of `choice`; none where that cannot be."""
    try:
        scheme = scheme_of(choice)
    except SchemeError:
        return []
    return list(_fitting(scheme))


@lru_cache(maxsize=512)
def _fitting(scheme: Scheme) -> tuple[str, ...]:
    return tuple(name for name, method in METHODS.items() if method.fits(scheme))


def has_methods(choice: Fields) -> bool:
    """Whether there is a method to choose."""
    return len(fitting_methods(choice)) > 1


def scheme_of(choice: Fields) -> Scheme:
    """How a matrix is stored by these values. Raises SchemeError for what no control gives but a program may."""
    # The size of the group is checked even while another granularity is chosen: it waits in the sidebar.
    sized = PerGroup(choice.group)
    others: dict[str, Granularity] = {"tensor": PerTensor(), "channel": PerChannel()}
    granularity = others.get(choice.granularity, sized)
    whole = integers(choice.bits, granularity, zero_point=choice.zero_point, variant=choice.grid)
    if choice.format in BLOCKS:
        return BLOCKS[choice.format].scheme
    if choice.format in TABLES:
        return learned(choice.format, choice.bits, choice.granularity, choice.group)
    if choice.format in CASTS:
        return Scheme(FORMATS[CASTS[choice.format]], PerTensor(), Grid.UNIT, None)
    if choice.format in NO_ZERO:
        return Scheme(FORMATS[choice.format], sized, Grid.SEARCH)
    return Scheme(FORMATS[choice.format], granularity) if choice.format in SCALED else whole
