"""Which recipes a sweep is made of: formats times methods, those that go together, and what becomes of the token table.

Integers have groups of 64 and the scheme that `contenders.standard` gives each method; a block format brings its own; a
cast has no scale. "rtn" stands for the plainest way to fill a format: rounding, or ggml's own search for a K-quant. A
name says format, method where it is not that one, and the table: "+emb16" stored in float16, "+emb" as the rest is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError, shown
from quant.evaluation.contenders import BASELINE, contenders, standard
from quant.evaluation.sweep import Named
from quant.formats import FORMATS
from quant.methods import method_for
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule
from quant.scheme import Grid, PerGroup, PerTensor, Scheme
from quant.size import size_report
from quant.text import Text, short_title

INTEGERS = {f"int{bits}": bits for bits in (8, 6, 5, 4, 3, 2, 7)}
CASTS = ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
SWEPT_FORMATS = (*CASTS, *INTEGERS, *BLOCKS)
# What becomes of the token table: as it is, in float16, or stored as the linear layers are.
TABLES = ("float32", "float16", "same")
HALF = Scheme(FORMATS["float16"], PerTensor(), Grid.UNIT, None)
# Where the importance of each input is what a publisher would use: ggml's formats of 2 to 6 bits.
WEIGHTED = ("Q6_K", "Q5_0", "Q5_1", "Q5_K", "Q4_0", "Q4_1", "Q4_K", "IQ4_NL", "IQ4_XS", "Q3_K", "Q2_K")
USUAL_BITS = ("int8", "int6", "int5", "int4", "int3", "int2")
WITH_TABLE = ("float16", "int8", "Q6_K", "Q4_K")


def usual(loaded: LoadedModel) -> list[Named]:
    """What ships recorded, those that the model can have: at each number of bits rounding and GPTQ, at four AutoRound,
    every block format, importance where publishers use it, casts; a handful with the table too. The slowest come last.
    """
    plain = [(name, BASELINE, "float32") for name in (*CASTS, *USUAL_BITS, *BLOCKS)]
    weighted = [(name, "importance", "float32") for name in WEIGHTED]
    whole = [(name, BASELINE, "same") for name in WITH_TABLE]
    learned = [(name, "gptq", table) for name in ("int4", "int3") for table in TABLES]
    learned += [(name, "gptq", "float32") for name in (*USUAL_BITS, "Q4_0", "NVFP4", "MXFP4")]
    learned += [(name, "gptq", table) for name in ("int6", "int5") for table in TABLES]
    slow = [(f"int{bits}", "autoround", "float32") for bits in (4, 3, 2, 8)]
    return _named([*plain, *weighted, *whole, ("int8", BASELINE, "float16"), *learned, *slow], loaded)


def swept(formats: Sequence[str], methods: Sequence[str], tables: Sequence[str], loaded: LoadedModel) -> list[Named]:
    """Every recipe of those formats, methods and tables that there is and that the model can have.

    Raises SchemeError for a name that does not exist.
    """
    _check(Text("formato", "format"), formats, SWEPT_FORMATS)
    _check(Text("método", "method"), methods, contenders())
    _check(Text("modo de la tabla", "table"), tables, TABLES)
    return _named([(f, m, t) for f in formats for m in methods for t in tables], loaded)


def recipe_of(name: str, method: str, table: str, loaded: LoadedModel) -> Recipe:
    """One recipe by the names of its parts. Raises SchemeError where they do not go together."""
    one = contenders()[method]
    if name in INTEGERS:
        recipe = standard(method, INTEGERS[name], loaded)
    else:
        scheme = Scheme(FORMATS[name], PerTensor(), Grid.UNIT, None) if name in CASTS else BLOCKS[name].scheme
        how = method_for(scheme).name if one.method == BASELINE else one.method
        recipe = Recipe.uniform(scheme, method=how, model=loaded.name, steps=one.steps)
    (rule,) = recipe.rules
    if table == "same":
        return replace(recipe, rules=(Rule("*", rule.scheme, rule.method, rule.knobs),))
    return replace(recipe, rules=(Rule("table:*", HALF), rule)) if table == "float16" else recipe


def name_of(recipe: Recipe) -> str:
    """The name of a recipe of a sweep, the same in both languages."""
    rule = recipe.rules[-1]
    assert rule.scheme is not None
    parts = [_format_name(rule.scheme)]
    if rule.method != method_for(rule.scheme).name:
        parts.append(_same(short_title(rule.how.title), rule.method))
    parts += [_same(short_title(step.how.title), step.name) for step in recipe.steps]
    table = " +emb16" if len(recipe.rules) > 1 else " +emb" if rule.layers == "*" else ""
    return " · ".join(parts) + table


def fits(recipe: Recipe, loaded: LoadedModel) -> bool:
    """Whether the model can have it: groups and blocks that divide its rows."""
    try:
        size_report(loaded, recipe)
    except QuantError:
        return False
    return True


def _named(asked: Iterable[tuple[str, str, str]], loaded: LoadedModel) -> list[Named]:
    found: dict[Recipe, Named] = {}
    for name, method, table in asked:
        try:
            recipe = recipe_of(name, method, table, loaded)
        except QuantError:
            continue
        if recipe not in found and fits(recipe, loaded):
            found[recipe] = Named(name_of(recipe), recipe)
    return list(found.values())


def _format_name(scheme: Scheme) -> str:
    if scheme.name or scheme.grid is Grid.UNIT:
        return scheme.name or scheme.element.name
    bits = scheme.element.code_bits
    kind = f"LUT{bits}" if scheme.element.learned else f"INT{bits}"
    return f"{kind} g{scheme.granularity.size}" if isinstance(scheme.granularity, PerGroup) else kind


def _same(title: Text, name: str) -> str:
    """A title where it is the same in both languages, else the name in the registry."""
    return title.es if title.es == title.en else name


def _check(what: Text, names: Iterable[str], allowed: Iterable[str]) -> None:
    known = list(allowed)
    for name in names:
        if name not in known:
            raise SchemeError(
                Text("Ningún {what} del barrido se llama «{got}»; los que hay: {allowed}.",
                     "No {what} of a sweep is called “{got}”; the ones that exist: {allowed}.")
                .format(what=what, got=shown(name), allowed=", ".join(known))
            )  # fmt: skip
