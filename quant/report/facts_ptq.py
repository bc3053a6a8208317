"""The numbers of the live recipe: how it is stored, what it takes, what it costs, and the limits of the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from quant.cache import CacheScheme
from quant.evaluation import verdict
from quant.evaluation.figures import Estimate
from quant.evaluation.methods import Row
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule
from quant.report.fact import Facts, Section, Shown, Worth, digits, in_size, percent, share, signed_percent, whole
from quant.report.facts_model import KL, PERPLEXITY
from quant.size import LayerSize, SizeReport, cache_bytes
from quant.text import Text

PTQ, MEASURED, PACKED, STATED = Section.PTQ, Worth.MEASURED, Worth.PACKED, Worth.STATED
MOST_NATS = 700  # exp of more leaves float64
WAY = Text("Forma {n}: {what}", "Way {n}: {what}")


@dataclass(frozen=True)
class Way:
    """One way in which matrices are stored. rule: None of what stays in float32."""

    rule: Rule | None
    layers: tuple[LayerSize, ...]

    @property
    def parameters(self) -> int:
        return sum(row.layer.parameters for row in self.layers)

    @property
    def stored_bytes(self) -> int:
        return sum(row.stored_bytes for row in self.layers)


def ways(recipe: Recipe, sizes: SizeReport) -> list[Way]:
    """All tensors by how they are stored, the largest part first; what stays in float32 last."""
    found: dict[tuple[object, ...], tuple[Rule | None, list[LayerSize]]] = {}
    for row in sizes.rows:
        rule = recipe.rule_of(row.layer) if row.quantized else None
        key = (rule.scheme, rule.method, rule.knobs) if rule else ()
        found.setdefault(key, (rule, []))[1].append(row)
    made = [Way(rule, tuple(rows)) for rule, rows in found.values()]
    return sorted(made, key=lambda way: (way.rule is None, -way.stored_bytes))


def add_ptq(facts: Facts, loaded: LoadedModel, recipe: Recipe, sizes: SizeReport, live: Row) -> None:
    """All of them."""
    _add_sizes(facts, sizes)
    for i, way in enumerate(ways(recipe, sizes)):
        _add_way(facts, i, way)
    if recipe.calibration:
        name = Text("Tokens de calibración", "Tokens of calibration")
        facts.add(Section.QUANTIZATION, "recipe.calibration", name, recipe.calibration.tokens, whole, worth=STATED)
    if recipe.training:
        name = Text("Pasos de entrenamiento", "Steps of training")
        facts.add(Section.QUANTIZATION, "recipe.training", name, recipe.training.steps, whole, worth=STATED)
    if recipe.cache:
        _add_cache(facts, loaded, recipe)
    _add_quality(facts, live)
    _add_limits(facts)


def _add_sizes(facts: Facts, sizes: SizeReport) -> None:
    before, after = sizes.float_bytes, sizes.stored_bytes

    def add(id_: str, es: str, en: str, value: float, shown: Shown, unit: str = "") -> None:
        facts.add(PTQ, id_, Text(es, en), value, shown, unit=unit, worth=PACKED)

    add("size.stored", "Pesos guardados", "Stored weights", after, in_size, "bytes")
    add("size.stored_exact", "Pesos guardados, en bytes", "Stored weights, in bytes", after, whole, "bytes")
    add("size.times", "Veces menos que en `float32`", "Times less than in `float32`", before / after, digits(3))
    add("size.saved", "Lo que se ahorra frente a `float32`", "Saved against `float32`", 100 * (1 - after / before),
        percent(3), "%")  # fmt: skip
    add("size.bits", "Bits por peso cuantizado", "Bits per quantized weight", sizes.quantized_bits_per_weight,
        digits(3), "bits")  # fmt: skip
    add("size.bits_whole", "Bits por peso, de todo el modelo", "Bits per weight, of the entire model",
        sizes.bits_per_weight, digits(3), "bits")  # fmt: skip
    quantized = [row for row in sizes.rows if row.quantized]
    add("size.matrices", "Matrices cuantizadas", "Quantized matrices", len(quantized), whole)
    left = sum(row.stored_bytes for row in sizes.rows if not row.quantized)
    add("size.float_left", "Lo que sigue en `float32`", "What is still `float32`", left, in_size, "bytes")
    add("size.float_share", "Parte de lo guardado que sigue en `float32`", "Share of what is stored that is `float32`",
        100 * left / after, share, "%")  # fmt: skip


def _add_way(facts: Facts, i: int, way: Way) -> None:
    def add(what: str, es: str, en: str, value: float, shown: Shown, unit: str = "") -> None:
        name = WAY.format(n=i + 1, what=Text(es, en))
        facts.add(PTQ, f"way.{i}.{what}", name, value, shown, unit=unit, worth=PACKED)

    add("tensors", "tensores", "tensors", len(way.layers), whole)
    add("parameters", "parámetros", "parameters", way.parameters, whole)
    add("bytes", "lo que ocupa", "what it takes", way.stored_bytes, in_size, "bytes")
    add("bits", "bits por peso", "bits per weight", 8 * way.stored_bytes / way.parameters, digits(3), "bits")


def _add_cache(facts: Facts, loaded: LoadedModel, recipe: Recipe) -> None:
    held, plain = (cache_bytes(loaded, r, loaded.context) for r in (recipe, Recipe(model=recipe.model)))
    assert recipe.cache != CacheScheme()
    facts.add(PTQ, "cache.stored", Text("Claves y valores, guardados", "Keys and values, stored"), held.stored_bytes,
              in_size, unit="bytes", worth=PACKED)  # fmt: skip
    facts.add(PTQ, "cache.float", Text("Claves y valores en `float32`", "Keys and values in `float32`"),
              plain.stored_bytes, in_size, unit="bytes", worth=PACKED)  # fmt: skip


def _add_quality(facts: Facts, live: Row) -> None:
    f = live.figures

    def add(id_: str, es: str, en: str, value: float | Estimate, shown: Shown, unit: str = "",
            worth: Worth = MEASURED) -> None:  # fmt: skip
        facts.add(PTQ, id_, Text(es, en), value, shown, unit=unit, worth=worth)

    add("ptq.perplexity", "Perplejidad del cuantizado", "Perplexity of the quantized model", f.perplexity_quantized,
        PERPLEXITY)  # fmt: skip
    add(
        "ptq.change",
        "Cambio de la perplejidad",
        "Change of perplexity",
        f.log_ratio.through(rise),
        signed_percent(2),
        "%",
    )
    add("ptq.moved", "Cambio de la perplejidad, sin signo", "Change of perplexity, without its sign",
        abs(rise(f.log_ratio.value)), percent(2), "%")  # fmt: skip
    add("ptq.factor", "Perplejidad, veces la del original", "Perplexity, times the original’s",
        f.log_ratio.through(lambda nats: 1 + rise(nats) / 100), digits(3))  # fmt: skip
    add("ptq.log_ratio", "Diferencia de log-perplejidad", "Difference of log-perplexity", f.log_ratio, KL, "nats")
    add("ptq.bits_per_byte", "Bits por byte del cuantizado", "Bits per byte of the quantized model",
        f.bits_per_byte_quantized, PERPLEXITY, "bits/byte")  # fmt: skip
    add("ptq.kl", "KL media", "Mean KL", f.kl_mean, KL, "nats")
    add("ptq.kl_median", "KL mediana", "Median KL", f.kl_median, KL, "nats")
    name = "Percentil noventa y nueve de la KL", "Ninety-ninth percentile of KL"
    add("ptq.kl_99", *name, f.kl_99, KL, "nats")
    add("ptq.kl_max", "KL máxima", "Largest KL", f.kl_max, KL, "nats")
    add("ptq.same_top", "Mismo token más probable", "Same most likely token", f.same_top.through(lambda s: 100 * s),
        share, "%")  # fmt: skip
    add("ptq.weight_db", "Señal sobre error de los pesos", "Signal over error of the weights", live.weight_db,
        digits(3), "dB", Worth.COMPUTED)  # fmt: skip
    if live.output_db is not None:
        add("ptq.output_db", "Señal sobre error de las salidas", "Signal over error of the outputs", live.output_db,
            digits(3), "dB")  # fmt: skip
    if live.seconds is not None:
        add("ptq.seconds", "Segundos en cuantizar", "Seconds to quantize", live.seconds, digits(2), "s")


def rise(log_ratio: float) -> float:
    """The change of perplexity in per cent, of the difference of the logarithms."""
    return 100 * math.expm1(log_ratio) if log_ratio < MOST_NATS else math.inf


def _add_limits(facts: Facts) -> None:
    """The bounds of the verdict's bands (quant/evaluation/verdict.py)."""
    limits: Sequence[tuple[str, str, str, float, Shown, str]] = (
        ("rise", "subida de la perplejidad, pérdida pequeña", "rise of perplexity, small loss",
         round(100 * (verdict.SMALL_RATIO - 1), 6), percent(3), "%"),
        ("factor", "factor de la perplejidad, roto", "factor of perplexity, broken", verdict.BROKEN_RATIO, digits(3),
         ""),
        ("same_kl", "KL, sin pérdida que se vea", "KL, no visible loss", verdict.SAME_KL, digits(3), "nats"),
        ("small_kl", "KL, pérdida pequeña", "KL, small loss", verdict.SMALL_KL, digits(3), "nats"),
        ("broken_kl", "KL, roto", "KL, broken", verdict.BROKEN_KL, digits(3), "nats"),
        ("small_share", "coincidencia, pérdida pequeña", "agreement, small loss", 100 * verdict.SMALL_AGREEMENT,
         percent(3), "%"),
        ("broken_share", "coincidencia, roto", "agreement, broken", 100 * verdict.BROKEN_AGREEMENT,
         percent(3), "%"),
    )  # fmt: skip
    for id_, es, en, value, shown, unit in limits:
        name = Text("Límite: {what}", "Limit: {what}").format(what=Text(es, en))
        facts.add(PTQ, f"limit.{id_}", name, value, shown, unit=unit, worth=STATED)
