"""The C kernels decode what the definition decodes, bit for bit, and compute with it as exactly as float32 can."""

from __future__ import annotations

import copy
import ctypes
import gc
import itertools
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from cases import each
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.pytorch_utils import Conv1D

from quant.blocks import BLOCKS
from quant.formats import FORMATS, NumberFormat, exmy
from quant.kernels import compiled, native
from quant.kernels.arena import in_large_pages, in_one_arena, move_to_one_arena, settled
from quant.kernels.compiled import NativeMatrix
from quant.kernels.matrix import PackedMatrix
from quant.methods import quantize
from quant.model.packed import QuantEmbedding, QuantLinear
from quant.qtensor import QTensor
from quant.run import step
from quant.run.step import NativeGpt2
from quant.scheme import Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme

pytestmark = pytest.mark.skipif(native.decoder() is None, reason="no C compiler")

EPS = torch.finfo(torch.float32).eps
OUT, IN = 37, 768  # rows: neither even nor a multiple of a batch
GRANULARITIES: list[Granularity] = [PerTensor(), PerChannel(), *map(PerGroup, (8, 16, 24, 32, 64, 96, 128)), Flat(64)]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def weights(out: int = OUT, columns: int = IN) -> Tensor:
    """With a row of zeros, an outlier, and rows of very different sizes."""
    weight = random(out, columns) * torch.logspace(-3, 1, out).view(-1, 1)
    weight[3], weight[5, 7], weight[6, :64] = 0, 30.0, 0
    return weight


def packed(weight: Tensor, scheme: Scheme) -> PackedMatrix:
    return PackedMatrix.of(quantize(weight, scheme))


def casts() -> Iterator[Scheme]:
    for element in FORMATS.values():
        if element.layout and element.layout.signed and element.code_bits in (4, 6, 8, 16):
            yield Scheme(element, PerTensor(), Grid.UNIT, None)


def schemes() -> Iterator[tuple[str, Scheme]]:
    yield from ((b.name, b.scheme) for b in BLOCKS.values())
    yield from ((f"cast to {s.element.name}", s) for s in casts())
    for bits in range(2, 9):
        for g in GRANULARITIES:
            yield f"int{bits} {g}", Scheme.integer(bits, g)
            yield f"uint{bits} {g}", Scheme.integer(bits, g, zero_point=True)
    for bits, grid in itertools.product((2, 3, 4, 8), (Grid.HALF, Grid.SIGNED_MAX, Grid.RANGE)):
        yield f"{grid.value} {bits}", Scheme.integer(bits, PerGroup(64), grid=grid)
    for name in ("binary", "ternary", "nf4", "dynamic8", "float6_e3m2fn", "float8_e4m3fn", "float8_e5m2"):
        for g in (PerChannel(), PerGroup(16), PerGroup(64), Flat(64)):
            yield f"{name} {g}", Scheme(FORMATS[name], g)
    for g in (PerTensor(), PerChannel(), PerGroup(64)):
        yield f"int8 centred {g}", Scheme(FORMATS["int8"], g, Grid.CENTRED, shift=Offset(FORMATS["float32"]))
    for scale in ("bfloat16", "float32", "float8_e4m3fn"):
        yield f"int4, {scale} scales", Scheme.integer(4, PerGroup(64), scale=FORMATS[scale])


SCHEMES = dict(schemes())


@each("name", SCHEMES)
def test_rows_are_those_of_the_definition(name: str) -> None:
    matrix = packed(weights(), SCHEMES[name])
    assert compiled.supported(matrix)
    want = matrix.rows()
    for portable in (False, True):
        decoded = NativeMatrix(matrix, portable=portable)
        assert same_bits(decoded.rows(), want)
        for first, last in ((0, 1), (5, 22), (OUT - 1, OUT), (4, 4)):
            assert same_bits(decoded.rows(first, last), want[first:last])
        place = torch.empty(9, IN)
        assert decoded.rows(20, 29, place) is place
        assert same_bits(place, want[20:29])


def same_bits(a: Tensor, b: Tensor) -> bool:
    return torch.equal(a.view(torch.int32), b.contiguous().view(torch.int32))


@each("element", [s.element for s in casts()])
def test_every_code_of_a_float_is_decoded(element: NumberFormat) -> None:
    """Subnormal numbers, infinities and NaN among them."""
    codes = torch.arange(1 << element.code_bits).repeat(8).view(8, -1)
    codes = codes.to(torch.uint8) if element.code_bits <= 8 else codes
    matrix = PackedMatrix.of(QTensor(codes, None, None, Scheme(element, PerTensor(), Grid.UNIT, None)))
    want = matrix.rows()
    for portable in (False, True):
        got = NativeMatrix(matrix, portable=portable).rows()
        assert torch.equal(got.isnan(), want.isnan())
        assert same_bits(got.nan_to_num(1.0), want.nan_to_num(1.0))


@each("name", SCHEMES)
def test_products_are_as_exact_as_float32_can_be(name: str) -> None:
    matrix = packed(weights(), SCHEMES[name])
    x = random(8, IN, seed=1) * torch.logspace(-2, 2, IN)
    bias = random(OUT, seed=2)
    for portable in (False, True):
        multiplied = NativeMatrix(matrix, portable=portable)
        for n in (1, 2, 3, 4, 5, 8, 11):
            assert_exact(multiplied.matvec(x[:n]), matrix, x[:n])
        assert torch.equal(multiplied.matvec(x[:1], bias), multiplied.matvec(x[:1]) + bias)


def assert_exact(y: Tensor, matrix: PackedMatrix, x: Tensor) -> None:
    """Within what rounding can do: each of the sum's `IN` terms, and what they are made of, is rounded.

    A term is v * scale * x, or that and offset * x apart: the bound holds both, since a kernel may add them last.
    """
    w = matrix.rows().double()
    terms = w.abs()
    if matrix.offset:
        offset = matrix.offset.values().double()  # one for each run, or one in all
        each = offset.view(-1, 1).expand(-1, OUT * IN // len(offset)).reshape(OUT, IN)
        terms = (w - each).abs() + each.abs()
    bound = (IN / 16 + 8) * EPS * (x.double().abs() @ terms.t())  # at least 16 sums side by side
    assert ((y.double() - x.double() @ w.t()).abs() <= bound).all()


def test_every_way_to_multiply_is_under_test() -> None:
    """Where there is AVX-512, most schemes are multiplied as they are packed, and some only after decoding."""
    library = native.decoder()
    assert library is not None
    taken = {name: bool(library.has_kernel(NativeMatrix(packed(weights(), s)))) for name, s in SCHEMES.items()}
    if not any(taken.values()):
        pytest.skip("no AVX-512")
    assert {bits for name, s in SCHEMES.items() if taken[name] for bits in [s.element.code_bits]} == {*range(1, 9), 16}
    assert not taken[f"int4 {PerGroup(24)}"]
    assert not library.has_kernel(NativeMatrix(packed(weights(), SCHEMES["Q4_0"]), portable=True))


def test_a_matrix_lives_until_what_reads_it_is_through() -> None:
    """C is told where it lies: a matrix that only the call names must not be garbage before the call returns."""
    made: list[weakref.ref[NativeMatrix]] = []

    def matrix() -> NativeMatrix:
        one = NativeMatrix(packed(weights(), SCHEMES["Q4_0"]))
        made.append(weakref.ref(one))
        return one

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
    def reads(address: int) -> int:
        gc.collect()
        return address and made[-1]() is not None

    assert reads(matrix())
    assert made[-1]() is None
    reader: list[object] = []
    assert matrix().address_for(reader) == reader[0].address_for([])
    gc.collect()
    assert made[-1]() is reader[0]


@each("shape", [(1, 64), (17, 192), (3, 8), (50, 1024), (129, 16)])
@each("bits", [2, 3, 4, 8])
def test_shapes_that_registers_do_not_fill(shape: tuple[int, int], bits: int) -> None:
    matrix = packed(random(*shape), Scheme.integer(bits, PerChannel(), zero_point=True))
    x = random(2, shape[1], seed=1)
    for portable in (False, True):
        multiplied = NativeMatrix(matrix, portable=portable)
        assert same_bits(multiplied.rows(), matrix.rows())
        want = x.double() @ matrix.rows().double().t()
        bound = (shape[1] + 8) * EPS * (x.double().abs() @ matrix.rows().double().abs().t())
        for n in (1, 2):
            assert ((multiplied.matvec(x[:n]).double() - want[:n]).abs() <= bound[:n]).all()


@each("columns", [16, 48, 80, 88, 200])
@each("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_floats_of_any_row_length(columns: int, dtype: torch.dtype) -> None:
    weight, x = random(7, columns).to(dtype).float(), random(1, columns, seed=1)
    matrix = weight if dtype is torch.float32 else packed(weight, SCHEMES[f"cast to {dtype}".replace("torch.", "")])
    bound = (columns + 8) * EPS * (x.double().abs() @ weight.double().abs().t())
    assert ((compiled.matvec(matrix, x).double() - x.double() @ weight.double().t()).abs() <= bound).all()


def test_a_float32_matrix_is_read_where_it_lies() -> None:
    weight, x = weights(), random(3, IN, seed=1)
    multiplied = NativeMatrix(weight)
    assert same_bits(multiplied.rows(2, 9), weight[2:9])
    bound = (IN / 16 + 8) * EPS * (x.double().abs() @ weight.double().abs().t())
    assert ((multiplied.matvec(x).double() - x.double() @ weight.double().t()).abs() <= bound).all()
    weight *= 2
    assert same_bits(multiplied.rows(2, 9), weight[2:9])


def test_what_cannot_be_read_is_said() -> None:
    weight = weights(8, 48)
    assert not compiled.supported(packed(weight, Scheme.integer(4, Flat(64))))  # groups cross rows
    assert not compiled.supported(packed(weight, Scheme(exmy(5, 10), PerTensor(), Grid.UNIT, None)))  # no infinity
    assert not compiled.supported(weight.double())
    assert not compiled.supported(packed(random(8, 12), Scheme.integer(4, PerChannel())))  # no multiple of eight
    assert not compiled.supported(weight.t())
    assert not compiled.supported("a string")
    with pytest.raises(ValueError, match="cannot read"):
        NativeMatrix(weight.double())
    with pytest.raises(ValueError, match="x \\(1, 4\\)"):
        compiled.matvec(weight, torch.ones(1, 4))
    with pytest.raises(IndexError):
        compiled.rows(weight, 3, 9)
    with pytest.raises(ValueError, match="do not go into"):
        compiled.rows(weight, 3, 8, torch.empty(4, 48))


def test_without_a_compiler_nothing_is_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "decoder", lambda: None)
    assert not compiled.available()
    assert not compiled.supported(weights())
    assert not compiled.supported(packed(weights(), SCHEMES["Q4_0"]))
    assert not step.supports(gpt2())


@each("name", ["Q4_K", "NF4_DOUBLE", "uint4 PerGroup(size=32)", "int8 PerChannel()", "NVFP4"])
def test_in_an_arena_they_are_the_same_matrices(name: str) -> None:
    matrices = [packed(weights(n), SCHEMES[name]) for n in (8, 19)]
    for before, after in zip(matrices, settled(matrices), strict=True):
        assert same_bits(after.rows(), before.rows())
        assert same_bits(compiled.rows(after), before.rows())
        assert after.nbytes == before.nbytes
        assert after.codes.data.data_ptr() % 64 == 0


def test_an_arena_holds_any_tensors() -> None:
    tensors = [torch.arange(5), random(3, 7), torch.empty(0)]
    assert all(torch.equal(a, b) for a, b in zip(tensors, in_one_arena(tensors), strict=True))
    assert in_one_arena([]) == []


@each("stored", ["float32", "float16", "bfloat16"])
def test_a_row_of_floats_gives_the_same_sum_whatever_rows_are_read_beside_it(stored: str) -> None:
    w, x = random(OUT, IN), random(1, IN)

    def held(weight: Tensor) -> Tensor | PackedMatrix:
        return weight if stored == "float32" else packed(weight, Scheme(FORMATS[stored], PerTensor(), Grid.UNIT, None))

    alone = [compiled.matvec(held(w[i : i + 1]), x) for i in range(OUT)]
    assert same_bits(compiled.matvec(held(w), x), torch.cat(alone, dim=1))


def test_tensors_that_move_keep_their_numbers_and_a_storage_of_their_own() -> None:
    tensors = [random(3, 7), torch.arange(5), torch.empty(0), random(64, 64)]
    before = [t.clone() for t in tensors]
    move_to_one_arena(tensors)
    assert all(torch.equal(a, b) for a, b in zip(tensors, before, strict=True))
    assert [t.untyped_storage().nbytes() for t in tensors] == [t.nbytes for t in before]
    first, second, _, last = (t.data_ptr() for t in tensors)
    assert first % 64 == 0
    assert (second - first, last - second) == (128, 64)  # side by side, each from a cache line on
    del tensors[1:]
    assert torch.equal(tensors[0], before[0])


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no list of this process's memory here")
def test_an_arena_is_private_memory() -> None:
    """Of shared memory Linux makes no large pages."""
    arena = in_large_pages(1 << 22)
    address = arena.data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, flags = line.split()[:2]
        first, last = (int(part, 16) for part in span.split("-"))
        if first <= address < last:
            assert flags == "rw-p"
            return
    raise AssertionError("the arena is not in the list")


def gpt2(width: int = 64, heads: int = 4, **others: object) -> GPT2LMHeadModel:
    """Three layers, weights large enough for attention and logits to be far from flat; linear modules are nn.Linear."""
    config = GPT2Config(n_layer=3, n_embd=width, n_head=heads, vocab_size=211, n_positions=64, **others)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Conv1D):
                linear = nn.Linear(*child.weight.shape)
                linear.weight, linear.bias = nn.Parameter(child.weight.t().contiguous()), child.bias
                setattr(module, name, linear)
    return model


def quantized(model: GPT2LMHeadModel, scheme: Scheme) -> tuple[GPT2LMHeadModel, GPT2LMHeadModel]:
    """The model with packed matrices, and one with what they decode to."""
    holds, decoded = copy.deepcopy(model), copy.deepcopy(model)
    names = [n for n, m in model.named_modules() if isinstance(m, nn.Linear) and n != "lm_head"]
    for name in names:
        linear = decoded.get_submodule(name)
        matrix = packed(linear.weight.detach(), scheme)
        linear.weight.data = matrix.rows()
        holds.set_submodule(name, QuantLinear(matrix, linear.bias))
    table = packed(model.transformer.wte.weight.detach(), scheme)
    decoded.transformer.wte.weight.data = table.rows()
    holds.transformer.wte, holds.lm_head = QuantEmbedding(table), QuantLinear(table)
    return holds, decoded


def caches(model: GPT2LMHeadModel, room: int = 64) -> tuple[Tensor, Tensor]:
    c = model.config
    shape = (c.n_layer, c.n_head, room, c.n_embd // c.n_head)
    return torch.full(shape, torch.nan), torch.full(shape, torch.nan)


@torch.no_grad()
def assert_follows(run: NativeGpt2, model: GPT2LMHeadModel) -> None:
    """Greedy tokens one at a time, and the first few at once, have transformers' own logits."""
    ids = torch.randint(0, model.config.vocab_size, (5,), generator=torch.Generator().manual_seed(3)).tolist()
    keys, values = caches(model)
    got = run.step(ids, keys, values, 0, all_logits=True)
    for _ in range(40):
        want = model(torch.tensor([ids])).logits[0]
        assert_close(got, want[-len(got) :])
        ids.append(int(want[-1].argmax()))
        got = run.step(ids[-1:], keys, values, len(ids) - 1)


def assert_close(got: Tensor, want: Tensor) -> None:
    """Both sum in float32, in another order, through three layers: some tens of roundings of the largest logit."""
    assert torch.isfinite(got).all()
    assert (got - want).abs().max() <= 64 * EPS * want.abs().max()


@each("portable", [False, True])
@each("width, heads", [(64, 4), (64, 1), (128, 2), (256, 4)])
def test_a_float32_model_steps_as_transformers_does(width: int, heads: int, portable: bool) -> None:
    model = gpt2(width, heads)
    assert_follows(NativeGpt2(model, portable=portable), model)


@each("portable", [False, True])
@each(
    "name",
    [
        "Q4_0", "NF4_DOUBLE", "Q8_0", "int8 PerChannel()", "uint4 PerGroup(size=32)", "int3 PerGroup(size=64)",
        "uint2 PerGroup(size=16)", "cast to bfloat16",
    ],
)  # fmt: skip
def test_a_packed_model_steps_as_the_decoded_one(name: str, portable: bool) -> None:
    holds, decoded = quantized(gpt2(128, 2), SCHEMES[name])
    assert_follows(NativeGpt2(holds, portable=portable), decoded)


def test_untied_and_without_biases() -> None:
    model = gpt2(tie_word_embeddings=False)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.bias = None
    assert model.lm_head.weight is not model.transformer.wte.weight
    assert_follows(NativeGpt2(model), model)


def test_large_activations_neither_overflow_nor_differ() -> None:
    model = gpt2()
    model.transformer.h[1].mlp.c_fc.bias.data *= 1000  # gelu of +-100s
    model.transformer.h[0].attn.c_attn.weight.data *= 30  # a softmax of one
    assert_follows(NativeGpt2(model), model)


def test_gelu_is_exact_to_float32_noise() -> None:
    """x / (1 + e^-2u): an error of u counts 2 |u| times, and that of e^-2u at most once."""
    library = native.decoder()
    assert library is not None
    x = torch.cat([torch.linspace(-5, 5, 20_001), torch.linspace(-1e-3, 1e-3, 101), torch.tensor([0.0, 40.0, 1e8])])
    y = torch.empty_like(x)
    library.gelu_of(x.data_ptr(), y.data_ptr(), len(x))
    u = (2 / torch.pi) ** 0.5 * (x.double() + 0.044715 * x.double() ** 3)
    want = x.double() / (1 + torch.exp(-2 * u))
    assert ((y - want).abs() <= (4 + 3 * (2 * u).abs()) * EPS / 2 * want.abs()).all()


def test_the_last_logits_are_those_of_the_last_token() -> None:
    run, model = NativeGpt2(gpt2()), gpt2()
    every = run.step([1, 2, 3], *caches(model), 0, all_logits=True)
    assert_close(run.step([1, 2, 3], *caches(model), 0), every[-1:])


def test_threads_do_not_change_the_numbers() -> None:
    run = NativeGpt2(quantized(gpt2(256, 4), SCHEMES["Q4_0"])[0])
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            keys, values = torch.zeros(3, 4, 64, 64), torch.zeros(3, 4, 64, 64)
            results.append(torch.cat([run.step([1, 2, 3], keys, values, 0, True), run.step([4], keys, values, 3)]))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


def test_two_callers_at_once_do_not_meet() -> None:
    model = gpt2(256, 4)
    run = NativeGpt2(model)

    def written(start: int) -> Tensor:
        keys, values = caches(model)
        return torch.cat([run.step([start + i], keys, values, i) for i in range(60)])

    alone = [written(start) for start in (0, 100)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            together = pool.map(written, (0, 100))
            assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_only_what_is_written_to_the_cache_is_its_own_place() -> None:
    model = gpt2()
    run, (keys, values) = NativeGpt2(model), caches(model, 10)
    run.step([1, 2, 3], keys, values, 0)
    assert torch.isfinite(keys[:, :, :3]).all()
    assert torch.isnan(keys[:, :, 3:]).all()
    assert torch.isnan(values[:, :, 3:]).all()


def test_what_does_not_fit_is_refused() -> None:
    model = gpt2()
    run, (keys, values) = NativeGpt2(model), caches(model, 8)
    for ids, position in (([], 0), ([1] * 9, 0), ([1], 8), ([1], -1)):
        with pytest.raises(ValueError, match="tokens at"):
            run.step(ids, keys, values, position)
    for token in (-1, 211):
        with pytest.raises(ValueError, match="the table has 211"):
            run.step([token], keys, values, 0)
    with pytest.raises(ValueError, match="are needed"):
        run.step([1], keys.double(), values, 0)
    with pytest.raises(ValueError, match="are needed"):
        run.step([1], keys, values[:2], 0)


@each(
    "unusual",
    [
        {"activation_function": "relu"}, {"scale_attn_by_inverse_layer_idx": True}, {"scale_attn_weights": False},
        {"add_cross_attention": True},
    ],
)  # fmt: skip
def test_other_architectures_are_refused(unusual: dict[str, object]) -> None:
    assert step.supports(gpt2())
    assert not step.supports(gpt2(**unusual))
    with pytest.raises(ValueError, match="do not run"):
        NativeGpt2(gpt2(**unusual))


def test_models_as_transformers_builds_them_are_refused() -> None:
    assert not step.supports(GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=64, n_head=4, vocab_size=11)))
    assert not step.supports(gpt2().double())
    assert not step.supports(nn.Linear(8, 8))
