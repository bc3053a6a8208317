"""What a scheme may be, how it cuts a matrix, and what a weight costs."""

from __future__ import annotations

import pytest

from quant.errors import SchemeError
from quant.formats import FORMATS
from quant.packing import bits_per_weight
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme, Zero


@pytest.mark.parametrize(
    ("granularity", "groups"),
    [(PerTensor(), (1, 1, 768)), (PerChannel(), (4, 1, 192)), (PerGroup(64), (4, 3, 64)), (PerGroup(192), (4, 1, 192))],
)
def test_a_matrix_is_cut_along_its_inputs(granularity: Granularity, groups: tuple[int, int, int]) -> None:
    assert granularity.groups((4, 192)) == groups


@pytest.mark.parametrize("size", [-16, 0, 15, 257, 1024, 64.0, "64", None])
def test_a_group_size_out_of_range_is_refused_with_the_allowed_range(size: object) -> None:
    with pytest.raises(SchemeError) as caught:
        PerGroup(size)  # type: ignore[arg-type]
    assert caught.value.text.es == f"Has pedido grupos de {size}; tiene que ser un entero de 16 a 256."
    assert caught.value.text.en == f"Groups of {size} were asked for; it must be a whole number from 16 to 256."


@pytest.mark.parametrize("size", [16, 17, 256])
def test_every_size_from_16_to_256_may_be_asked_for(size: int) -> None:
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


@pytest.mark.parametrize("bits", [0, 1, 9, 2.5])
@pytest.mark.parametrize("zero_point", [False, True])
def test_bits_out_of_range_make_no_scheme(bits: int, zero_point: bool) -> None:
    with pytest.raises(SchemeError, match=r"it must be a whole number from 2 to 8\."):
        Scheme.integer(bits, PerTensor(), zero_point=zero_point)


def test_absmax_takes_signed_codes_and_min_max_a_zero_point() -> None:
    symmetric = Scheme.integer(4, PerChannel())
    assert (symmetric.element.name, symmetric.grid, symmetric.shift) == ("int4", Grid.ABSMAX, None)
    asymmetric = Scheme.integer(4, PerChannel(), zero_point=True)
    assert (asymmetric.element.name, asymmetric.grid, asymmetric.shift) == ("uint4", Grid.MINMAX, Zero())
    assert symmetric.scale.name == asymmetric.scale.name == "float16"


@pytest.mark.parametrize(("grid", "shift"), [(Grid.ABSMAX, Zero()), (Grid.MINMAX, None)])
def test_a_zero_point_goes_with_min_max_alone(grid: Grid, shift: Zero | None) -> None:
    with pytest.raises(SchemeError) as caught:
        Scheme(FORMATS["int4"], PerTensor(), grid, shift=shift)
    assert caught.value.text.es.startswith(f"La rejilla {grid.name} y el punto cero van juntos")
    assert caught.value.text.en.startswith(f"Grid {grid.name} and zero point go together")


@pytest.mark.parametrize(
    ("element", "grid", "shift", "allowed"),
    [
        ("uint4", Grid.ABSMAX, None, "int2, int3, int4, int5, int6, int7, int8"),
        ("float16", Grid.ABSMAX, None, "int2, int3, int4, int5, int6, int7, int8"),
        ("int4", Grid.MINMAX, Zero(), "uint2, uint3, uint4, uint5, uint6, uint7, uint8"),
    ],
)
def test_an_element_that_the_grid_cannot_use_is_refused(
    element: str, grid: Grid, shift: Zero | None, allowed: str
) -> None:
    with pytest.raises(SchemeError) as caught:
        Scheme(FORMATS[element], PerTensor(), grid, shift=shift)
    assert caught.value.text.es == f"Con la rejilla {grid.name}, elemento = {element}: se permite {allowed}."
    assert caught.value.text.en == f"With grid {grid.name}, element = {element}: allowed are {allowed}."


def test_scales_are_floats() -> None:
    with pytest.raises(SchemeError) as caught:
        Scheme.integer(4, PerTensor(), scale=FORMATS["int8"])
    assert caught.value.text.es == "Con la rejilla ABSMAX, escala = int8: se permite float32, float16, bfloat16."
    assert caught.value.text.en == "With grid ABSMAX, scale = int8: allowed are float32, float16, bfloat16."


@pytest.mark.parametrize(("bits", "symmetric", "asymmetric"), [(2, 3, 4), (4, 15, 16), (8, 255, 256)])
def test_absmax_leaves_one_level_out(bits: int, symmetric: int, asymmetric: int) -> None:
    assert Scheme.integer(bits, PerTensor()).levels == symmetric
    assert Scheme.integer(bits, PerTensor(), zero_point=True).levels == asymmetric


@pytest.mark.parametrize(
    ("scheme", "shape", "expected"),
    [
        (Scheme.integer(4, PerGroup(64)), (768, 768), 4.25),  # 4 + 16 / 64
        (Scheme.integer(4, PerGroup(64), zero_point=True), (768, 768), 4.3125),  # 4 + (16 + 4) / 64
        (Scheme.integer(2, PerGroup(16), zero_point=True, scale=FORMATS["float32"]), (3, 32), 4.125),  # 2 + 34 / 16
        (Scheme.integer(8, PerChannel()), (768, 128), 8.125),  # 8 + 16 / 128
        (Scheme.integer(3, PerTensor(), scale=FORMATS["bfloat16"]), (4, 8), 3.5),  # 3 + 16 / 32
        (Scheme.integer(8, PerTensor(), scale=FORMATS["float32"]), (1, 1), 40.0),
    ],
)
def test_a_weight_costs_its_code_and_its_share_of_the_scale(
    scheme: Scheme, shape: tuple[int, int], expected: float
) -> None:
    assert bits_per_weight(scheme, shape) == expected


def test_equal_schemes_are_one_key() -> None:
    assert len({Scheme.integer(4, PerGroup(64)), Scheme.integer(4, PerGroup(64)), Scheme.integer(4, PerGroup(32))}) == 2
