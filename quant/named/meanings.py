"""What a name means for a model: recipes that can be loaded, bits per weight, or why it cannot be run here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from quant.activations import Activations
from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.format_names import scheme_named
from quant.formats import FORMATS
from quant.model.layers import Kind, Layer
from quant.named import words as w
from quant.named.grammar import Part, Read, read
from quant.named.mixtures import ALIASES, MOSTLY, mixture
from quant.recipe import Recipe
from quant.size import stored_bytes
from quant.text import Language, Text, as_typed, listed, number

USUAL_GROUP = 128  # of GPTQ and AWQ files, and of compressed-tensors
# Of ggml's formats that are not here, by their authors (tools/quantize).
NOMINAL = {
    "IQ1_S": "1.56", "IQ1_M": "1.75", "IQ2_XXS": "2.06", "IQ2_XS": "2.31", "IQ2_S": "2.5", "IQ2_M": "2.7",
    "IQ3_XXS": "3.06", "IQ3_XS": "3.3", "IQ3_S": "3.44", "IQ3_M": "3.66",
}  # fmt: skip
LANGUAGES: tuple[Language, Language] = ("es", "en")


@dataclass(frozen=True)
class Live:
    """A recipe that a name means. bits_per_weight: of what it quantizes, in the model at hand, scales included."""

    said: Text
    recipe: Recipe
    bits_per_weight: float


@dataclass(frozen=True)
class Named:
    """A name, decoded. live: the recipes that it means here, nearest first; notes: what else is to be said, such as
    why it cannot be run here.
    """

    name: str
    parts: tuple[Part, ...]
    live: tuple[Live, ...]
    notes: tuple[Text, ...]

    @property
    def is_exact(self) -> bool:
        """Whether the first recipe is what the name means, rather than the format that it begins with."""
        return bool(self.live) and self.live[0].said != w.AS_FORMAT


def decode(name: str, layers: Sequence[Layer], model: str) -> Named:
    """The parts of `name` and what it means for a model of these layers.

    Raises SchemeError for a name that is not known; nothing is guessed.
    """
    found = read(name)
    recipes, notes = _meant(found, layers, model)
    live, said = [], list(notes)
    for text, recipe in recipes:
        try:
            live.append(Live(text, recipe, bits_of(recipe, layers)))
        except QuantError as error:
            said.append(w.NO_FIT.format(why=error.text))
    return Named(found.name, found.parts, tuple(live), tuple(said))


def bits_of(recipe: Recipe, layers: Sequence[Layer]) -> float:
    """Stored bits per weight of what a recipe quantizes. Raises QuantError where it does not fit."""
    recipe.check_layers(layers)
    chosen = [(layer, rule) for layer in layers if (rule := recipe.rule_of(layer))]
    return 8 * sum(stored_bytes(recipe, rule, layer) for layer, rule in chosen) / sum(x.parameters for x, _ in chosen)


Meaning = tuple[list[tuple[Text, Recipe]], list[Text]]


def _meant(found: Read, layers: Sequence[Layer], model: str) -> Meaning:
    """Recipes under what they are called, and notes."""
    if found.family == "gguf":
        return _gguf(found.groups, layers, model)
    by_family = {
        "w-a": _weights_activations, "float4": _small_float, "float8": _eight, "cast": _cast, "method": _method,
        "integer": _integer, "bits": _integer, "exl": _exl, "bpw": _exl, "mlx": _mlx, "mlc": _mlc, "js": _js,
    }  # fmt: skip
    return by_family[found.family](found.groups, model)


def _uniform(said: Text, format_: str, model: str, activations: Activations = Activations.FLOAT, method: str = ""
             ) -> tuple[Text, Recipe]:  # fmt: skip
    return said, Recipe.uniform(scheme_named(format_), model=model, activations=activations, method=method)


def _gguf(g: dict[str, str], layers: Sequence[Layer], model: str) -> Meaning:
    block = f"{g['q']}{g['bits']}_{g['version']}"
    file = f"{block}_{g['size']}" if "size" in g else block
    file = ALIASES.get(file, file)
    alone = [_uniform(w.AS_FORMAT, block, model)] if block in BLOCKS else []
    if "ud" in g:
        return alone, [w.NO_UD]
    if file in NOMINAL:
        return [], [w.NO_GRID, w.NOMINAL.format(n=as_typed(NOMINAL[file]))]
    if file not in MOSTLY:
        return alone, [w.NO_SIZE]
    mixed = mixture(file, layers, model)
    return [(w.AS_FILE, mixed), *alone], [_said(mixed, layers)]


def _said(mixed: Recipe, layers: Sequence[Layer]) -> Text:
    """What a mixture is made of: how many matrices of each format."""
    schemes = [scheme.name for x in layers if x.kind is Kind.LINEAR and (scheme := mixed.scheme_of(x))]
    table = next(scheme.name for x in layers if x.kind is Kind.TABLE and (scheme := mixed.scheme_of(x)))
    counts = Counter(schemes).most_common()
    if len(counts) == 1:
        return w.ONE_KIND.format(name=schemes[0], table=table)
    what = [w.MIXED_PART.format(name=name, n=n, of=len(schemes)) for name, n in counts]
    return w.MIXTURE.format(what=Text(*(listed([x[la] for x in what], {"es": " y ", "en": " and "}[la])
                                        for la in LANGUAGES)), table=table)  # fmt: skip


def _weights_activations(g: dict[str, str], model: str) -> Meaning:
    bits, a_bits = g["bits"], g["a_bits"]
    floats = g.get("kind", "").startswith("F")
    size = int(g["group"]) if "group" in g else USUAL_GROUP
    grid = " zero" if g.get("grid", "").startswith("A") else ""
    format_ = f"int{bits} g{size}{grid}"
    if a_bits == "16":
        return [_uniform(w.AS_SAID if "group" in g else w.USUAL.format(n=size), format_, model)], []
    if floats and (bits, a_bits) == ("8", "8"):
        return [_uniform(w.AS_SAID, "float8_e4m3fn channel", model, _FP8)], []
    if g.get("a_kind") == "FP" and a_bits == "8":
        return [_uniform(w.AS_SAID, format_, model, _FP8)], []
    if floats or g.get("a_kind") == "FP":
        return [], [w.NO_ACTIVATIONS.format(n=a_bits)]
    kind = Activations.INT8 if a_bits == "8" else Activations(FORMATS["int4"])
    format_ = format_ if "group" in g or bits != "8" else f"int8 channel{grid}"
    return [_uniform(w.AS_SAID, format_, model, kind)], []


_FP8 = Activations(FORMATS["float8_e4m3fn"])


def _small_float(g: dict[str, str], model: str) -> Meaning:
    kind, bits, layout = g["kind"], g["bits"], g.get("layout", "")
    if kind in ("NF", "FP"):
        name = "FP4" if kind == "FP" else "NF4_DOUBLE" if "double" in g else "NF4"
        return [_uniform(w.WEIGHTS, name, model)], []
    names = [name for name in BLOCKS if name.split("_")[0] == f"{kind}{bits}" and "GGML" not in name]
    names = [name for name in names if layout in ("", "E2M1") or name.endswith(layout)]
    weights = [_uniform(_which(w.WEIGHTS, name, names), name, model) for name in names]
    both = [
        _uniform(_which(w.BOTH, name, names), name, model, Activations(scheme=BLOCKS[name].scheme)) for name in names
    ]
    return weights + ([] if "a16" in g else both), []


def _which(said: Text, name: str, names: list[str]) -> Text:
    """With its own name where there are several."""
    return said if len(names) == 1 else Text(f"{name}, {said.es}", f"{name}, {said.en}")


def _eight(g: dict[str, str], model: str) -> Meaning:
    element = "float8_e5m2" if g.get("layout") == "E5M2" else "float8_e4m3fn"
    if g.get("how") == "BLOCK":
        return [], [w.NO_BLOCK_8]
    weights = _uniform(w.WEIGHTS, f"{element} channel", model)
    both = _uniform(w.BOTH, f"{element} channel", model, Activations(FORMATS[element]))
    return [both, weights], [w.NO_STATIC_8] if g.get("how") == "STATIC" else []


def _cast(g: dict[str, str], model: str) -> Meaning:
    if g["bits"] == "32":
        return [], [w.FLOAT_32]
    return [_uniform(w.AS_SAID, "bfloat16" if g["kind"].startswith("B") else "float16", model)], []


def _method(g: dict[str, str], model: str) -> Meaning:
    name, bits = g["method"].lower(), g.get("bits", "4")
    if name == "bnb":
        if bits == "8":
            return [_uniform(w.AS_SAID, "int8 channel", model, method="llm_int8")], []
        return ([_uniform(w.AS_SAID, "NF4", model)], []) if bits == "4" else ([], [w.NO_BITS.format(n=bits)])
    size = g.get("group") or g.get("group2")
    said = w.AS_SAID if size else w.USUAL.format(n=64 if name == "hqq" else USUAL_GROUP)
    size = size or ("64" if name == "hqq" else str(USUAL_GROUP))
    grid = {"awq": " zero", "hqq": " offset"}.get(name, "")
    return [_uniform(said, f"int{bits} g{size}{grid}", model, method=name)], []


def _integer(g: dict[str, str], model: str) -> Meaning:
    size = g.get("group")
    grid = " zero" if g.get("kind") == "UINT" else ""
    if size:
        return [_uniform(w.AS_SAID, f"int{g['bits']} g{size}{grid}", model)], []
    if g["bits"] == "8":
        return [_uniform(w.AS_SAID, f"int8 channel{grid}", model)], []
    return [_uniform(w.USUAL.format(n=USUAL_GROUP), f"int{g['bits']} g{USUAL_GROUP}{grid}", model)], []


def _exl(g: dict[str, str], model: str) -> Meaning:
    return [], [w.NO_EXL]


def _mlx(g: dict[str, str], model: str) -> Meaning:
    return [_uniform(w.USUAL.format(n=64), f"int{g['bits']} g64 offset", model)], []


def _mlc(g: dict[str, str], model: str) -> Meaning:
    size = 32 if g["bits"] == "4" else 40
    return [_uniform(w.AS_SAID, f"int{g['bits']} g{size}", model)], []


def _js(g: dict[str, str], model: str) -> Meaning:
    return ([], [w.NO_Q8]) if g["bits"] == "8" else ([_uniform(w.AS_SAID, "int4 g32 signed", model)], [])


def computed(bits: float) -> Text:
    """Bits per weight in a sentence."""
    return w.COMPUTED.format(n=Text(*(number(bits, la, 3) for la in LANGUAGES)))
