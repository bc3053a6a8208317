"""What a scheme may be, how it cuts a matrix, and what a weight costs."""

from __future__ import annotations

import pytest
import torch
from cases import each

from quant.errors import SchemeError
from quant.formats import ELEMENTS, FORMATS, NumberFormat, learned_format
from quant.methods import quantize
from quant.packing import bits_per_weight
from quant.scheme import INTEGER_GRIDS, Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Zero

HALF = FORMATS["float16"]
INTEGERS = ", ".join(f"int{b}" for b in range(2, 9))
UNSIGNED = ", ".join(f"uint{b}" for b in range(2, 9))
SMALL_FLOATS = (
    "float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e3m4, float6_e2m3fn, float6_e3m2fn, "
    "float4_e2m1fn"
)
TABLES = "nf4, fp4_bnb, iq4, dynamic8, ternary, midrise2, binary"
SHIFT_OF: dict[Grid, list[type]] = {
    Grid.ABSMAX: [type(None)], Grid.MINMAX: [Zero], Grid.SIGNED_MAX: [type(None)], Grid.RANGE: [Offset],
    Grid.POWER_OF_TWO: [type(None)], Grid.CENTRED: [Offset], Grid.UNIT: [type(None)],
    Grid.SEARCH: [type(None), Offset], Grid.LEARNED: [type(None)], Grid.POWER_OF_TWO_GGML: [type(None)],
    Grid.ABSMAX_GGML: [type(None)], Grid.HALF: [type(None)],
}  # fmt: skip
SHIFTS: list[Zero | Offset | None] = [None, Zero(), Offset(HALF)]
FITTING = {
    Grid.ABSMAX: "int4", Grid.MINMAX: "uint4", Grid.SIGNED_MAX: "int4", Grid.RANGE: "uint4",
    Grid.POWER_OF_TWO: "float4_e2m1fn", Grid.CENTRED: "dynamic8", Grid.UNIT: "float8_e5m2", Grid.SEARCH: "iq4",
    Grid.LEARNED: "learned4", Grid.POWER_OF_TWO_GGML: "float4_e2m1fn", Grid.ABSMAX_GGML: "float4_e2m1fn",
    Grid.HALF: "int4",
}  # fmt: skip


def build(grid: Grid, element: str, shift: Zero | Offset | None, scale: NumberFormat | Scheme | None = HALF) -> Scheme:
    found = learned_format(4) if element == "learned4" else FORMATS[element]
    if scale is HALF:  # what most grids take
        scale = {Grid.UNIT: None, Grid.LEARNED: None, Grid.ABSMAX_GGML: FORMATS["float8_e4m3fn"]}.get(grid, scale)
    return Scheme(found, PerTensor(), grid, scale, shift)


@each(
    "granularity, groups",
    [
        (PerTensor(), (1, 1, 768)),
        (PerChannel(), (4, 1, 192)),
        (PerGroup(64), (4, 3, 64)),
        (PerGroup(192), (4, 1, 192)),
        (Flat(64), (1, 12, 64)),
        (Flat(256), (1, 3, 256)),
        (Flat(500), (1, 2, 500)),
        (Flat(1024), (1, 1, 1024)),
    ],
)
def test_a_matrix_is_cut_along_its_inputs(granularity: Granularity, groups: tuple[int, int, int]) -> None:
    assert granularity.groups((4, 192)) == groups


@each("size", [-16, 0, 7, 257, 1024, 64.0, "64", None])
def test_a_group_size_out_of_range_is_refused_with_the_allowed_range(size: object) -> None:
    with pytest.raises(SchemeError) as caught:
        PerGroup(size)  # type: ignore[arg-type]
    asked = str(size).replace(".", ",") if isinstance(size, float) else size
    assert caught.value.text.es == f"Has pedido grupos de {asked}; tiene que ser un entero de 8 a 256."
    assert caught.value.text.en == f"Groups of {size} were asked for; it must be a whole number from 8 to 256."


@each("size", [8, 9, 16, 17, 256])
def test_every_size_from_8_to_256_may_be_asked_for(size: int) -> None:
    assert PerGroup(size).groups((2, size * 3)) == (2, 3, size)


def test_a_group_that_does_not_divide_is_refused_with_those_that_do() -> None:
    with pytest.raises(SchemeError) as caught:
        PerGroup(64).groups((8, 96))
    assert caught.value.text.es == (
        "El grupo de 64 no divide las 96 entradas de la matriz; dividen: 16, 24, 32, 48, 96."
    )
    assert caught.value.text.en == (
        "A group of 64 does not divide the 96 inputs of the matrix; these do: 16, 24, 32, 48, 96."
    )


def test_a_row_that_nothing_divides_says_so() -> None:
    with pytest.raises(SchemeError, match="13 inputs of the matrix; these do: —"):
        PerGroup(16).groups((4, 13))


@each("bits", [0, 1, 9, 2.5])
@each("zero_point", [False, True])
def test_bits_out_of_range_make_no_scheme(bits: int, zero_point: bool) -> None:
    with pytest.raises(SchemeError, match=r"it must be a whole number from 2 to 8\."):
        Scheme.integer(bits, PerTensor(), zero_point=zero_point)


def test_absmax_takes_signed_codes_and_min_max_a_zero_point() -> None:
    symmetric = Scheme.integer(4, PerChannel())
    assert (symmetric.element.name, symmetric.grid, symmetric.shift) == ("int4", Grid.ABSMAX, None)
    asymmetric = Scheme.integer(4, PerChannel(), zero_point=True)
    assert (asymmetric.element.name, asymmetric.grid, asymmetric.shift) == ("uint4", Grid.MINMAX, Zero())
    assert symmetric.scale is asymmetric.scale is HALF


def test_an_integer_scheme_names_its_grid() -> None:
    """Scale of a group whose largest weight is -2, and the levels: 2**b - 1 for absmax, 2**b for the others."""
    weight = torch.tensor([[1.0, -2.0, 0.5, 0.25]])
    for bits in range(2, 9):
        half = 2 ** (bits - 1)
        scales = {Grid.ABSMAX: 2 / (half - 1), Grid.HALF: 2 / (half - 0.5), Grid.SIGNED_MAX: 2 / half,
                  Grid.MINMAX: 3 / (2 * half - 1), Grid.RANGE: 3 / (2 * half - 1)}  # fmt: skip
        assert tuple(scales) == INTEGER_GRIDS
        for grid, scale in scales.items():
            scheme = Scheme.integer(bits, PerTensor(), grid=grid, scale=FORMATS["float32"])
            assert scheme.levels == 2 * half - (grid is Grid.ABSMAX), (bits, grid)
            made = quantize(weight, scheme)
            assert float(made.scales()) == pytest.approx(scale), (bits, grid)
            assert float((made.dequantize() - weight).abs().max()) <= scale / 2 * 1.0001, (bits, grid)
    assert Scheme.integer(4, PerTensor(), zero_point=True) == Scheme.integer(4, PerTensor(), grid=Grid.MINMAX)
    assert Scheme.integer(4, PerTensor(), grid=Grid.RANGE).shift == Offset(HALF)
    for grid, zero, said in [
        (Grid.HALF, True, "Integers on grid HALF and a zero point: allowed are MINMAX, RANGE."),
        (Grid.UNIT, False, "Integers on grid UNIT: allowed are ABSMAX, HALF, SIGNED_MAX, MINMAX, RANGE."),
    ]:
        with pytest.raises(SchemeError) as caught:
            Scheme.integer(4, PerTensor(), grid=grid, zero_point=zero)
        assert caught.value.text.en == said
    with pytest.raises(SchemeError, match=r"Scheme\.integer, grid: got"):
        Scheme.integer(4, PerTensor(), grid="half")  # type: ignore[arg-type]


@each("grid", Grid)
@each("shift", SHIFTS)
def test_a_grid_and_its_shift_go_together(grid: Grid, shift: Zero | Offset | None) -> None:
    if type(shift) in SHIFT_OF[grid]:
        assert build(grid, FITTING[grid], shift).shift == shift
        return
    with pytest.raises(SchemeError) as caught:
        build(grid, FITTING[grid], shift)
    assert caught.value.text.es == (
        f"La rejilla {grid.name} y el punto cero o el desplazamiento van juntos: MINMAX lleva punto cero; RANGE y "
        "CENTRED, desplazamiento; SEARCH, desplazamiento o nada; las demás, nada."
    )
    assert caught.value.text.en == (
        f"Grid {grid.name} and zero point or offset go together: MINMAX takes a zero point; RANGE and CENTRED an "
        "offset; SEARCH an offset or nothing; the others nothing."
    )


@each(
    "grid, allowed",
    [
        (Grid.ABSMAX, f"{INTEGERS}, {SMALL_FLOATS}, {TABLES}"),
        (Grid.CENTRED, f"{INTEGERS}, {SMALL_FLOATS}, {TABLES}"),
        (Grid.MINMAX, UNSIGNED),
        (Grid.RANGE, UNSIGNED),
        (Grid.SIGNED_MAX, INTEGERS),
        (Grid.HALF, INTEGERS),
        (Grid.POWER_OF_TWO, SMALL_FLOATS),
        (Grid.POWER_OF_TWO_GGML, SMALL_FLOATS),
        (Grid.ABSMAX_GGML, "float4_e2m1fn"),
        (Grid.UNIT, f"float16, bfloat16, {SMALL_FLOATS}"),
        (Grid.SEARCH, ", ".join(ELEMENTS)),
    ],
)
def test_an_element_that_the_grid_cannot_use_is_refused_with_those_it_can(grid: Grid, allowed: str) -> None:
    shift = next(s for s in SHIFTS if type(s) in SHIFT_OF[grid])
    names = allowed.split(", ")
    assert set(names) <= set(FORMATS)
    for name in FORMATS:
        if name in names:
            assert build(grid, name, shift).element is FORMATS[name]
            continue
        with pytest.raises(SchemeError) as caught:
            build(grid, name, shift)
        assert caught.value.text.es == f"Con la rejilla {grid.name}, elemento = {name}: se permite {allowed}."
        assert caught.value.text.en == f"With grid {grid.name}, element = {name}: allowed are {allowed}."


SCALES = (
    "float32, float16, bfloat16, float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e3m4, "
    "float8_e8m0fnu"
)


@each("scale", [*FORMATS, None])
def test_scales_are_floats_of_whole_bytes(scale: str | None) -> None:
    stored = FORMATS[scale] if scale else None
    if scale in SCALES.split(", "):
        assert build(Grid.ABSMAX, "int4", None, stored).scale is stored
        return
    with pytest.raises(SchemeError) as caught:
        build(Grid.ABSMAX, "int4", None, stored)
    assert caught.value.text.es == f"Con la rejilla ABSMAX, escala = {scale or '—'}: se permite {SCALES}."
    assert caught.value.text.en == f"With grid ABSMAX, scale = {scale or '—'}: allowed are {SCALES}."


def test_a_plain_cast_has_no_scale() -> None:
    assert build(Grid.UNIT, "float16", None, None).scale is None
    with pytest.raises(SchemeError) as caught:
        Scheme(FORMATS["float16"], PerTensor(), Grid.UNIT, FORMATS["float32"])
    assert caught.value.text.en == "With grid UNIT, scale = float32: allowed are —."


def test_ggmls_rounding_of_scales_is_of_e4m3_alone() -> None:
    with pytest.raises(SchemeError) as caught:
        build(Grid.ABSMAX_GGML, "float4_e2m1fn", None, FORMATS["float8_e5m2"])
    assert caught.value.text.en == "With grid ABSMAX_GGML, scale = float8_e5m2: allowed are float8_e4m3fn."


def test_scales_may_be_stored_by_a_scheme_in_turn() -> None:
    inner = Scheme(FORMATS["float8_e4m3fn"], PerTensor(), Grid.ABSMAX, FORMATS["float32"])
    outer = Scheme(FORMATS["float4_e2m1fn"], PerGroup(16), Grid.ABSMAX, inner)
    assert outer.scale is inner
    assert outer.block == 16
    sub = Scheme(FORMATS["uint6"], PerGroup(8), Grid.SEARCH)
    assert Scheme(FORMATS["uint4"], PerGroup(32), Grid.SEARCH, sub, Offset(sub)).block == 256
    assert Scheme.integer(4, PerChannel()).block == 1


@each("bits, symmetric, asymmetric", [(2, 3, 4), (4, 15, 16), (8, 255, 256)])
def test_absmax_leaves_one_level_out(bits: int, symmetric: int, asymmetric: int) -> None:
    assert Scheme.integer(bits, PerTensor()).levels == symmetric
    assert Scheme.integer(bits, PerTensor(), zero_point=True).levels == asymmetric
    assert build(Grid.SIGNED_MAX, f"int{bits}", None).levels == asymmetric


@each(
    "element, levels",
    [("float4_e2m1fn", 15), ("float8_e4m3fn", 253), ("float8_e5m2", 247), ("float8_e4m3fnuz", 255), ("nf4", 16),
     ("fp4_bnb", 15), ("iq4", 16), ("dynamic8", 256), ("ternary", 3), ("midrise2", 4), ("binary", 2)],
)  # fmt: skip
def test_levels_count_values_not_codes(element: str, levels: int) -> None:
    assert build(Grid.ABSMAX, element, None).levels == levels


@each(
    "scheme, shape, expected",
    [
        (Scheme.integer(4, PerGroup(64)), (768, 768), 4.25),  # 4 + 16 / 64
        (Scheme.integer(4, PerGroup(64), zero_point=True), (768, 768), 4.3125),  # 4 + (16 + 4) / 64
        (Scheme.integer(2, PerGroup(16), zero_point=True, scale=FORMATS["float32"]), (4, 32), 4.125),  # 2 + 34 / 16
        # Six zero points of 2 bits end on a byte: 24 + 24 + 2 bytes.
        (Scheme.integer(2, PerGroup(16), zero_point=True, scale=FORMATS["float32"]), (3, 32), 8 * 50 / 96),
        (Scheme.integer(8, PerChannel()), (768, 128), 8.125),  # 8 + 16 / 128
        (Scheme.integer(3, PerTensor(), scale=FORMATS["bfloat16"]), (4, 8), 3.5),  # 3 + 16 / 32
        (Scheme.integer(8, PerTensor(), scale=FORMATS["float32"]), (1, 1), 40.0),
        (Scheme.integer(3, PerTensor()), (1, 1), 24.0),  # a byte for the code, two for the scale
        (build(Grid.UNIT, "bfloat16", None), (3, 5), 16.0),
        (build(Grid.UNIT, "float6_e3m2fn", None), (4, 8), 6.0),
        (Scheme(FORMATS["uint4"], PerGroup(32), Grid.RANGE, shift=Offset(HALF)), (4, 64), 5.0),  # 4 + (16 + 16) / 32
        (
            Scheme(FORMATS["nf4"], Flat(64), scale=FORMATS["float32"]),
            (3, 50),
            4 + 32 * 3 / 150,
        ),  # the last run is short
    ],
)
def test_a_weight_costs_its_code_and_its_share_of_the_scale(
    scheme: Scheme, shape: tuple[int, int], expected: float
) -> None:
    assert bits_per_weight(scheme, shape) == expected


def test_equal_schemes_are_one_key() -> None:
    assert len({Scheme.integer(4, PerGroup(64)), Scheme.integer(4, PerGroup(64)), Scheme.integer(4, PerGroup(32))}) == 2
