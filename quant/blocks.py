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
from quant.scheme import CodesFrom, Flat, Granularity, Grid, Offset, PerGroup, PerTensor, Scheme
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
        "{kind} en bloques de 32 con escala potencia de dos: el exponente exacto del mayor peso, como manda OCP MX",
        "{kind} in blocks of 32 with a power-of-two scale: the exact exponent of the largest weight, as OCP MX has it",
    ).format(kind=kind)
    return BlockFormat(scheme, summary, _MX)


def _ggml(name: str, element: str, granularity: Granularity, grid: Grid, ties: Ties, es: str, en: str,
          shift: Offset | None = None) -> BlockFormat:  # fmt: skip
    scheme = Scheme(FORMATS[element], granularity, grid, _HALF, shift, ties, CodesFrom.COMPUTED, name)
    return BlockFormat(scheme, Text(es, en), _GGML)


def _super_block(
    name: str, element: str, size: int, sub: str, es: str, en: str, *, offset: bool = False
) -> BlockFormat:
    """256 weights in groups of `size`, whose scales (and offsets) are integers times one float16."""
    nested = Scheme(FORMATS[sub], PerGroup(256 // size), Grid.SEARCH, _HALF)
    shift = Offset(nested) if offset else None
    return BlockFormat(
        Scheme(FORMATS[element], PerGroup(size), Grid.SEARCH, nested, shift, name=name), Text(es, en), _GGML
    )


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
        Text("FP4 E2M1 en bloques de 16 con escala FP8, redondeada al par como en el artículo de NVIDIA, y otra "
             "float32 para toda la matriz",
             "FP4 E2M1 in blocks of 16 with an FP8 scale, rounded to even as in NVIDIA's paper, and a float32 one for "
             "the whole matrix"), _NVFP4),
    _bitsandbytes("NF4", "nf4", "16 cuantiles de la normal en bloques de 64 (QLoRA)",
                  "16 quantiles of the normal in blocks of 64 (QLoRA)"),
    _bitsandbytes("NF4_DOUBLE", "nf4", "NF4 con las escalas cuantizadas a 8 bits a su vez",
                  "NF4 with its scales quantized to 8 bits in turn", double=True),
    _bitsandbytes("FP4", "fp4_bnb", "el FP4 de bitsandbytes en bloques de 64", "bitsandbytes' FP4 in blocks of 64"),
    _ggml("Q8_0", "int8", PerGroup(32), Grid.ABSMAX, Ties.AWAY, "8 bits en bloques de 32", "8 bits in blocks of 32"),
    _super_block("Q6_K", "int6", 16, "int8", "6 bits en superbloques de 256, escalas de 8 bits",
                 "6 bits in super-blocks of 256, 8-bit scales"),
    _ggml("Q5_0", "int5", PerGroup(32), Grid.SIGNED_MAX, Ties.UP, "5 bits en bloques de 32", "5 bits in blocks of 32"),
    _ggml("Q5_1", "uint5", PerGroup(32), Grid.RANGE, Ties.UP, "5 bits en bloques de 32, con mínimo",
          "5 bits in blocks of 32, with a minimum", Offset(_HALF)),
    _super_block("Q5_K", "uint5", 32, "uint6", "5 bits en superbloques de 256, con mínimos",
                 "5 bits in super-blocks of 256, with minima", offset=True),
    _ggml("Q4_0", "int4", PerGroup(32), Grid.SIGNED_MAX, Ties.UP, "4 bits en bloques de 32", "4 bits in blocks of 32"),
    _ggml("Q4_1", "uint4", PerGroup(32), Grid.RANGE, Ties.UP, "4 bits en bloques de 32, con mínimo",
          "4 bits in blocks of 32, with a minimum", Offset(_HALF)),
    _super_block("Q4_K", "uint4", 32, "uint6", "4 bits en superbloques de 256, con mínimos",
                 "4 bits in super-blocks of 256, with minima", offset=True),
    BlockFormat(Scheme(FORMATS["iq4"], PerGroup(32), Grid.SEARCH, _HALF, name="IQ4_NL"),
                Text("tabla no lineal de 16 valores en bloques de 32", "non-linear table of 16 values in blocks of 32"),
                _GGML),
    _super_block("IQ4_XS", "iq4", 32, "int6", "la misma tabla en superbloques de 256",
                 "the same table in super-blocks of 256"),
    BlockFormat(
        Scheme(FORMATS["float4_e2m1fn"], PerGroup(32), Grid.POWER_OF_TWO_GGML, _E8M0, ties=Ties.FIRST,
               name="MXFP4_GGML"),
        Text("MXFP4 como lo redondea y lo guarda llama.cpp: el exponente sale de un logaritmo en float32, que justo "
             "por debajo de una potencia de dos puede subir a la suya",
             "MXFP4 as llama.cpp rounds and stores it: the exponent comes from a float32 logarithm, which just below a "
             "power of two may go up to that power's"), _GGML),
    BlockFormat(
        Scheme(FORMATS["float4_e2m1fn"], PerGroup(16), Grid.ABSMAX_GGML, _E4M3, ties=Ties.FIRST,
               name="NVFP4_GGML"),
        Text("NVFP4 como lo redondea y lo guarda llama.cpp, sin escala para toda la matriz: los empates de las escalas "
             "suben y desde 248 todas son 448",
             "NVFP4 as llama.cpp rounds and stores it, with no scale for the whole matrix: ties of scales go up, and "
             "from 248 on all are 448"), _GGML),
    _super_block("Q3_K", "int3", 16, "int6", "3 bits en superbloques de 256", "3 bits in super-blocks of 256"),
    _super_block("Q2_K", "uint2", 16, "uint4", "2 bits en superbloques de 256, con mínimos",
                 "2 bits in super-blocks of 256, with minima", offset=True),
    _ggml("TQ2_0", "ternary", PerGroup(256), Grid.ABSMAX, Ties.AWAY, "−1, 0 y 1 en bloques de 256, 2 bits cada uno",
          "−1, 0 and 1 in blocks of 256, 2 bits each"),
    _ggml("TQ1_0", "ternary", PerGroup(256), Grid.ABSMAX, Ties.AWAY, "−1, 0 y 1 en bloques de 256, cinco por byte",
          "−1, 0 and 1 in blocks of 256, five to a byte"),
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
