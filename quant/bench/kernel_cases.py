"""Random calls of every function of the C kernels: a seed and a number make each, so that any can be run again alone.

What they compute is compared elsewhere (tests/test_native.py, test_whole.py, test_prefill.py, test_learner.py). Here
each gets tensors of exactly the size that it may touch, one allocation each, so that a sanitizer sees every step
beyond.

A case is a generator: it draws, says what it is about to call, and calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from threading import Thread

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.formats import FORMATS, learned_format
from quant.kernels import compiled, learner, prefill
from quant.kernels.compiled import NativeMatrix
from quant.kernels.matrix import PackedMatrix
from quant.methods import quantize
from quant.model.packed import QuantEmbedding, QuantLinear, put
from quant.model.skeleton import turn_conv1d
from quant.qtensor import QTensor
from quant.run.step import NativeGpt2
from quant.scheme import INTEGER_GRIDS, Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme

Case = Iterator[str]
MOST_THREADS = 4
SCALES = tuple(FORMATS[name] for name in ("float16", "bfloat16", "float32", "float8_e4m3fn"))
TABLES = [f for f in FORMATS.values() if f.values is not None and f.lowest < 0]
CASTS = [f for f in FORMATS.values() if f.layout and f.layout.signed and f.code_bits in (4, 6, 8, 16)]


# ---- what is drawn


def drawn_granularity(r: Random) -> Granularity:
    size = 8 * r.randint(1, 32)
    return r.choice((PerTensor(), PerChannel(), PerGroup(size), PerGroup(size), Flat(size)))


def drawn_scheme(r: Random) -> Scheme:
    """Any kind that the kernels read: blocks, whole numbers, tables and small floats, casts, scales of scales."""
    bits, place, scale = r.randint(2, 8), drawn_granularity(r), r.choice(SCALES)
    unsigned, signed = FORMATS[f"uint{bits}"], FORMATS[f"int{bits}"]
    kinds: tuple[Callable[[], Scheme], ...] = (
        lambda: r.choice(list(BLOCKS.values())).scheme,
        lambda: Scheme.integer(bits, place, grid=r.choice(INTEGER_GRIDS), scale=scale),
        lambda: Scheme(r.choice(TABLES), place, scale=scale),
        lambda: Scheme(r.choice(CASTS), PerTensor(), Grid.UNIT, None),
        lambda: Scheme(unsigned, place, Grid.RANGE, scale, Offset(r.choice(SCALES))),
        lambda: Scheme(signed, place, Grid.CENTRED, scale, Offset(FORMATS["float32"])),
        lambda: Scheme(signed, place, scale=Scheme(FORMATS["float8_e4m3fn"], PerTensor(), scale=FORMATS["float32"])),
        lambda: Scheme(learned_format(bits), PerTensor(), Grid.LEARNED, None),
    )
    return r.choice(kinds)()


def drawn_columns(r: Random, scheme: Scheme) -> int:
    """Such that blocks and groups divide a row, mostly few, now and then many."""
    own = scheme.granularity.size if isinstance(scheme.granularity, PerGroup | Flat) else 1
    step = math.lcm(compiled.RUN, scheme.block, own)
    most = max(1, (2048 if r.random() < 0.1 else 512) // step)
    return step * r.randint(1, most)


def drawn_rows(r: Random) -> int:
    return r.randint(1, 300) if r.random() < 0.1 else r.randint(1, 40)


def drawn_quantized(r: Random, shape: tuple[int, int], scheme: Scheme) -> QTensor:
    """Scales of a random matrix, and its codes or any that there are."""
    codes = torch.randint(1 << min(scheme.element.code_bits, 16), shape)
    codes = codes if scheme.element.code_bits > 8 else codes.byte()
    if scheme.grid is Grid.LEARNED:
        table = torch.randn(1, 1 << scheme.element.code_bits).half().float()
        return QTensor(codes, None, None, scheme, table=table)
    q = quantize(torch.randn(shape), scheme)
    return replace(q, codes=codes) if r.random() < 0.5 else q


def drawn_matrix(r: Random, shape: tuple[int, int] | None = None) -> PackedMatrix | Tensor:
    """One that the kernels read, of `shape` where given."""
    while True:
        scheme = drawn_scheme(r)
        rows, columns = shape or (drawn_rows(r), drawn_columns(r, scheme))
        if r.random() < 0.05:
            return torch.randn(rows, columns)
        if shape and columns % drawn_block(scheme):
            continue
        matrix = exactly(PackedMatrix.of(drawn_quantized(r, (rows, columns), scheme)))
        if compiled.supported(matrix):
            return matrix


def drawn_block(scheme: Scheme) -> int:
    return math.lcm(scheme.block, scheme.granularity.size if isinstance(scheme.granularity, Flat) else 1)


def drawn_input(r: Random, *shape: int) -> Tensor:
    """Ordinary numbers, and now and then zeros, huge ones, infinity or NaN among them."""
    x = torch.randn(shape)
    if r.random() < 0.2:
        x.view(-1)[:: r.randint(1, 9)] = r.choice((0.0, 1e30, -1e-40, math.inf, math.nan))
    return x


def exactly(matrix: PackedMatrix) -> PackedMatrix:
    """The same, each of its tensors an allocation of its own, not a byte longer than it has to be."""
    for part in matrix.parts().values():
        part.data = part.clone()
    return matrix


# ---- the cases


def rows(r: Random) -> Case:
    matrix = drawn_matrix(r)
    first, last = sorted((r.randint(0, matrix.shape[0]), r.randint(0, matrix.shape[0])))
    threads, portable = r.randint(1, MOST_THREADS), r.random() < 0.5
    out = torch.empty(last - first, matrix.shape[1])
    yield f"rows {first} to {last} of {told(matrix)}, {threads} threads, portable {portable}"
    native_matrix = NativeMatrix(matrix, portable=portable)
    compiled.check(compiled.library().packed_rows(native_matrix, first, last, out.data_ptr(), threads))


def matvec(r: Random) -> Case:
    matrix = drawn_matrix(r)
    n, threads, portable = r.choice((1, 1, 2, 3, 4, 5, 8, 11, 17)), r.randint(1, MOST_THREADS), r.random() < 0.5
    x, y = drawn_input(r, n, matrix.shape[1]), torch.empty(n, matrix.shape[0])
    bias = torch.randn(matrix.shape[0]) if r.random() < 0.5 else None
    yield f"{n} rows by {told(matrix)}, {threads} threads, portable {portable}, bias {bias is not None}"
    native_matrix = NativeMatrix(matrix, portable=portable)
    compiled.check(compiled.library().packed_matvec(
        native_matrix, x.data_ptr(), compiled.address(bias), y.data_ptr(), n, threads
    ))  # fmt: skip


def kernels(r: Random) -> Case:
    matrix = drawn_matrix(r)
    yield f"which kernels {told(matrix)} has"
    library, native_matrix = compiled.library(), NativeMatrix(matrix, portable=r.random() < 0.5)
    library.has_kernel(native_matrix)
    library.has_whole(native_matrix)


def gelu(r: Random) -> Case:
    x = drawn_input(r, r.randint(1, 200))
    y = x if r.random() < 0.5 else torch.empty_like(x)
    yield f"GELU of {len(x)} numbers, in place {y is x}"
    compiled.library().gelu_of(x.data_ptr(), y.data_ptr(), len(x))


def gpt2_step(r: Random) -> Case:
    """Several steps of a tiny GPT-2 whose matrices are each held in another way."""
    heads, layers, room = r.choice((1, 2, 3, 4)), r.randint(1, 3), r.randint(1, 12)
    width = heads * 8 * r.choice((1, 2, 3, 8, 16))
    config = GPT2Config(
        n_layer=layers, n_embd=width, n_head=heads, n_inner=8 * r.randint(1, 40), vocab_size=r.randint(1, 70),
        n_positions=room + r.randint(0, 3), activation_function="gelu_new",
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    turn_conv1d(model)
    held = pack_some(r, model)
    shape = (layers, heads, room, width // heads)
    threads, portable = r.randint(1, MOST_THREADS), r.random() < 0.5
    torch.set_num_threads(threads)
    yield f"GPT-2 {shape}, inner {config.n_inner}, {threads} threads, portable {portable}, {held}"
    run, keys, values, done = NativeGpt2(model, portable=portable), torch.zeros(shape), torch.zeros(shape), 0
    while done < room:
        ids = [r.randrange(config.vocab_size) for _ in range(r.randint(1, room - done))]
        run.step(ids, keys, values, done, all_logits=r.random() < 0.5)
        done += len(ids)


def pack_some(r: Random, model: GPT2LMHeadModel) -> str:
    """Pack most linear matrices, or all with 8-bit activations, and perhaps the table; says how."""
    said = []
    for name, module in list(model.transformer.named_modules()):
        if isinstance(module, nn.Linear) and r.random() < 0.8:
            matrix = drawn_matrix(r, (module.out_features, module.in_features))
            if isinstance(matrix, PackedMatrix):
                activations = r.choice((Activations.FLOAT, Activations.INT8))
                put(model.transformer, name, QuantLinear(matrix, module.bias, activations))
                said.append(f"{matrix.scheme.element.name} {activations.name}")
    table = drawn_matrix(r, (model.config.vocab_size, model.config.n_embd))
    if isinstance(table, PackedMatrix):
        model.transformer.wte, model.lm_head = QuantEmbedding(table), QuantLinear(table)
        said.append(f"table {table.scheme.element.name}")
    return ", ".join(said)


def attention(r: Random) -> Case:
    batch, heads, width = r.randint(1, 2), r.randint(1, 4), prefill.LANES * r.choice((1, 2, 3, 4, 8, 16))
    n, past, threads = r.randint(1, 130), r.choice((0, 0, 1, 7, 31, 64)), r.randint(1, MOST_THREADS)
    queries = drawn_input(r, batch, heads, n, width)
    keys, values = (drawn_input(r, batch, heads, past + n, width) for _ in range(2))
    torch.set_num_threads(threads)
    yield f"attention of {n} after {past}, {batch} x {heads} heads of {width}, {threads} threads"
    # Memory is kept for each thread of Python's: a new one has just what it needs.
    alone = Thread(target=prefill.attention, args=(queries, keys, values))
    alone.start()
    alone.join()


def int8(r: Random) -> Case:
    n, inputs, outputs = r.randint(1, 30), prefill.LANES * r.randint(1, 24), r.randint(1, 130)
    threads, with_gelu = r.randint(1, MOST_THREADS), r.random() < 0.5
    x, scales = drawn_input(r, n, inputs), torch.rand(outputs)
    weights = torch.randint(-128, 128, (outputs, inputs), dtype=torch.int8)
    bias = torch.randn(outputs) if r.random() < 0.5 else None
    torch.set_num_threads(threads)
    yield f"8 bits, {n} x {inputs} by {outputs}, {threads} threads, bias {bias is not None}, GELU {with_gelu}"
    if prefill.has_int8():
        prefill.int8_linear(x, weights, scales, bias, gelu=with_gelu)


def learning(r: Random) -> Case:
    rows, groups, size = r.randint(1, 40), r.randint(1, 8), r.choice((8, 16, 24, 64, 100, 256, 5000))
    w, s = drawn_input(r, rows, groups, size), torch.rand(rows, groups, 1)
    z = torch.randint(0, 4, s.shape).float() if r.random() < 0.5 else None
    dtype, two, threads = r.choice(learner.DTYPES), r.random() < 0.2, r.randint(1, MOST_THREADS)
    torch.set_num_threads(threads)
    yield f"rounding of {rows} x {groups} x {size} to {dtype}, zero {z is not None}, two {two}, {threads} threads"
    y = learner.fake_quantize(w, s, z, (-1.0, 2.0), two=two, dtype=dtype)
    learner.gradients(y, w, s, z, (-1.0, 2.0), two=two)


def told(matrix: PackedMatrix | Tensor) -> str:
    shape = "{} x {}".format(*matrix.shape)
    if isinstance(matrix, Tensor):
        return f"float32 {shape}"
    s = matrix.scheme
    return f"{s.name or f'{s.element.name} {s.grid.value} {s.granularity}'} {shape}"


CASES: tuple[Callable[[Random], Case], ...] = (rows, matvec, kernels, gelu, gpt2_step, attention, int8, learning)
SHARES = (28, 32, 6, 4, 8, 7, 7, 8)  # of a hundred


def case(seed: int, number: int) -> tuple[str, Case]:
    """The name of a case, and the case."""
    r = Random(f"{seed}/{number}")
    torch.manual_seed(r.randrange(2**31))
    (chosen,) = r.choices(CASES, SHARES)
    return chosen.__name__, chosen(r)
