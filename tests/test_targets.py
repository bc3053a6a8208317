"""What runs what: each format named is one of this project, each row has its sources, names lead back to schemes."""

from __future__ import annotations

from itertools import product

import pytest

from quant.advice.sizes import activations_named
from quant.blocks import BLOCKS
from quant.errors import SchemeError
from quant.format_names import CASTS, format_name, scheme_named
from quant.scheme import Grid, PerChannel, PerGroup, PerTensor, Scheme, Zero
from quant.targets import LEAST_MANY, MOST_FEW, TARGETS


def test_every_format_of_a_target_is_a_format_of_this_project() -> None:
    for target in TARGETS.values():
        assert len(set(target.formats)) == len(target.formats), target.name
        for name in target.formats:
            if name != "*":
                assert format_name(scheme_named(name)) == name, (target.name, name)
        for pair in target.both:
            assert scheme_named(pair.weights)
            assert activations_named(pair.activations).name == pair.activations


def test_every_row_says_why_and_where_from() -> None:
    for name, target in TARGETS.items():
        assert target.name == name
        assert target.why.es != target.why.en
        assert bool(target.sources) is (name != "page")
        for source in target.sources:
            assert source.url.startswith("https://")
            assert len(source.read) == len("2026-11")
    assert MOST_FEW < LEAST_MANY


def test_who_reads_what() -> None:
    for target, weights, activations, said in (
        ("llama.cpp", "Q4_K", "float", True), ("llama.cpp", "NVFP4", "float", False),
        ("llama.cpp", "Q4_K", "int8", False), ("apple", "int4 g64 offset", "float", True),
        ("apple", "TQ1_0", "float", False), ("browser", "int4 g32", "float", True), ("browser", "Q4_K", "float", False),
        ("nvidia-turing-ampere", "int8 channel", "int8", True),
        ("nvidia-turing-ampere", "float8_e4m3fn channel", "float8_e4m3fn", False),
        ("nvidia-ada-hopper", "float8_e4m3fn channel", "float8_e4m3fn", True),
        ("nvidia-ada-hopper", "NVFP4", "NVFP4", False), ("nvidia-blackwell", "NVFP4", "NVFP4", True),
        ("nvidia-blackwell", "NVFP4", "MXFP4", False), ("page", None, "int8", True), ("apple", None, "float", False),
    ):  # fmt: skip
        assert TARGETS[target].reads(weights, activations) is said, (target, weights, activations)


def test_names_and_schemes_lead_to_each_other() -> None:
    names = [*BLOCKS, *CASTS]
    names += [f"int{b} {per}" for b, per in product((2, 4, 8), ("tensor", "channel", "g32", "g256"))]
    names += [
        f"int{b} {per} {grid}" for b, per, grid in product((3, 8), ("channel", "g64"), ("zero", "offset", "half"))
    ]
    names += ["int5 g32 signed", "float8_e5m2 tensor", "float4_e2m1fn g32", "learned3 channel", "learned8 tensor"]
    schemes = [scheme_named(name) for name in names]
    assert len(set(schemes)) == len(names)
    assert [format_name(scheme) for scheme in schemes] == names
    assert scheme_named("int4 g64 zero") == Scheme.integer(4, PerGroup(64), zero_point=True)
    assert isinstance(scheme_named("int4 g64 zero").shift, Zero)
    assert scheme_named("int8 channel") == Scheme.integer(8, PerChannel())
    assert scheme_named("float16").grid is Grid.UNIT
    odd = Scheme(scheme_named("int4 tensor").element, PerTensor(), scale=scheme_named("float8_e4m3fn tensor").element)
    assert format_name(odd) is None  # another format of scales has no name


def test_what_no_name_is_is_said() -> None:
    for name in ("", "int4", "int9 g64", "int4 g7", "int4 g64 sideways", "float16 zero", "q4_k", "learned4 g1", "g64"):
        with pytest.raises(SchemeError, match="int4 g128") as error:
            scheme_named(name)
        assert f"«{name}»" in error.value.text.es
