"""Names of quantized files: each is read to its last letter or refused, and means the recipe that it says."""

from __future__ import annotations

import random
import string

import pytest

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError
from quant.format_names import scheme_named
from quant.loading import load_model
from quant.model.layers import Kind, Layer, census
from quant.model.load import EMBEDDED, LoadedModel
from quant.named.grammar import FAMILIES, MOST_LETTERS, read
from quant.named.meanings import bits_of, decode
from quant.named.mixtures import MOSTLY, mixture, use_more_bits
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.size import size_report
from quant.ui.tabs.choose.names_texts import SHOWN
from quant.ui.tabs.choose.recipe_python import recipe_python

MORE = (
    "q5_k_s", "Q2_K", "Q3_K_L", "IQ2_XXS", "IQ4_NL", "TQ1_0", "Q6_K.gguf", "UD-IQ3_XXS", "Q4_K_L", "W8A16",
    "W4A16G32_ASYM", "W8A8-FP8", "W4AFP8", "W4A4", "NF4-DQ", "MXFP6", "MXFP8_E5M2", "MXFP4A16", "NVFP4",
    "FP8_BLOCK", "float8_e4m3fn",
    "E5M2", "gptq-4bit-32g-actorder", "AWQ-INT4", "HQQ", "bnb-8bit", "AutoRound-Int4", "uint4", "int4-g64", "EXL3",
    "exl2-4.65bpw", "exl3 4.0bpw h6", "q8", "fp32",
)  # fmt: skip


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model()


@pytest.fixture(scope="module")
def layers(loaded: LoadedModel) -> list[Layer]:
    return census(loaded)


def linear(n_blocks: int, inner: int, names: tuple[tuple[str, int, int], ...], head: bool = False) -> list[Layer]:
    """The census of a made-up model: rows of `inner`, matrices (name, rows, inputs), an untied head if asked."""
    tied = None if head else "lm_head"
    found = [Layer("model.embed", "model.embed.weight", Kind.TABLE, (512, inner), tied)]
    for i in range(n_blocks):
        found += [Layer(f"h.{i}.{name}", f"h.{i}.{name}.weight", Kind.LINEAR, (rows, ins)) for name, rows, ins in names]
    return found + [Layer("lm_head", "lm_head.weight", Kind.LINEAR, (512, inner))] * head


def formats(recipe: Recipe, layers: list[Layer]) -> dict[str, str]:
    return {layer.name: scheme.name for layer in layers if (scheme := recipe.scheme_of(layer))}


def test_parts_put_together_give_the_name_back(layers: list[Layer]) -> None:
    examples = [example for family in FAMILIES.values() for example in family.examples]
    for name in (*SHOWN, *MORE, *examples):
        found = decode(name, layers, EMBEDDED)
        assert "".join(part.letters for part in found.parts) == name
        assert all(part.said.es and part.said.en for part in found.parts)
        assert all(part.source for part in found.parts if part.letters.isalnum())
        assert found.live or found.notes, name
        assert all(one.bits_per_weight > 1 for one in found.live)


def test_any_text_is_read_whole_or_refused_with_what_is_known(layers: list[Layer]) -> None:
    chance = random.Random(3)
    letters = string.ascii_letters + string.digits + "_-. ñ€\n"
    pieces = ["Q", "IQ", "4", "_K", "_M", "UD-", "W", "A", "16", "8", "NF", "FP", "MX", "GPTQ", "-", "Int", "g128",
              "bpw", "EXL3", " ", "q4f16_1", "E4M3", "bit", "_0", "XS"]  # fmt: skip
    known = 0
    for turn in range(3000):
        if turn % 3:
            name = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 5)))
        else:
            name = "".join(chance.choice(letters) for _ in range(chance.randint(0, MOST_LETTERS)))
        try:
            found = decode(name, layers, EMBEDDED)
        except QuantError as error:
            assert "Q4_K_M" in error.text.es  # noqa: PT017
            continue
        known += 1
        assert "".join(part.letters for part in found.parts) == name.strip()
    assert known > 50
    for wrong in ("", "Q4", "Q9_K", "IQ4_K", "BF32", "NF4E4M3", "Q4_K_", "FP8-", "GPTQ-Int5", "a" * 61, "W4A16" * 13):
        with pytest.raises(SchemeError):
            read(wrong)


def test_names_mean_the_recipes_that_they_say(loaded: LoadedModel, layers: list[Layer]) -> None:
    for name, format_, activations, method in (
        ("W4A16", "int4 g128", "float", "rtn"), ("W4A16G32_ASYM", "int4 g32 zero", "float", "rtn"),
        ("W8A8", "int8 channel", "int8", "rtn"), ("W8A8-FP8", "float8_e4m3fn channel", "float8_e4m3fn", "rtn"),
        ("W4AFP8", "int4 g128", "float8_e4m3fn", "rtn"), ("W4A8", "int4 g128", "int8", "rtn"),
        ("NF4", "NF4", "float", "rtn"), ("NF4-DQ", "NF4_DOUBLE", "float", "rtn"), ("NVFP4", "NVFP4", "float", "rtn"),
        ("MXFP8_E5M2", "MXFP8_E5M2", "float", "rtn"), ("FP8_DYNAMIC", "float8_e4m3fn channel", "float8_e4m3fn", "rtn"),
        ("E5M2", "float8_e5m2 channel", "float8_e5m2", "rtn"), ("bf16", "bfloat16", "float", "rtn"),
        ("GPTQ-Int4", "int4 g128", "float", "gptq"), ("gptq-4bit-32g-actorder", "int4 g32", "float", "gptq"),
        ("AWQ", "int4 g128 zero", "float", "awq"), ("HQQ-4bit", "int4 g64 offset", "float", "hqq"),
        ("bnb-4bit", "NF4", "float", "rtn"), ("bnb-8bit", "int8 channel", "float", "llm_int8"),
        ("int8", "int8 channel", "float", "rtn"), ("4bit", "int4 g128", "float", "rtn"),
        ("MLX-4bit", "int4 g64 offset", "float", "rtn"), ("q4f16_1", "int4 g32", "float", "rtn"),
        ("q4", "int4 g32 signed", "float", "rtn"), ("Q8_0", "Q8_0", "float", "rtn"),
    ):  # fmt: skip
        live = decode(name, layers, EMBEDDED).live[0]
        rule = live.recipe.rules[-1]
        assert rule.scheme == scheme_named(format_), name
        assert (live.recipe.activations.name, rule.method) == (activations, method), name
        report = size_report(loaded, live.recipe)
        assert live.bits_per_weight == pytest.approx(report.quantized_bits_per_weight)
    both = decode("NVFP4", layers, EMBEDDED).live[1].recipe
    assert both.activations == Activations(scheme=BLOCKS["NVFP4"].scheme)


def test_what_cannot_be_run_says_why(layers: list[Layer]) -> None:
    for name, word in (
        ("IQ2_XXS", "2,06"), ("EXL3 4.0bpw", "decodificador"), ("UD-Q4_K_XL", "Unsloth"), ("q8", "punto cero"),
        ("Q8_K_XL", "mezcla"), ("FP8_BLOCK", "128"), ("fp32", "original"), ("q3f16_1", "40"),
    ):  # fmt: skip
        found = decode(name, layers, EMBEDDED)
        assert any(word in note.es for note in found.notes), name
        assert len(found.live) <= 1


def test_which_layers_get_more_bits_is_llama_cpps_rule() -> None:
    for n, more in ((5, {2, 4}), (12, {0, 3, 6, 9, 10, 11}),
                    (28, {0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 24, 25, 26, 27})):  # fmt: skip
        assert {i for i in range(n) if use_more_bits(i, n)} == more


def test_q4_k_m_of_gpt2_written_out(layers: list[Layer]) -> None:
    got = formats(mixture("Q4_K_M", layers, EMBEDDED), layers)
    assert got.pop("transformer.wte") == "Q6_K"  # the output too
    assert len(got) == 20
    for name, kind in got.items():
        block, part = int(name.split(".")[2]), ".".join(name.split(".")[3:])
        want = {"attn.c_attn": "Q5_K", "mlp.c_proj": "Q6_K" if block in (2, 4) else "Q4_K"}.get(part, "Q4_K")
        assert kind == want, name


def test_a_llama_with_shared_keys_and_a_head_of_its_own() -> None:
    names = (("self_attn.q_proj", 512, 256), ("self_attn.k_proj", 128, 256), ("self_attn.v_proj", 128, 256),
             ("self_attn.o_proj", 256, 512), ("mlp.gate_proj", 512, 256), ("mlp.down_proj", 256, 512))  # fmt: skip
    model = linear(8, 256, names, head=True)
    four, two = formats(mixture("Q4_K_M", model, "m"), model), formats(mixture("Q2_K", model, "m"), model)
    assert (four["lm_head"], four["model.embed"]) == ("Q6_K", "Q4_K")
    assert [i for i in range(8) if four[f"h.{i}.self_attn.v_proj"] == "Q6_K"] == [0, 3, 6, 7]
    assert {four[f"h.{i}.mlp.gate_proj"] for i in range(8)} == {"Q4_K"}
    assert two["h.1.self_attn.v_proj"] == "Q4_K"  # four heads share their keys
    assert (two["h.1.mlp.down_proj"], two["h.1.self_attn.q_proj"]) == ("Q3_K", "Q2_K")


def test_rows_that_256_do_not_divide_fall_back() -> None:
    model = linear(2, 96, (("attn.c_attn", 288, 96), ("mlp.c_fc", 256, 96), ("mlp.c_proj", 96, 256)))
    got = formats(mixture("Q4_K_M", model, "m"), model)
    assert got == {"model.embed": "Q8_0", "h.0.attn.c_attn": "Q5_1", "h.1.attn.c_attn": "Q5_1", "h.0.mlp.c_fc": "Q5_0",
                   "h.1.mlp.c_fc": "Q5_0", "h.0.mlp.c_proj": "Q4_K", "h.1.mlp.c_proj": "Q6_K"}  # fmt: skip


def test_every_mixture_is_a_recipe_that_fits(loaded: LoadedModel, layers: list[Layer]) -> None:
    for file in MOSTLY:
        recipe = mixture(file, layers, EMBEDDED)
        assert bits_of(recipe, layers) == pytest.approx(size_report(loaded, recipe).quantized_bits_per_weight)
    tiny = quantize_model(loaded, mixture("Q4_K_M", layers, EMBEDDED))  # it can be made
    assert isinstance(tiny, LoadedModel)


def test_the_python_of_a_recipe_makes_it(layers: list[Layer]) -> None:
    for name in (*SHOWN, *MORE):
        for one in decode(name, layers, EMBEDDED).live:
            space: dict[str, object] = {}
            exec(recipe_python(one.recipe), space)
            assert space["recipe"] == one.recipe, name
