"""How what comes into a layer is rounded, against torch's own and a loop."""

from __future__ import annotations

import pytest
import torch

from quant.activations import Activations, Per
from quant.errors import SchemeError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.quality import evaluate
from quant.formats import FORMATS
from quant.kernels import reference
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerGroup, Scheme
from quant.texts import EvalText, own_text

X = torch.randn(7, 64, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 1, 1, 50, 1e-3, 0, 1.0])[:, None]


def test_integers_are_rounded_as_torch_does() -> None:
    for bits in (2, 4, 8):
        for per in Per:
            kind = Activations(FORMATS[f"int{bits}"], per)
            rows = X if per is Per.TOKEN else X.view(1, -1)
            highest = 2 ** (bits - 1) - 1
            scales = [float(row.abs().max()) / highest or 1.0 for row in rows]
            fake = torch.fake_quantize_per_tensor_affine
            want = torch.stack([fake(row, s, 0, -highest, highest) for row, s in zip(rows, scales, strict=True)])
            want = want.view_as(X)
            torch.testing.assert_close(kind.rounded(X), want, rtol=1e-5, atol=1e-6, msg=kind.name)


def test_int8_per_token_is_what_the_kernels_compute_with() -> None:
    digits, scale = reference.int8_activations(X)
    assert torch.equal(Activations.INT8.rounded(X), digits * scale)


def test_tables_are_rounded_to_their_nearest_value() -> None:
    kind = Activations(FORMATS["float4_e2m1fn"])
    values = FORMATS["float4_e2m1fn"].values
    assert values is not None
    scale = X.abs().amax(-1, keepdim=True) / 6
    apart = ((X / scale).unsqueeze(-1) - values).abs().amin(-1)
    got = kind.rounded(X)
    torch.testing.assert_close((got / scale - X / scale).nan_to_num().abs(), apart.nan_to_num(), rtol=1e-4, atol=1e-5)


def test_a_static_scale_is_what_calibration_saw_and_beyond_it_inputs_saturate() -> None:
    kind = Activations(FORMATS["int8"], Per.TENSOR, static=True)
    got = kind.rounded(X, torch.tensor(2.0))
    assert float(got.abs().max()) == 2.0
    inside = X.abs() <= 2
    torch.testing.assert_close(got[inside], (X[inside] / (2 / 127)).round() * (2 / 127))


def test_float_is_left_as_it_is() -> None:
    assert Activations.FLOAT.rounded(X) is X
    assert Activations() == Activations.FLOAT
    assert {Activations.FLOAT.name, Activations.INT8.name} == {"float", "int8"}
    assert Activations(FORMATS["int4"], Per.TENSOR, static=True).name == "int4 per tensor, static"


def test_what_cannot_be_is_refused() -> None:
    for fields, said in [
        ((FORMATS["uint8"],), "cannot be rounded to uint8"), ((FORMATS["float16"],), "cannot be rounded to float16"),
        ((None, Per.TENSOR), "in float32 have no scale"), ((FORMATS["int8"], Per.TOKEN, True), "one for all"),
    ]:  # fmt: skip
        with pytest.raises(SchemeError, match=said):
            Activations(*fields)


def test_a_scale_for_all_that_comes_in_is_not_shared_with_padding_or_other_windows(tiny: LoadedModel) -> None:
    """`evaluate` reads several windows at once where it may; `compare` never does: both have to say the same."""
    kind = Activations(FORMATS["int4"], Per.TENSOR)
    assert kind.shared
    assert not Activations(FORMATS["int4"]).shared
    small = quantize_model(tiny, Recipe.uniform(Scheme.integer(8, PerGroup(64)), activations=kind))
    documents = ("El tren que va a Sevilla. " * 9, "Hola.", "Me gusta mucho el mar, y las tardes de lluvia. " * 3)
    text = EvalText("own", own_text("uno dos").title, documents)
    scored = compare(Reference(tiny, text), small).quantized
    assert evaluate(small, text).nats == pytest.approx(scored.nats, rel=1e-5)
