"""What llama.cpp stores where, by the name of a file: `Q4_K_M` is not one format but a mixture with a rule.

The rule is that of `llama_tensor_get_type` (llama.cpp, src/llama-quant.cpp), read in November 2026, without an
importance matrix and without experts: the matrix that leads out (or the token table, where it is that one) gets Q6_K;
values, the second matrix of the MLP and joined queries, keys and values get more bits in some of the layers,

    use_more_bits(i, n) = i < n // 8  or  i >= 7 n // 8  or  (i - n // 8) % 3 == 2

and a row that blocks of 256 do not divide falls back to a format of blocks of 32. What this leaves out: its exceptions
for Falcon, for Llama 70B, and for models with experts. Nothing is copied: the rule is written anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from quant.blocks import BLOCKS
from quant.model.layers import Kind, Layer
from quant.recipe import Recipe, Rule

# A file's name -> the format of most matrices.
MOSTLY = {
    "Q2_K": "Q2_K", "Q3_K_S": "Q3_K", "Q3_K_M": "Q3_K", "Q3_K_L": "Q3_K", "Q4_K_S": "Q4_K", "Q4_K_M": "Q4_K",
    "Q5_K_S": "Q5_K", "Q5_K_M": "Q5_K", "Q6_K": "Q6_K", "Q8_0": "Q8_0", "Q5_1": "Q5_1", "Q5_0": "Q5_0", "Q4_1": "Q4_1",
    "Q4_0": "Q4_0", "IQ4_NL": "IQ4_NL", "IQ4_XS": "IQ4_XS", "TQ1_0": "TQ1_0", "TQ2_0": "TQ2_0",
}  # fmt: skip
ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
FALLBACKS = {"Q2_K": "IQ4_NL", "Q3_K": "IQ4_NL", "IQ4_XS": "IQ4_NL", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0",
             "TQ1_0": "Q4_0", "TQ2_0": "Q4_0"}  # fmt: skip
# How the matrices of the usual architectures end -> what they do.
ROLES = {
    "attn.c_attn": "qkv", "query_key_value": "qkv", "qkv_proj": "qkv", "v_proj": "v", "mlp.c_proj": "down",
    "down_proj": "down", "fc2": "down", "dense_4h_to_h": "down", "attn.c_proj": "out", "o_proj": "out",
    "out_proj": "out", "attention.dense": "out",
}  # fmt: skip


def mixture(file: str, layers: Sequence[Layer], model: str) -> Recipe:
    """The recipe of a file of MOSTLY for a model of these layers. Formats that fall back are those that fit."""
    linear = [layer for layer in layers if layer.kind is Kind.LINEAR]
    table = next(layer for layer in layers if layer.kind is Kind.TABLE)
    found = {layer.name: _fitting(name, layer) for layer, name in _types(file, linear)}
    lone = [layer.name for layer in linear if _leads_out(layer, linear)]
    base = MOSTLY[file]
    leads_out = base if base == "Q8_0" else "Q6_K"
    found |= {name: _fitting(leads_out, layer) for layer in linear if (name := layer.name) in lone}
    of_table = _fitting(leads_out if table.tied_to else base, table)
    usual = Counter(found.values()).most_common(1)[0][0]
    apart = _rules(linear, found, usual)
    if not apart and of_table == usual:
        return Recipe.uniform(BLOCKS[usual].scheme, table=True, model=model)
    last = (Rule("table:*", BLOCKS[of_table].scheme), Rule("linear:*", BLOCKS[usual].scheme))
    return Recipe((*apart, *last), model)


def use_more_bits(i: int, n: int) -> bool:
    """Whether the i-th of n layers is among those that get more."""
    return i < n // 8 or i >= 7 * n // 8 or (i - n // 8) % 3 == 2


def _types(file: str, linear: Sequence[Layer]) -> list[tuple[Layer, str]]:
    """Of each matrix its format, before what does not fit falls back."""
    roles = [_role(layer) for layer in linear]
    many = _shared_keys(linear) >= 4
    counts = {role: roles.count(role) for role in roles}
    seen = dict.fromkeys(counts, 0)
    found = []
    for layer, role in zip(linear, roles, strict=True):
        found.append((layer, _type(file, role, seen[role], counts[role], many)))
        seen[role] += 1
    return found


def _type(file: str, role: str, i: int, n: int, many: bool) -> str:
    """many: whether four heads or more share their keys and values."""
    base, more = MOSTLY[file], use_more_bits(i, n)
    said = {
        "Q2_K": {"v": "Q4_K" if many else "Q3_K", "down": "Q3_K", "out": "Q3_K"},
        "Q3_K_M": {"v": "Q5_K" if i < 2 else "Q4_K", "down": "Q5_K" if i < n // 16 else "Q4_K", "out": "Q4_K",
                   "qkv": "Q4_K"},
        "Q3_K_L": {"v": "Q5_K", "down": "Q5_K", "out": "Q5_K", "qkv": "Q4_K"},
        "Q4_K_S": {"v": "Q5_K" if i < 4 else base, "down": "Q5_K" if i < n // 8 else base},
        "Q4_K_M": {"v": "Q6_K" if more else base, "down": "Q6_K" if more else base, "qkv": "Q5_K"},
        "Q5_K_M": {"v": "Q6_K" if more else base, "down": "Q6_K" if more else base, "qkv": "Q6_K"},
        "IQ4_NL": {"v": "Q5_K" if many else base, "down": "Q5_K" if i < n // 8 else base},
        "IQ4_XS": {"v": "Q5_K" if many else base, "down": "Q5_K" if i < n // 8 else base},
    }  # fmt: skip
    return said.get(file, {}).get(role, base)


def _fitting(name: str, layer: Layer) -> str:
    """The format, or the one that it falls back to where its blocks do not divide a row."""
    return FALLBACKS.get(name, name) if layer.matrix[1] % BLOCKS[name].scheme.block else name


def _role(layer: Layer) -> str:
    return next((role for end, role in ROLES.items() if layer.name.endswith(end)), "other")


def _leads_out(layer: Layer, linear: Sequence[Layer]) -> bool:
    """The last matrix, outside the blocks: the head of a model whose table is not tied to it."""
    return layer is linear[-1] and layer.name.split(".")[-1] in ("lm_head", "embed_out", "output")


def _shared_keys(linear: Sequence[Layer]) -> int:
    """How many heads of queries share one of keys, as the matrices' heights tell."""
    heights = {end: [x.matrix[0] for x in linear if x.name.endswith(end)] for end in ("q_proj", "k_proj")}
    return heights["q_proj"][0] // heights["k_proj"][0] if all(heights.values()) else 1


def _rules(linear: Sequence[Layer], found: dict[str, str], usual: str) -> list[Rule]:
    """A rule for each run of names that ends alike and is stored alike, else one a matrix; none for the usual one."""
    rules = []
    for end in dict.fromkeys(_end(layer.name) for layer in linear):
        names = [layer.name for layer in linear if _end(layer.name) == end]
        kinds = {found[name] for name in names}
        if len(kinds) == 1:
            patterns = {f"*.{end}" if len(names) > 1 else names[0]: kinds.pop()}
        else:
            patterns = {name: found[name] for name in names}
        rules += [Rule(name, BLOCKS[kind].scheme) for name, kind in patterns.items() if kind != usual]
    return rules


def _end(name: str) -> str:
    """The last two words of a name: `mlp.c_proj`."""
    return ".".join(name.split(".")[-2:])
