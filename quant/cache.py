"""How keys and values are stored: the third thing to quantize, beside weights and activations.

A model that writes keeps, of every token that it has read, a key and a value for each layer and head. They are rounded
as a matrix is, either token by token or channel by channel:

    token    a row is one token of one head: a scale for its head-width numbers, or for each group of them
    channel  a row is one channel of one head over the tokens: a scale for each run of (32) tokens

Keys have channels that are large in every token, and a scale for each channel keeps them apart from the others (KIVI,
Liu et al. 2024, arXiv:2402.02750, which stores keys so and values token by token). A run of tokens can only be rounded
once all of them are there: until then they stay in float.

Integers are symmetric (absmax), as llama.cpp's q8_0 is; KIVI's have a zero point, which `zero_point=True` gives: better
at the same bits, since many channels of the keys lie to one side of zero, for the bytes of the zero points. Both
figures are in quant/bench/NOTES.md. Unlike KIVI's code, which stores values per token always, `per` is for both here
unless a CacheScheme says otherwise, and only the tokens of a run that is not complete stay in float.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from quant.arguments import check_fields, typed
from quant.errors import SchemeError, shown
from quant.formats import FORMATS
from quant.scheme import Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Text

FLOAT32, FLOAT16 = 0, 16  # bits that stand for a float type; 0: as the model computes them
CACHE_BITS = (FLOAT16, 8, 6, 4, 3, 2)
ACROSS = (Grid.SEARCH, Grid.LEARNED, Grid.CENTRED)  # which look at an entire matrix, or take too long
RUN = 32  # tokens that share the scales of their channels, as KIVI's groups


class CachePer(Enum):
    """What a row of keys or values is: one token of one head, or one channel of one head over the tokens."""

    TOKEN = "token"
    CHANNEL = "channel"


@dataclass(frozen=True)
class CacheScheme:
    """How the keys and the values of what has been read are stored; None: float32.

    keys_per, values_per: what a row is, which the granularity of the scheme then divides; channels take runs of tokens,
    so groups. Raises SchemeError for channels without groups, and where a row does not stand alone.

    >>> from quant import CacheScheme, PerGroup, Scheme
    >>> CacheScheme(keys=Scheme.integer(8, PerGroup(64)), values=Scheme.integer(4, PerGroup(64))).values.levels
    15
    """

    keys: Scheme | None = None
    values: Scheme | None = None
    keys_per: CachePer = CachePer.TOKEN
    values_per: CachePer = CachePer.TOKEN

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        for side in self.sides:
            if side.scheme and not side.casts and not side.fits:
                raise SchemeError(
                    Text("Cada token o canal de la caché se redondea por sí solo, y por canal en grupos de tokens: ha "
                         "llegado {got}.",
                         "Each token or channel of the cache is rounded by itself, and per channel in groups of "
                         "tokens: got {got}.").format(got=f"{side.scheme.granularity}, {side.scheme.grid.name}")
                )  # fmt: skip

    @property
    def sides(self) -> tuple[Side, Side]:
        """Keys and values."""
        return Side(self.keys, self.keys_per), Side(self.values, self.values_per)


@dataclass(frozen=True)
class Side:
    """Keys, or values."""

    scheme: Scheme | None
    per: CachePer

    @property
    def fits(self) -> bool:
        """Whether rows are rounded alike whatever other rows there are, and channels in runs."""
        assert self.scheme, "float32 has nothing to fit"
        alone = self.scheme.grid not in ACROSS and not isinstance(self.scheme.scale, Scheme)
        kinds = (PerGroup,) if self.per is CachePer.CHANNEL else (PerChannel, PerGroup)
        return alone and isinstance(self.scheme.granularity, kinds)

    @property
    def casts(self) -> bool:
        """Whether it is a float type without scales: a row is then nothing."""
        return self.scheme is not None and self.scheme.grid is Grid.UNIT

    @property
    def run(self) -> int:
        """How many tokens are rounded together; 1 where each is by itself."""
        if self.scheme is None or self.casts or self.per is CachePer.TOKEN:
            return 1
        assert isinstance(self.scheme.granularity, PerGroup), "CacheScheme says so"
        return self.scheme.granularity.size


@typed(SchemeError)
def cache_scheme(keys_bits: int, values_bits: int, per: str = "token", group: int = 0, *,
                 zero_point: bool = False) -> CacheScheme | None:  # fmt: skip
    """Keys and values at so many bits each: 16 is float16, 0 leaves them as they are; None where both are 0.

    per: "token" or "channel". group: how many numbers share a scale; 0: a head's, or RUN tokens of a channel.
    Raises SchemeError.

    >>> from quant import cache_scheme
    >>> kivi = cache_scheme(4, 4, per="channel")
    >>> kivi.keys.granularity.size, kivi.values_per.value
    (32, 'channel')
    """
    for bits in (keys_bits, values_bits):
        if bits not in (FLOAT32, *CACHE_BITS):
            raise SchemeError(
                Text("Has pedido {got} bits para la caché; se admite {allowed}, o 0 para dejarla en float32.",
                     "{got} bits were asked for the cache; allowed: {allowed}, or 0 to leave it in float32.")
                .format(got=bits, allowed=", ".join(map(str, CACHE_BITS)))
            )  # fmt: skip
    names = [kind.value for kind in CachePer]
    if per not in names:
        raise SchemeError(
            Text("La caché se guarda por {allowed}, no por «{got}».",
                 "The cache is stored per {allowed}, not per “{got}”.")
            .format(got=shown(per), allowed=" | ".join(names))
        )  # fmt: skip
    if keys_bits == values_bits == FLOAT32:
        return None
    kind = CachePer(per)
    keys, values = (_side(bits, kind, group, zero_point) for bits in (keys_bits, values_bits))
    return CacheScheme(keys, values, kind, kind)


def _side(bits: int, per: CachePer, group: int, zero_point: bool) -> Scheme | None:
    if bits == FLOAT32:
        return None
    if bits == FLOAT16:
        return Scheme(FORMATS["float16"], PerTensor(), Grid.UNIT, None)
    size = group or (RUN if per is CachePer.CHANNEL else 0)
    return Scheme.integer(bits, PerGroup(size) if size else PerChannel(), zero_point=zero_point)
