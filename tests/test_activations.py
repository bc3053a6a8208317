"""How what comes into a layer is rounded, against torch's own, ggml's, ml_dtypes' and a loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from torch import Tensor

from quant.activations import ACTIVATIONS, Activations, Per
from quant.blocks import BLOCKS
from quant.errors import SchemeError
from quant.evaluation.compare import Reference, compare
from quant.evaluation.quality import evaluate
from quant.formats import FORMATS
from quant.kernels import compiled, reference
from quant.model.load import LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Calibration, Recipe
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.run import step
from quant.run.reader import Gpt2Reader, OwnReader, Reader
from quant.scheme import Flat, PerGroup, PerTensor, Scheme
from quant.texts import EvalText, own_text

GGML = Path(__file__).parent / "golden" / "ggml.npz"
EIGHT = Scheme.integer(8, PerGroup(64))
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
    refused: list[tuple[tuple[Any, ...], str]] = [
        ((FORMATS["uint8"],), "cannot be rounded to uint8"), ((FORMATS["float16"],), "cannot be rounded to float16"),
        ((None, Per.TENSOR), "in float32 have no scale"), ((FORMATS["int8"], Per.TOKEN, True), "one for all"),
        ((FORMATS["int8"], Per.TOKEN, False, BLOCKS["MXFP4"].scheme), "already says its format"),
        ((None, Per.TENSOR, True, BLOCKS["NVFP4"].scheme), "its scales are dynamic"),
        ((None, Per.TENSOR, False, BLOCKS["MXFP4"].scheme), "no scale for all activations"),
        ((None, Per.TOKEN, False, BLOCKS["Q4_K"].scheme), "“Q4_K” does not do"),
        ((None, Per.TOKEN, False, Scheme.integer(4, PerGroup(32))), "stored in float32"),  # float16 would overflow
        ((None, Per.TOKEN, False, Scheme.integer(4, PerTensor(), scale=FORMATS["float32"])), "for each group or token"),
        ((None, Per.TOKEN, False, Scheme.integer(4, Flat(32), scale=FORMATS["float32"])), "for each group or token"),
    ]  # fmt: skip
    for fields, said in refused:
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


# ---- a scale for each block


def mxfp4(x: np.ndarray) -> np.ndarray:
    """OCP MX 1.0, 6.3, in float64."""
    blocks = x.reshape(-1, 32).astype(np.float64)
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log2(np.abs(blocks).max(1, keepdims=True))) - 2
    scale = 2.0 ** np.clip(exponent, -127, 127)
    return (_e2m1(blocks / scale) * scale).astype(np.float32).reshape(x.shape)


def nvfp4(x: np.ndarray) -> np.ndarray:
    """NVIDIA, arXiv:2509.25149, appendix C, of one token [in]."""
    blocks, scale_of_all = x.reshape(-1, 16), np.float32(np.abs(x).max() / np.float32(6 * 448)) or np.float32(1)
    scales = (np.abs(blocks).max(1, keepdims=True) / np.float32(6) / scale_of_all).astype(ml_dtypes.float8_e4m3fn)
    scale = scales.astype(np.float32) * scale_of_all
    values = _e2m1(np.divide(blocks, scale, out=np.zeros_like(blocks), where=scale > 0))
    return (values.astype(np.float32) * scale).reshape(x.shape)


def _e2m1(x: np.ndarray) -> np.ndarray:
    return x.clip(-6, 6).astype(np.float32).astype(ml_dtypes.float4_e2m1fn).astype(np.float64)


def test_blocks_are_what_ggml_and_ml_dtypes_make_of_the_same_numbers() -> None:
    with np.load(GGML) as golden:
        x, known = golden["x"], {name: golden[f"{name}.values"] for name in ("MXFP4", "NVFP4")}
    for name, want in known.items():
        got = Activations(scheme=BLOCKS[f"{name}_GGML"].scheme).rounded(torch.from_numpy(x))
        assert np.array_equal(got.numpy(), want), name
    for key, want in [("mxfp4", mxfp4(x)), ("nvfp4", np.stack([nvfp4(row) for row in x]))]:
        ours = ACTIVATIONS[key].rounded(torch.from_numpy(x)).numpy()
        # Two orders of dividing in float32: what lies on a tie to an ulp may fall on its other side.
        apart = ~np.isclose(ours, want, rtol=1e-6, atol=0)
        assert apart.mean() <= (0 if key == "mxfp4" else 1e-4), (key, apart.sum())


def test_integers_in_groups_are_rounded_as_torch_does() -> None:
    groups = X.view(-1, 32)
    scales = (groups.abs().amax(1) / 7).tolist()
    fake = torch.fake_quantize_per_tensor_affine
    want = torch.stack([fake(row, s or 1.0, 0, -7, 7) for row, s in zip(groups, scales, strict=True)]).view_as(X)
    torch.testing.assert_close(ACTIVATIONS["int4-g32"].rounded(X), want, rtol=1e-5, atol=1e-6)


def test_a_token_is_rounded_alike_beside_others_unless_they_share_a_scale() -> None:
    others = {"nvfp4 per tensor": Activations(scheme=BLOCKS["NVFP4"].scheme, per=Per.TENSOR)}
    for key, kind in (ACTIVATIONS | others).items():
        largest = torch.tensor(3.0) if kind.static else None
        together = kind.rounded(X, largest)
        alone = torch.cat([kind.rounded(row[None], largest) for row in X])
        assert kind.shared != torch.equal(together, alone), key
    assert [key for key, kind in ACTIVATIONS.items() if kind.shared] == ["int8-tensor"]


def test_what_is_not_finite_stays_so_and_spoils_no_other_token() -> None:
    spoilt = X.clone()
    spoilt[1, 3], spoilt[2, 40] = torch.inf, torch.nan
    for key, kind in ACTIVATIONS.items():
        if kind.scheme is not None:
            got = kind.rounded(spoilt)
            assert bool(got[1:3].isnan().all()), key
            assert torch.equal(got[3:], kind.rounded(X)[3:]), key


def test_every_kind_comes_back_from_json_and_what_an_older_version_wrote_opens() -> None:
    for key, kind in ACTIVATIONS.items():
        recipe = Recipe.uniform(EIGHT, activations=kind)
        written = recipe_to_json(recipe)
        assert recipe_from_json(written) == recipe, key
        if written.get("version") == 2 and kind.scheme is None:
            del written["activations"]["scheme"]
            assert recipe_from_json(written) == recipe, key


def test_a_width_that_blocks_do_not_divide_is_said_before_any_work(tiny: LoadedModel) -> None:
    kind = Activations(scheme=Scheme.integer(4, PerGroup(48), scale=FORMATS["float32"]))
    with pytest.raises(SchemeError, match=r"blocks of 48, and “transformer\.h\.0\.attn\.c_attn” has 64 inputs"):
        quantize_model(tiny, Recipe.uniform(EIGHT, activations=kind))


def _written(reader: Reader, ids: list[int]) -> Tensor:
    """float32 [n, vocabulary]: logits of a text that is read token by token."""
    return torch.cat([reader.read([i]) for i in ids])


def test_every_kind_is_scored_and_written_with_the_same_logits(tiny: LoadedModel) -> None:
    ids = torch.randint(1, 97, (12,), generator=torch.Generator().manual_seed(3)).tolist()
    for key, kind in ACTIVATIONS.items():
        recipe = Recipe.uniform(EIGHT, table=True, activations=kind,
                                calibration=Calibration(tokens=256) if kind.static else None)  # fmt: skip
        model = quantize_model(tiny, recipe).model
        assert step.supports(model) == (kind in (Activations.FLOAT, Activations.INT8)) or not compiled.available()
        with torch.no_grad():
            scored = model(torch.tensor([ids]), use_cache=False).logits[0].float()
        many = Gpt2Reader(model, len(ids)).read(ids, every=True)
        torch.testing.assert_close(many, scored, rtol=1e-3, atol=1e-3, msg=key)
        ours, own = _written(Gpt2Reader(model, len(ids)), ids), _written(OwnReader(model), ids)
        torch.testing.assert_close(ours, own, rtol=1e-3, atol=1e-3, msg=key)
        if not kind.shared:
            torch.testing.assert_close(ours, scored, rtol=1e-3, atol=1e-3, msg=key)
