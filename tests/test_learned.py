"""Values that a matrix brings itself: tables on the QTensor, never taken for each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from quant.errors import SchemeError
from quant.evaluation.weights import rounding_sample, weight_view
from quant.formats import FORMATS, NumberFormat, learned_format
from quant.kernels import compiled, cpu
from quant.kernels.matrix import PackedMatrix
from quant.methods import METHODS, quantize
from quant.nearest import Ties
from quant.packing import Layout
from quant.qtensor import QTensor
from quant.scheme import Flat, Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.weight import QuantWeight


def learned(bits: int, granularity: Granularity, seed: int = 0, shape: tuple[int, int] = (12, 64)) -> QTensor:
    g = torch.Generator().manual_seed(seed)
    scheme = Scheme(learned_format(bits), granularity, Grid.LEARNED, None)
    rows, groups, _ = scheme.groups(shape)
    tables = torch.randn(rows * groups, 2**bits, generator=g).half().float().sort().values
    return QTensor(torch.randint(2**bits, shape, generator=g).byte(), None, None, scheme, table=tables)


def by_loop(q: QTensor) -> Tensor:
    assert q.table is not None
    each = q.codes.numel() // len(q.table)
    flat = [float(q.table[place // each, code]) for place, code in enumerate(q.codes.view(-1).tolist())]
    return torch.tensor(flat).view(q.shape)


CASES: list[tuple[int, Granularity]] = [
    *((bits, granularity) for bits in range(2, 9) for granularity in (PerTensor(), PerChannel())),
    *((bits, PerGroup(size)) for bits in range(2, 5) for size in (16, 32, 64) if 2**bits < size),
]


def test_they_decode_pack_unpack_and_multiply() -> None:
    x = torch.randn(5, 64, generator=torch.Generator().manual_seed(9))
    for bits, granularity in CASES:
        q, where = learned(bits, granularity), (bits, granularity)
        assert torch.equal(q.dequantize(), by_loop(q)), where
        layout = Layout(q.scheme)
        data = layout.pack(q)
        size = {PerTensor(): 12 * 64, PerChannel(): 64}.get(granularity) or granularity.size  # type: ignore[union-attr]
        assert len(data) == layout.nbytes(q.shape) == 12 * 64 * bits // 8 + 2 * (12 * 64 // size) * 2**bits, where
        again = layout.unpack(data, q.shape)
        assert again.table is not None
        assert torch.equal(again.codes, q.codes), where
        assert torch.equal(again.table, q.table), where
        held = cpu.hold(q)
        packed = PackedMatrix.of(q)
        assert packed.nbytes == len(data), where
        assert torch.equal(packed.rows(3, 7), by_loop(q)[3:7]), where
        assert torch.equal(held.rows(3, 7), by_loop(q)[3:7]), where
        assert torch.equal(held.quantized().q.dequantize(), by_loop(q)), where
        for n in (1, 5):
            want = functional.linear(x[:n], by_loop(q))
            torch.testing.assert_close(cpu.linear(x[:n], held), want, rtol=1e-4, atol=1e-4, msg=str(where))


@pytest.mark.skipif(not compiled.available(), reason="no compiler here")
def test_one_table_for_a_matrix_goes_through_the_compiled_kernels() -> None:
    for bits in range(2, 9):
        assert cpu.kernel(cpu.hold(learned(bits, PerTensor()))) is cpu.COMPILED, bits
        assert cpu.kernel(cpu.hold(learned(bits, PerChannel()))) is cpu.EXPANDED, bits
        if bits < 5:
            assert cpu.kernel(cpu.hold(learned(bits, PerGroup(32)))) is cpu.EXPANDED, bits


def test_two_tables_of_one_width_are_never_taken_for_each_other() -> None:
    """Held at once, decoded and multiplied in turn: caches of tables are keyed by formats."""
    pair = [learned(4, PerTensor(), seed) for seed in (1, 2)]
    held = [cpu.hold(replace(q, codes=pair[0].codes)) for q in pair]
    x = torch.eye(64)
    for _ in range(2):
        for h, q in zip(held, pair, strict=True):
            assert q.table is not None
            want = q.table[0][pair[0].codes.long()]
            assert torch.equal(h.rows(), want)
            torch.testing.assert_close(cpu.linear(x, h), want.t())


def test_formats_with_other_values_are_other_formats() -> None:
    a, b = (NumberFormat("mine", 2, "", torch.tensor(v)) for v in ([-1.0, 0, 1, 2], [-1.0, 0, 1, 9]))
    assert a != b
    assert a == NumberFormat("mine", 2, "", torch.tensor([-1.0, 0, 1, 2]))
    x = torch.tensor([1.9, 8.0])
    assert a.nearest(x, Ties.EVEN).tolist() == [3, 3]
    assert b.nearest(x, Ties.EVEN).tolist() == [2, 3]
    assert FORMATS["uint4"] != learned_format(4)


def test_what_cannot_be_is_refused() -> None:
    four = learned_format(4)
    for make, said in [
        (lambda: Scheme(four, Flat(64), Grid.LEARNED, None), "for a row or for a group of a row"),
        (lambda: Scheme(four, PerGroup(16), Grid.LEARNED, None), "16 values for each group of 16 weights"),
        (lambda: Scheme(four, PerTensor()), "With grid ABSMAX, element = learned4"),
        (lambda: Scheme(FORMATS["int4"], PerTensor(), Grid.LEARNED, None), "With grid LEARNED, element = int4"),
        (lambda: Scheme(four, PerTensor(), Grid.LEARNED), "scale = float16"),
        (lambda: learned_format(9), "9 bits were asked for"),
        (lambda: quantize(torch.ones(4, 64), Scheme(four, PerTensor(), Grid.LEARNED, None)), "searches for its values"),
    ]:  # fmt: skip
        with pytest.raises(SchemeError, match=said):
            make()
    assert not METHODS["search"].fits(Scheme(four, PerTensor(), Grid.LEARNED, None))


def test_pesos_and_inicio_show_the_values_of_the_table() -> None:
    q = learned(3, PerTensor())
    assert q.table is not None
    weight = q.dequantize() + 0.01
    view, sample = weight_view(weight, QuantWeight(q)), rounding_sample(weight, QuantWeight(q))
    assert sorted(view.code_values.tolist()) == sorted(set(q.table[0].double().tolist()))
    assert view.largest_error == pytest.approx(0.01, rel=1e-3)
    assert sample.grid.tolist() == sorted(q.table[0].tolist())
    row = learned(3, PerChannel())
    assert rounding_sample(row.dequantize(), QuantWeight(row)).grid.tolist() == sorted(row.table[0].tolist())  # type: ignore[index]
    group = learned(3, PerGroup(16))
    view = weight_view(group.dequantize(), QuantWeight(group))
    assert view.occupancy.tolist() == [float((group.codes[0, :16] == code).sum()) / 16 for code in range(8)]
    assert view.stored_bytes == 12 * 64 * 3 // 8 + 48 * 16
