"""Published block formats: a scheme each, scales and all. `BLOCKS` holds them by name; a new one is one row.

Where llama.cpp (ggml) and the specification differ in the scale, the ties or the bytes, both are here under their own
names, and each gives the bytes or values of its own source:

- MXFP8, MXFP6 and MXFP4 are the specification's (OCP MX 1.0, 6.3): a scale has the exponent of the largest weight,
  exactly, less that of the element's largest value; ties go to even.
- MXFP4_GGML is ggml's: the exponent comes from a logarithm in float32, which just below some powers of two is rounded
  up to theirs, so that the scale is twice the specification's (below 1/4 for one float32, below 2**-20 for 11, below
  2**100 for 44); ties go to the lower code. Under 2**-125 ggml's own code is undefined; here the smallest scale stays.
- NVFP4 is NVIDIA's, with a second scale for the entire matrix; scales are rounded to E4M3 with ties to even.
- NVFP4_GGML is ggml's, without it: scales are rounded to E4M3 with ties up, never to more than 7 * 2**-9 from below
  2**-6, and from 248 on to 448; ties of weights go to the lower code. For weights from 2**34 on ggml's float32
  distances are all alike and it takes a smaller code, so that it loses more than this does.
"""

from __future__ import annotations

from dataclasses import dataclass

from quant.formats import FORMATS
from quant.nearest import Ties
from quant.scheme import CodesFrom, Flat, Grid, Offset, PerGroup, PerTensor, Scheme
from quant.text import Text


@dataclass(frozen=True)
class BlockFormat:
    """A named way to store a matrix."""

    scheme: Scheme
    summary: Text
    source: str

    @property
    def name(self) -> str:
        return self.scheme.name

    @property
    def searched(self) -> bool:
        """Whether its scales are searched for, rather than read off each group."""
        return self.scheme.grid is Grid.SEARCH


_HALF, _SINGLE, _E4M3 = FORMATS["float16"], FORMATS["float32"], FORMATS["float8_e4m3fn"]
_E8M0 = FORMATS["float8_e8m0fnu"]
_GGML = "ggml 0.25, ggml-common.h"
_MX = "OCP Microscaling Formats (MX) Specification 1.0, 2023"
_NVFP4 = "NVIDIA, “Pretraining Large Language Models with NVFP4”, arXiv:2509.25149"
_QLORA = "Dettmers et al. 2023, arXiv:2305.14314; bitsandbytes 0.50"


def _mx(name: str, element: str, kind: str) -> BlockFormat:
    scheme = Scheme(FORMATS[element], PerGroup(32), Grid.POWER_OF_TWO, _E8M0, name=name)
    summary = Text(
        "Cada bloque de 32 pesos se guarda en {kind} con una escala que es una potencia de dos: el exponente exacto "
        "del mayor peso, como manda OCP MX.",
        "Each block of 32 weights is stored in {kind} with a scale that is a power of two: the exact exponent of the "
        "largest weight, as OCP MX has it.",
    ).format(kind=kind)
    return BlockFormat(scheme, summary, _MX)


_EACH = Text("Cada bloque de {size} pesos guarda códigos de {bits} bits y una escala.",
             "Each block of {size} weights stores {bits}-bit codes and a scale.")  # fmt: skip
_EACH_SHIFTED = Text("Cada bloque de {size} pesos guarda códigos de {bits} bits, una escala y un mínimo.",
                     "Each block of {size} weights stores {bits}-bit codes, a scale and a minimum.")  # fmt: skip
_SUPER = Text(
    "Cada superbloque de 256 pesos guarda códigos de {bits} bits; cada {size} comparten una escala de {sub} bits.",
    "Each super-block of 256 weights stores {bits}-bit codes; each {size} share a scale of {sub} bits.",
)
_SUPER_SHIFTED = Text(
    "Cada superbloque de 256 pesos guarda códigos de {bits} bits; cada {size} comparten escala y mínimo de {sub} bits.",
    "Each super-block of 256 weights stores {bits}-bit codes; each {size} share scale and minimum, of {sub} bits.",
)
_TERNARY = {
    "TQ2_0": Text("Cada peso es −1, 0 o 1 por la escala de su bloque de 256, en 2 bits.",
                  "Each weight is −1, 0 or 1 times the scale of its block of 256, in 2 bits."),
    "TQ1_0": Text("Cada peso es −1, 0 o 1 por la escala de su bloque de 256, cinco en cada byte.",
                  "Each weight is −1, 0 or 1 times the scale of its block of 256, five to a byte."),
}  # fmt: skip


def _ggml(name: str, element: str, size: int, grid: Grid, ties: Ties, shift: Offset | None = None) -> BlockFormat:
    scheme = Scheme(FORMATS[element], PerGroup(size), grid, _HALF, shift, ties, CodesFrom.COMPUTED, name)
    said = (_EACH_SHIFTED if shift else _EACH).format(size=size, bits=FORMATS[element].code_bits)
    return BlockFormat(scheme, _TERNARY.get(name, said), _GGML)


def _super_block(name: str, element: str, size: int, sub: str, *, offset: bool = False,
                 summary: Text | None = None) -> BlockFormat:  # fmt: skip
    """256 weights in groups of `size`, whose scales (and offsets) are integers times one float16."""
    nested = Scheme(FORMATS[sub], PerGroup(256 // size), Grid.SEARCH, _HALF)
    scheme = Scheme(
        FORMATS[element], PerGroup(size), Grid.SEARCH, nested, Offset(nested) if offset else None, name=name
    )
    bits = {"bits": FORMATS[element].code_bits, "size": size, "sub": FORMATS[sub].code_bits}
    return BlockFormat(scheme, summary or (_SUPER_SHIFTED if offset else _SUPER).format(**bits), _GGML)


def _bitsandbytes(name: str, element: str, es: str, en: str, *, double: bool = False) -> BlockFormat:
    nested = Scheme(FORMATS["dynamic8"], Flat(256), Grid.CENTRED, _SINGLE, Offset(_SINGLE))
    scale = nested if double else _SINGLE
    scheme = Scheme(FORMATS[element], Flat(64), Grid.ABSMAX, scale, codes_from=CodesFrom.COMPUTED, name=name)
    return BlockFormat(scheme, Text(es, en), _QLORA)


_NVIDIA_SCALE = Scheme(_E4M3, PerTensor(), Grid.ABSMAX, _SINGLE)
_ROWS = [
    _mx("MXFP8_E4M3", "float8_e4m3fn", "FP8 E4M3"),
    _mx("MXFP8_E5M2", "float8_e5m2", "FP8 E5M2"),
    _mx("MXFP6_E2M3", "float6_e2m3fn", "FP6 E2M3"),
    _mx("MXFP6_E3M2", "float6_e3m2fn", "FP6 E3M2"),
    _mx("MXFP4", "float4_e2m1fn", "FP4 E2M1"),
    BlockFormat(
        Scheme(FORMATS["float4_e2m1fn"], PerGroup(16), Grid.ABSMAX, _NVIDIA_SCALE, name="NVFP4"),
        Text("Cada bloque de 16 pesos se guarda en FP4 E2M1 con una escala FP8, redondeada al par como en el artículo "
             "de NVIDIA; otra escala, float32, sirve a toda la matriz.",
             "Each block of 16 weights is stored in FP4 E2M1 with an FP8 scale, rounded to even as in NVIDIA's paper; "
             "another scale, in float32, serves the whole matrix."), _NVFP4),
    _bitsandbytes("NF4", "nf4",
                  "Los 16 valores son cuantiles de la curva normal, con una escala por cada 64 pesos, como en QLoRA.",
                  "The 16 values are quantiles of the normal curve, with a scale for each 64 weights, as in QLoRA."),
    _bitsandbytes("NF4_DOUBLE", "nf4", "Es NF4, pero sus escalas se cuantizan a su vez a 8 bits.",
                  "This is NF4, but its scales are quantized to 8 bits in turn.", double=True),
    _bitsandbytes("FP4", "fp4_bnb", "Cada bloque de 64 pesos usa los 16 valores del FP4 de bitsandbytes y una escala.",
                  "Each block of 64 weights uses the 16 values of bitsandbytes' FP4 and a scale."),
    _ggml("Q8_0", "int8", 32, Grid.ABSMAX, Ties.AWAY),
    _super_block("Q6_K", "int6", 16, "int8"),
    _ggml("Q5_0", "int5", 32, Grid.SIGNED_MAX, Ties.UP),
    _ggml("Q5_1", "uint5", 32, Grid.RANGE, Ties.UP, Offset(_HALF)),
    _super_block("Q5_K", "uint5", 32, "uint6", offset=True),
    _ggml("Q4_0", "int4", 32, Grid.SIGNED_MAX, Ties.UP),
    _ggml("Q4_1", "uint4", 32, Grid.RANGE, Ties.UP, Offset(_HALF)),
    _super_block("Q4_K", "uint4", 32, "uint6", offset=True),
    BlockFormat(Scheme(FORMATS["iq4"], PerGroup(32), Grid.SEARCH, _HALF, name="IQ4_NL"),
                Text("Una tabla de 16 valores, más juntos cerca del 0, y una escala por cada 32 pesos.",
                     "A table of 16 values, closer together near 0, and a scale for each 32 weights."), _GGML),
    _super_block("IQ4_XS", "iq4", 32, "int6", summary=Text(
        "Usa la tabla de IQ4_NL en superbloques de 256 pesos; cada 32 comparten una escala de 6 bits.",
        "It uses IQ4_NL's table in super-blocks of 256 weights; each 32 share a 6-bit scale.")),
    BlockFormat(
        Scheme(FORMATS["float4_e2m1fn"], PerGroup(32), Grid.POWER_OF_TWO_GGML, _E8M0, ties=Ties.FIRST,
               name="MXFP4_GGML"),
        Text("Es MXFP4 como lo redondea y lo guarda llama.cpp: el exponente sale de un logaritmo en float32, que justo "
             "por debajo de una potencia de dos puede subir al de esa potencia.",
             "This is MXFP4 as llama.cpp rounds and stores it: the exponent comes from a float32 logarithm, which just "
             "below a power of two may go up to that power's."), _GGML),
    BlockFormat(
        Scheme(FORMATS["float4_e2m1fn"], PerGroup(16), Grid.ABSMAX_GGML, _E4M3, ties=Ties.FIRST,
               name="NVFP4_GGML"),
        Text("Es NVFP4 como lo redondea y lo guarda llama.cpp, sin escala para toda la matriz: los empates de las "
             "escalas suben y desde 248 todas son 448.",
             "This is NVFP4 as llama.cpp rounds and stores it, with no scale for the whole matrix: ties of scales go "
             "up, and from 248 on all are 448."), _GGML),
    _super_block("Q3_K", "int3", 16, "int6"),
    _super_block("Q2_K", "uint2", 16, "uint4", offset=True),
    _ggml("TQ2_0", "ternary", 256, Grid.ABSMAX, Ties.AWAY),
    _ggml("TQ1_0", "ternary", 256, Grid.ABSMAX, Ties.AWAY),
]  # fmt: skip


class Blocks(dict[str, BlockFormat]):
    """Every published block format by name; `.scheme` is how it stores a matrix whose rows are made of its blocks.

    Looking up a name that is not there raises KeyError.

    >>> from quant import BLOCKS
    >>> BLOCKS["Q4_0"].scheme.block, BLOCKS["Q4_0"].source
    (32, 'ggml 0.25, ggml-common.h')
    >>> [name for name in BLOCKS if name.startswith("MXFP4")]
    ['MXFP4', 'MXFP4_GGML']
    """


BLOCKS = Blocks({b.name: b for b in _ROWS})
