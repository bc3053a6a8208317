"""The step with activations rounded to 8 bits against the definition: in whole numbers where there is a kernel."""

from __future__ import annotations

from functools import partial
from unittest import mock

import pytest
import torch
from cases import each
from transformers import GPT2Config, GPT2LMHeadModel

from quant.activations import Activations
from quant.formats import FORMATS
from quant.kernels import compiled, native
from quant.kernels.compiled import NativeMatrix
from quant.kernels.matrix import PackedMatrix
from quant.methods import quantize
from quant.model.load import LoadedModel
from quant.model.skeleton import turn_conv1d
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.run import step
from quant.run.reader import reader
from quant.scheme import Granularity, PerChannel, PerGroup, PerTensor, Scheme
from quant.text import Text

IDS = [3, 14, 15, 92, 65]
TOKENS = range(0, 100, 11)
GRANULARITIES: list[Granularity] = [PerTensor(), PerChannel(), *map(PerGroup, (64, 32, 16, 8))]


@pytest.fixture(scope="module", params=[256, 192], ids="width {}".format)
def original(request: pytest.FixtureRequest) -> LoadedModel:
    """Rows that are whole vectors of packed codes at any number of bits, and rows that are not (2 and 4 bits)."""
    torch.manual_seed(5)
    config = GPT2Config(
        vocab_size=103, n_positions=32, n_embd=request.param, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    turn_conv1d(model)
    model.tie_weights()
    return LoadedModel("one", model, None, Text("", ""), "")  # type: ignore[arg-type]


def alone(model: GPT2LMHeadModel) -> torch.Tensor:
    """Logits [tokens, vocabulary] of some tokens, each read by itself."""
    return torch.cat([reader(model, 2).read([i]) for i in TOKENS])


@pytest.mark.slow
@pytest.mark.skipif(not compiled.available(), reason="no compiler here")
@each("embedding", [True, False])
@each("granularity", GRANULARITIES)
@each("bits", range(2, 9))
def test_rounded_activations_are_the_definition(
    original: LoadedModel, bits: int, granularity: Granularity, embedding: bool
) -> None:
    """By the loops for this processor, and by those for any."""
    recipe = Recipe.uniform(Scheme.integer(bits, granularity), table=embedding, activations=Activations.INT8)
    model = quantize_model(original, recipe).model
    plain = alone(quantize_model(original, Recipe.uniform(recipe.rules[-1].scheme, table=embedding)).model)
    assert step.supports(model)
    with mock.patch.object(compiled, "available", return_value=False):
        want = alone(model)
    for portable in (False, True):
        with mock.patch.object(step, "NativeGpt2", partial(step.NativeGpt2, portable=portable)):
            got = alone(model)
        # Float noise of 1e-6 tips a digit over now and then, which moves one input by a 127th and all logits a little.
        apart = ((got - want).abs() / want.abs().amax()).amax(-1)
        assert int((apart > 1e-4).sum()) <= 1, f"portable={portable}"
        assert float(apart.max()) < 0.05, f"portable={portable}"
        assert int(((plain - got).abs().amax(-1) > 1e-3).sum()) == len(TOKENS), f"portable={portable}"


@pytest.mark.skipif(not compiled.available(), reason="no compiler here")
@each("zero_point", [True, False])
def test_one_token_at_a_time_is_several_at_once(original: LoadedModel, zero_point: bool) -> None:
    """Digits and sums do not depend on how many tokens are read."""
    scheme = Scheme.integer(4, PerGroup(64), zero_point=zero_point)
    model = quantize_model(original, Recipe.uniform(scheme, activations=Activations.INT8)).model
    one, several = reader(model, 8), reader(model, 8)
    got = torch.cat([one.read([i]) for i in IDS])
    torch.testing.assert_close(got, several.read(IDS, every=True), rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(not compiled.available(), reason="no compiler here")
def test_what_is_not_a_number_stays_so(original: LoadedModel) -> None:
    recipe = Recipe.uniform(Scheme.integer(4, PerGroup(64)), activations=Activations.INT8)
    model = quantize_model(original, recipe).model
    bias = model.transformer.h[0].ln_1.bias.data
    before = bias[3].item()
    try:
        bias[3] = float("nan")
        assert reader(model, 8).read(IDS).isnan().all()
    finally:
        bias[3] = before


@pytest.mark.skipif(native.decoder() is None, reason="no compiler here")
def test_which_matrices_have_a_kernel() -> None:
    """By columns of 256 and 192: any processor's loops want 16 bytes of a run."""
    library = native.decoder()
    assert library is not None
    taken = {}
    for columns in (256, 192):
        weight = torch.randn(8, columns, generator=torch.Generator().manual_seed(1))
        for scheme in (
            *(Scheme.integer(bits, g) for bits in range(2, 9) for g in GRANULARITIES),
            Scheme.integer(4, PerGroup(64), zero_point=True),
            Scheme(FORMATS["nf4"], PerGroup(64)),
        ):
            for portable in (False, True):
                matrix = NativeMatrix(PackedMatrix.of(quantize(weight, scheme)), portable=portable)
                taken[columns, scheme, portable] = bool(library.has_whole(matrix))
    integers = {Scheme.integer(bits, g) for bits in range(2, 9) for g in GRANULARITIES}
    portable = {(columns, scheme) for columns, scheme, plain in taken if plain and taken[columns, scheme, plain]}
    assert portable == {(c, s) for c in (256, 192) for s in integers if run(s, c) >= 16 * parts(s, c)}
    own = {(columns, scheme) for columns, scheme, plain in taken if not plain and taken[columns, scheme, plain]}
    assert own in (portable, {(c, s) for c in (256, 192) for s in integers})  # with AVX-512's instructions all


def run(scheme: Scheme, columns: int) -> int:
    """Weights that share a scale, within a row."""
    return scheme.granularity.size if isinstance(scheme.granularity, PerGroup) else columns


def parts(scheme: Scheme, columns: int) -> int:
    """Codes that come out of a byte by shifts: where rows are blocks of 64 bytes, and runs whole words."""
    bits = scheme.element.code_bits
    shifted = bits in (2, 4) and columns % (512 // bits) == 0 and run(scheme, columns) % (32 // bits) == 0
    return 8 // bits if shifted else 1
