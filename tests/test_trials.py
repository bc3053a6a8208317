"""What a search takes for the values of rounding is what rounding gives, bit for bit, whole or in pieces."""

from __future__ import annotations

import pytest
import torch
from matrices import ALIGNED, BLOCK_SCHEMES, UNUSUAL, integers, label

from quant.formats import FORMATS
from quant.methods import rtn, trials
from quant.nearest import Ties
from quant.scheme import PerGroup, Scheme


def test_every_scheme_gives_what_rounding_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "CHUNK", 1024)
    weight, cut = torch.randn(12, 256, generator=torch.Generator().manual_seed(0)) * 0.02, 0
    weight[3], weight[4, :64], weight[5], weight[6] = 0, 0, weight[5].abs(), -weight[6].abs() * 1e-9
    before = weight.clone()
    for scheme in (*integers(ALIGNED), *UNUSUAL, *BLOCK_SCHEMES, Scheme(FORMATS["int4"], PerGroup(64), ties=Ties.AWAY)):
        if not rtn.METHOD.fits(scheme):
            continue
        parts = list(trials.pieces((12, 256), scheme))
        made = torch.cat([trials.rounded_(weight[rows] * 1.0, scheme) for rows in parts])
        assert torch.equal(made, rtn.quantize(weight, scheme).dequantize()), label(scheme)
        assert torch.equal(weight, before)
        cut += len(parts) > 1
    assert cut > 50


def test_where_a_grid_crosses_rows_there_is_one_piece() -> None:
    crossing = [s for s in (*integers(ALIGNED), *UNUSUAL) if not trials._in_rows(s)]
    assert crossing
    assert all(list(trials.pieces((4096, 4096), s)) == [slice(0, 4096)] for s in crossing)
