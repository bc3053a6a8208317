"""The published block formats: names, sources, and the bits per weight that everybody quotes."""

from __future__ import annotations

import pytest
from cases import each

from quant.blocks import BLOCKS
from quant.errors import SchemeError
from quant.formats import FORMATS
from quant.nearest import Ties
from quant.packing import Layout, bits_per_weight
from quant.scheme import CodesFrom, Flat, Grid, Offset, PerGroup, PerTensor, Scheme

SHAPE = (768, 3072)
WEIGHTS = SHAPE[0] * SHAPE[1]
# Bits of a weight, and bits stored once for the whole matrix.
KNOWN: dict[str, tuple[float, int]] = {
    "MXFP8_E4M3": (8.25, 0), "MXFP8_E5M2": (8.25, 0), "MXFP6_E2M3": (6.25, 0), "MXFP6_E3M2": (6.25, 0),
    "MXFP4": (4.25, 0), "MXFP4_GGML": (4.25, 0), "NVFP4": (4.5, 32), "NVFP4_GGML": (4.5, 0),
    "NF4": (4.5, 0), "NF4_DOUBLE": (4 + 8 / 64 + 32 / (64 * 256), 32), "FP4": (4.5, 0),
    "Q8_0": (8.5, 0), "Q6_K": (6.5625, 0), "Q5_0": (5.5, 0), "Q5_1": (6.0, 0), "Q5_K": (5.5, 0),
    "Q4_0": (4.5, 0), "Q4_1": (5.0, 0), "Q4_K": (4.5, 0), "IQ4_NL": (4.5, 0), "IQ4_XS": (4.25, 0),
    "Q3_K": (3.4375, 0), "Q2_K": (2.625, 0), "TQ2_0": (2.0625, 0), "TQ1_0": (1.6875, 0),
}  # fmt: skip
BLOCK_WEIGHTS = {
    **dict.fromkeys(["MXFP8_E4M3", "MXFP8_E5M2", "MXFP6_E2M3", "MXFP6_E3M2", "MXFP4", "MXFP4_GGML"], 32),
    **dict.fromkeys(["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL"], 32),
    **dict.fromkeys(["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS", "TQ1_0", "TQ2_0"], 256),
    **dict.fromkeys(["NF4", "NF4_DOUBLE", "FP4"], 1), "NVFP4": 16, "NVFP4_GGML": 64,
}  # fmt: skip


def test_every_named_format_is_here() -> None:
    assert set(BLOCKS) == set(KNOWN)
    assert len(BLOCKS) == 25


@each("name", BLOCKS)
def test_a_format_has_its_name_a_source_and_a_summary_in_both_languages(name: str) -> None:
    block = BLOCKS[name]
    assert block.name == block.scheme.name == name
    assert block.source
    assert block.summary.es
    assert block.summary.en
    assert block.summary.es != block.summary.en


@each("name", [n for n in BLOCKS if n.startswith(("MX", "NVFP4"))])
def test_a_float_format_says_whose_rule_its_scale_follows(name: str) -> None:
    whose = "llama.cpp" if name.endswith("_GGML") else "NVIDIA" if name == "NVFP4" else "OCP MX"
    assert whose in BLOCKS[name].summary.es
    assert whose in BLOCKS[name].summary.en


@each("name", BLOCKS)
def test_a_weight_takes_the_bits_that_are_published(name: str) -> None:
    each, once = KNOWN[name]
    assert bits_per_weight(BLOCKS[name].scheme, SHAPE) == each + once / WEIGHTS
    assert Layout(BLOCKS[name].scheme).nbytes(SHAPE) * 8 == each * WEIGHTS + once


def test_the_formats_that_search_are_those_without_a_formula_for_the_scale() -> None:
    assert {n for n, b in BLOCKS.items() if b.searched} == {
        "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS",
    }  # fmt: skip


@each("name", BLOCKS)
def test_a_row_that_is_no_multiple_of_the_block_is_refused_with_both_numbers(name: str) -> None:
    layout, block = Layout(BLOCKS[name].scheme), BLOCK_WEIGHTS[name]
    assert layout.nbytes((3, 2 * block)) > 0
    if block == 1:
        assert layout.nbytes((3, 50)) > 0  # runs of the flat matrix: any shape will do
        return
    for inputs in (block + 1, block // 2, 3 * block - 8):
        with pytest.raises(SchemeError) as caught:
            layout.nbytes((3, inputs))
        assert caught.value.text.es == (
            f"{name} guarda bloques de {block} pesos y la matriz tiene filas de {inputs}, que no es múltiplo."
        )
        assert caught.value.text.en == (
            f"{name} stores blocks of {block} weights and the matrix has rows of {inputs}, not a multiple."
        )


def test_nvidias_nvfp4_and_ggmls_differ_in_a_scale_for_the_whole_matrix() -> None:
    nvidia, ggml = BLOCKS["NVFP4"].scheme, BLOCKS["NVFP4_GGML"].scheme
    assert nvidia.element is ggml.element is FORMATS["float4_e2m1fn"]
    assert nvidia.granularity == ggml.granularity == PerGroup(16)
    assert ggml.scale is FORMATS["float8_e4m3fn"]
    assert (nvidia.grid, ggml.grid) == (Grid.ABSMAX, Grid.ABSMAX_GGML)
    assert nvidia.scale == Scheme(FORMATS["float8_e4m3fn"], PerTensor(), Grid.ABSMAX, FORMATS["float32"])


def test_mxfp4_and_ggmls_differ_in_ties_and_in_how_the_exponent_is_found() -> None:
    ours, ggml = BLOCKS["MXFP4"].scheme, BLOCKS["MXFP4_GGML"].scheme
    assert (ours.ties, ours.element.ties, ggml.ties) == (None, Ties.EVEN, Ties.FIRST)
    assert ours.element is ggml.element
    assert (ours.granularity, ours.scale) == (ggml.granularity, ggml.scale)
    assert (ours.grid, ggml.grid) == (Grid.POWER_OF_TWO, Grid.POWER_OF_TWO_GGML)


def test_double_quantization_is_dynamic_eight_bits_in_blocks_of_256_about_the_mean() -> None:
    scheme = BLOCKS["NF4_DOUBLE"].scheme
    nested = scheme.scale
    assert isinstance(nested, Scheme)
    assert scheme.granularity == Flat(64)
    assert scheme.codes_from is CodesFrom.COMPUTED
    assert (nested.element.name, nested.granularity, nested.grid) == ("dynamic8", Flat(256), Grid.CENTRED)
    assert nested.shift == Offset(FORMATS["float32"])


@each(
    "name, element, size, sub, offset",
    [
        ("Q2_K", "uint2", 16, "uint4", True), ("Q3_K", "int3", 16, "int6", False), ("Q4_K", "uint4", 32, "uint6", True),
        ("Q5_K", "uint5", 32, "uint6", True), ("Q6_K", "int6", 16, "int8", False), ("IQ4_XS", "iq4", 32, "int6", False),
    ],
)  # fmt: skip
def test_a_super_block_is_256_weights_whose_scales_share_a_float16(
    name: str, element: str, size: int, sub: str, offset: bool
) -> None:
    scheme = BLOCKS[name].scheme
    nested = Scheme(FORMATS[sub], PerGroup(256 // size), Grid.SEARCH, FORMATS["float16"])
    assert scheme.element.name == element
    assert scheme.granularity == PerGroup(size)
    assert scheme.scale == nested
    assert scheme.shift == (Offset(nested) if offset else None)
    assert scheme.block == 256
