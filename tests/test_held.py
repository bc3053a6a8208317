"""Every fast path with every kind of holder: what calling module by module gives.

The truth is transformers' own pass over the quantized model, which calls each module's `forward`; and of one module the
product with the matrix in effect, `held.rows()`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from quant.activations import Activations
from quant.evaluation.compare import Reference, compare
from quant.evaluation.drift import drift
from quant.formats import FORMATS
from quant.generation import Sampling, generate
from quant.kernels import compiled, cpu, prefill
from quant.kernels.expanded import Expanded
from quant.kernels.held import Held, Repaired
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix
from quant.methods import rtn
from quant.model.layers import Kind, Layer, census
from quant.model.load import LoadedModel
from quant.model.packed import QuantEmbedding, QuantLinear, packed_matrices, put, settle
from quant.qtensor import QTensor
from quant.quantization import structural_copy
from quant.run import forward, step
from quant.run.reader import reader
from quant.scheme import PerChannel, PerGroup, Scheme, Shape
from quant.speculate import speculate
from quant.texts import own_text
from quant.weight import Beside, LowRank, Outliers, QuantWeight

TEXT = "La ciudad de Madrid es la capital de España, y el tren que va a Sevilla sale dentro de un cuarto de hora. " * 3
FOUR = Scheme.integer(4, PerGroup(32), zero_point=True)
TORCH_FOUR = Scheme.integer(4, PerGroup(32))
EIGHT = Scheme.integer(8, PerChannel())


@dataclass(frozen=True, eq=False)
class Strange:
    """A holder of a type that no path knows; its codes stand for twice the weights, which only `rows` says."""

    inner: PackedMatrix

    @property
    def shape(self) -> Shape:
        return self.inner.shape

    @property
    def scheme(self) -> Scheme:
        return self.inner.scheme

    @property
    def nbytes(self) -> int:
        return self.inner.nbytes

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        return 2 * self.inner.rows(first, last)

    def parts(self) -> dict[str, Tensor]:
        return self.inner.parts()

    def quantized(self) -> QuantWeight:
        return self.inner.quantized()


class Subclassed(PackedMatrix):
    """A holder that a path may not take for what it descends from."""

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        return -super().rows(first, last)


def beside(weight: Tensor, *kinds: str) -> Beside:
    """Things of some size, so that leaving one out cannot pass."""
    g = torch.Generator().manual_seed(weight.shape[0])
    outputs, inputs = weight.shape
    columns = torch.randperm(inputs, generator=g)[:3].sort().values
    found: dict[str, object] = {
        "pre_scale": 0.5 + torch.rand(inputs, generator=g),
        "outliers": Outliers(columns, 3 * torch.randn(outputs, 3, generator=g)),
        "low_rank": LowRank(torch.randn(outputs, 2, generator=g), torch.randn(2, inputs, generator=g)),
    }
    return Beside(**{kind: found[kind] for kind in kinds})  # type: ignore[arg-type]


def repaired(*kinds: str, scheme: Scheme = FOUR) -> Callable[[Tensor], Held]:
    return lambda weight: cpu.hold(QuantWeight(rtn.quantize(weight, scheme), beside(weight, *kinds)))


def packed(weight: Tensor, scheme: Scheme = FOUR) -> PackedMatrix:
    return PackedMatrix.of(rtn.quantize(weight, scheme))


HOLDERS: dict[str, Callable[[Tensor], Held]] = {
    "packed": packed,
    "packed bytes": lambda weight: packed(weight, EIGHT),
    "int4pack": lambda weight: Int4Matrix.of(packed(weight, TORCH_FOUR)),
    "expanded": lambda weight: Expanded.of(packed(weight)),
    "pre-scale": repaired("pre_scale"),
    "outliers": repaired("outliers"),
    "low rank": repaired("low_rank"),
    "everything beside": repaired("pre_scale", "outliers", "low_rank", scheme=EIGHT),
    "beside int4pack": lambda weight: Repaired(Int4Matrix.of(packed(weight, TORCH_FOUR)), beside(weight, "outliers")),
    "beside expanded": lambda weight: Repaired(Expanded.of(packed(weight)), beside(weight, "outliers")),
    "strange": lambda weight: Strange(packed(weight)),
    "strange with something beside": lambda weight: Repaired(Strange(packed(weight)), beside(weight, "low_rank")),
    "subclassed": lambda weight: Subclassed(**vars(packed(weight))),
}  # fmt: skip
KNOWN_TO_THE_STEP = ("packed", "packed bytes")


def with_held(loaded: LoadedModel, make: Callable[[Tensor], Held], activations: Activations) -> LoadedModel:
    """The model with all its matrices in one kind of holder, the table (and so the head) included."""
    model = structural_copy(loaded.model)
    for layer in census(loaded):
        if layer.kind is not Kind.OTHER:
            place(model, layer, make(loaded.weight(layer.name)), activations)
    settle(model)
    return replace(loaded, model=model)


def held_by(loaded: LoadedModel) -> Held:
    """What one of its modules holds, as all of them do."""
    return next(held for _, _, held in packed_matrices(loaded.model))


def place(model: torch.nn.Module, layer: Layer, held: Held, activations: Activations) -> None:
    if layer.kind is Kind.TABLE:
        put(model, layer.name, QuantEmbedding(held))
        assert layer.tied_to is not None
        put(model, layer.tied_to, QuantLinear(held, None, activations))
    else:
        put(model, layer.name, QuantLinear(held, model.get_submodule(layer.name).bias, activations))


@pytest.fixture(params=["compiled", "nothing compiled"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "nothing compiled":
        for module, name in ((compiled, "available"), (prefill, "available"), (prefill, "has_int8")):
            monkeypatch.setattr(module, name, lambda: False)
    return str(request.param)


def logits_by_module(model: LoadedModel, ids: list[int]) -> Tensor:
    """float32 [n, vocabulary] by transformers' own pass, which calls every module."""
    with torch.no_grad():
        return model.model(torch.tensor([ids])).logits[0].float()


def is_rounded(held: Held) -> bool:
    """Whether few tokens go through torch's 4-bit operator, which rounds what goes in and comes out to bfloat16."""
    return type(held.base if isinstance(held, Repaired) else held) is Int4Matrix


def tolerance(held: Held) -> dict[str, float]:
    """Float32 sums in any order, or bfloat16."""
    return {"rtol": 0.05, "atol": 0.4} if is_rounded(held) else {"rtol": 1e-3, "atol": 1e-3}


ROUNDED = [Activations.INT8, Activations(FORMATS["int4"]), Activations(FORMATS["float8_e4m3fn"])]
CASES = [(name, Activations.FLOAT) for name in HOLDERS] + [
    (name, activations)
    for name in ("packed", "packed bytes", "expanded", "everything beside", "strange")
    for activations in ROUNDED
]


@pytest.mark.parametrize(("name", "activations"), CASES, ids=lambda value: getattr(value, "name", value))
def test_every_path_computes_what_the_modules_do(
    tiny: LoadedModel, machine: str, name: str, activations: Activations
) -> None:
    model = with_held(tiny, HOLDERS[name], activations)
    ids = tiny.tokenizer.encode(TEXT)[:30]
    want, close = logits_by_module(model, ids), tolerance(held_by(model))
    in_the_step = activations in (Activations.FLOAT, Activations.INT8)
    assert step.supports(model.model) is (name in KNOWN_TO_THE_STEP and in_the_step and machine == "compiled")
    # Scoring.
    hidden = forward.hidden(model.model, torch.tensor([ids]))[0]
    torch.testing.assert_close(forward.logits(model.model, hidden), want, **close)
    room = torch.empty(len(ids), want.shape[1])
    torch.testing.assert_close(forward.logits(model.model, hidden, room), want, **close)
    # Writing: a prompt, single tokens, several at once.
    read = reader(model.model, 40)
    got = [read.read(ids[:9], every=True), *(read.read([i]) for i in ids[9:16]), read.read(ids[16:21], every=True),
           read.read(ids[21:], every=True)]  # fmt: skip
    torch.testing.assert_close(torch.cat(got), want, **close)


@pytest.mark.parametrize("name", HOLDERS)
def test_pesos_drift_metrics_and_drafts_see_what_the_modules_compute(
    tiny: LoadedModel, machine: str, name: str
) -> None:
    model = with_held(tiny, HOLDERS[name], Activations.FLOAT)
    for layer in census(model):
        if layer.kind is not Kind.OTHER:
            want = HOLDERS[name](tiny.weight(layer.name)).rows()
            torch.testing.assert_close(model.weight(layer.name), want, msg=f"Pesos shows another {layer.name}")
    close = tolerance(held_by(model))
    p, q = (torch.log_softmax(logits_by_module(m, [m.bos, *m.tokenizer.encode(TEXT)][:40]), -1) for m in (tiny, model))
    seen = drift(tiny, model, TEXT).tokens
    got = torch.tensor([t.log_p_quantized for t in seen[:39]])
    torch.testing.assert_close(got, q[:39].gather(1, torch.tensor([[t.id] for t in seen[:39]]))[:, 0], **close)
    scores = compare(Reference(tiny, own_text(TEXT)), model).tokens
    want = (p.exp() * (p - q)).sum(-1)[:40]
    torch.testing.assert_close(torch.tensor(scores.kl[:40]).float(), want, **close)
    greedy = Sampling(max_length=30, no_repeat_ngram_size=0, stop_at_end=False)
    *_, drafted = speculate(tiny, model, "La ciudad", greedy)
    assert drafted.ids == generate(tiny, "La ciudad", greedy).ids, "a draft never changes what the original writes"
    *_, judged = speculate(model, tiny, "La ciudad", greedy)
    if not is_rounded(held_by(model)):  # whose rounding of several tokens at once may decide another way
        assert judged.ids == generate(model, "La ciudad", greedy).ids


@pytest.mark.parametrize("n", [1, 5, 40])
def test_a_module_multiplies_by_the_matrix_in_effect(machine: str, n: int) -> None:
    g = torch.Generator().manual_seed(n)
    weight, bias, x = (torch.randn(*shape, generator=g) for shape in ((48, 64), (48,), (n, 64)))
    for name, make in HOLDERS.items():
        held = make(weight)
        module, effect = QuantLinear(held, bias), held.rows()
        close = {"rtol": 0.02, "atol": 0.3} if is_rounded(held) else {"rtol": 1e-4, "atol": 1e-4}
        want = functional.linear(x, effect, bias)
        torch.testing.assert_close(module(x), want, **close, msg=lambda said, name=name: f"{name}: {said}")
        room = torch.empty(n, 48)
        assert module(x, gelu=True, out=room).shape == want.shape
        want = functional.gelu(want, approximate="tanh")
        torch.testing.assert_close(module(x, gelu=True), want, **close, msg=lambda said, name=name: f"{name}: {said}")
        assert held.nbytes == sum(part.nbytes for part in held.parts().values()), name


def test_what_stands_beside_survives_its_parts() -> None:
    weight = torch.randn(48, 64, generator=torch.Generator().manual_seed(0))
    q = rtn.quantize(weight, FOUR)
    for kinds in [(), ("pre_scale",), ("outliers",), ("low_rank",), ("pre_scale", "outliers", "low_rank")]:
        made = beside(weight, *kinds)
        again = Beside.of(made.parts())
        assert bool(made) is bool(kinds), kinds
        assert made.parts().keys() == again.parts().keys(), kinds
        assert all(torch.equal(part, again.parts()[name]) for name, part in made.parts().items()), kinds
        held = cpu.hold(QuantWeight(q, made))
        assert torch.equal(held.quantized().dequantize(), QuantWeight(q, made).dequantize()), kinds
        assert isinstance(held, Repaired) is bool(kinds), kinds


def test_outliers_are_kept_in_float_and_never_met_by_the_codes() -> None:
    """The definition, written out: a huge column costs the codes nothing once it stands beside them."""
    g = torch.Generator().manual_seed(3)
    weight, x = torch.randn(32, 64, generator=g), torch.randn(4, 64, generator=g)
    x[:, 7] = 1000.0
    q: QTensor = rtn.quantize(weight, EIGHT)
    held = cpu.hold(QuantWeight(q, Beside(outliers=Outliers(torch.tensor([7]), weight[:, [7]]))))
    rest = x.clone()
    rest[:, 7] = 0
    digits, scale = cpu.reference.int8_activations(rest)
    want = (digits * scale) @ q.dequantize().t() + x[:, [7]] @ weight[:, [7]].t()
    torch.testing.assert_close(cpu.linear(x, held, None, Activations.INT8), want, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("scheme", [TORCH_FOUR, Scheme.integer(4, PerGroup(64))], ids=["g32", "g64"])
def test_a_short_text_is_scored_as_defined_where_writing_is_not(
    tiny: LoadedModel, monkeypatch: pytest.MonkeyPatch, scheme: Scheme
) -> None:
    """torch's 4-bit operator writes with bfloat16 activations; what is measured has float32 ones, one token too."""
    for module, name in ((compiled, "available"), (prefill, "available"), (prefill, "has_int8")):
        monkeypatch.setattr(module, name, lambda: False)
    held = with_held(tiny, lambda weight: cpu.hold(rtn.quantize(weight, scheme)), Activations.FLOAT)
    assert any(type(m.matrix) is Int4Matrix for m in held.model.modules() if isinstance(m, QuantLinear))
    exact = with_held(tiny, lambda weight: Strange(packed(weight / 2, scheme)), Activations.FLOAT)
    for text in ("Hola amigo", "La casa"):
        got, want = (torch.tensor([t.kl_nats for t in drift(tiny, m, text).tokens]) for m in (held, exact))
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    written = reader(held.model, 8)
    assert not torch.equal(written.read([3]), logits_by_module(held, [3])), "writing takes the operator"
