"""From a scheme back to the values of the fields that mean it: for a link to a recipe that a program made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from quant.cache import CACHE_BITS, CacheScheme, cache_scheme
from quant.errors import SchemeError
from quant.formats import INTEGER_BITS
from quant.model.load import EMBEDDED
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.fields import CACHE_GROUPS, GROUP_SIZES, Fields
from quant.ui.sidebar.formats import CHOSEN_FORMATS, INTEGER, NO_ZERO, SCALED
from quant.ui.sidebar.offers import TABLES, VARIANTS
from quant.ui.sidebar.together import scheme_of

Values = dict[str, Any]
GRANULARITIES: dict[type, str] = {PerTensor: "tensor", PerChannel: "channel", PerGroup: "group"}


def stored_as(scheme: Scheme) -> Iterator[Values]:
    """The values of the fields by which a matrix is stored by `scheme`, each way that there is."""
    for made in _candidates(scheme):
        if _stores(made, scheme):
            yield made


def _candidates(scheme: Scheme) -> Iterator[Values]:
    granularity = scheme.granularity
    shared: Values = {"granularity": GRANULARITIES.get(type(granularity), "group")}
    if isinstance(granularity, PerGroup) and granularity.size in GROUP_SIZES:
        shared["group"] = granularity.size
    bits: Values = {"bits": scheme.element.code_bits} if scheme.element.code_bits in INTEGER_BITS else {}
    for name in CHOSEN_FORMATS:
        if name == INTEGER:
            for variant, zero in product(VARIANTS, (False, True)):
                if not variant or zero is (variant == "offset"):
                    yield {"format": name, "grid": variant, "zero_point": zero, **shared, **bits}
        else:
            yield {
                "format": name,
                **(shared if name in (*TABLES, *SCALED, *NO_ZERO) else {}),
                **(bits if name in TABLES else {}),
            }


def _stores(made: Mapping[str, Any], scheme: Scheme) -> bool:
    try:
        return scheme_of(Fields(EMBEDDED, **made)) == scheme
    except SchemeError:
        return False


def kept_as(cache: CacheScheme | None) -> Iterator[Values]:
    """The values of the fields by which keys and values are stored by `cache`."""
    if cache is None:
        yield {}
        return
    bits = (0, *CACHE_BITS)
    for keys, values, per, group in product(bits, bits, t.CACHE_PERS, CACHE_GROUPS):
        try:
            means = cache_scheme(keys, values, per, group) == cache
        except SchemeError:
            continue
        if means:
            yield {"keys": keys, "values": values, "cache_per": per, "cache_group": group}
