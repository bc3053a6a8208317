"""The numbers of the number formats: what each is, and what it keeps of this model's weights."""

from __future__ import annotations

from quant.model.load import LoadedModel
from quant.report.casts import Cast, Casts, kept
from quant.report.fact import Facts, Section, Worth, digits, in_size, percent, share, whole
from quant.report.facts_model import KL, PERPLEXITY
from quant.report.naming import SHORT
from quant.text import Language, Text

NUMBERS = Section.NUMBERS
ONE = Text("{format}: {what}", "{format}: {what}")
BITS = {
    "sign": Text("bits de signo", "sign bits"), "exponent": Text("bits de exponente", "exponent bits"),
    "mantissa": Text("bits de mantisa", "mantissa bits"), "bits": Text("bits por número", "bits per number"),
}  # fmt: skip
LOST = {
    "zero": Text("pesos que pasan a ser cero", "weights that become zero"),
    "subnormal": Text("pesos que quedan como subnormales", "weights that are left subnormal"),
    "beyond": Text("pesos que no caben", "weights that do not fit"),
}
EXAMPLES = {
    "largest": Text("el mayor peso", "the largest weight"),
    "median": Text("el peso mediano", "the median weight"),
}


def add_numbers(facts: Facts, loaded: LoadedModel, casts: Casts) -> None:
    """Of each format its layout and range, the model's bytes in it, what of the weights is lost, what that costs."""
    name = Text("Pesos de las capas lineales", "Weights of the linear layers")
    facts.add(NUMBERS, "weights.total", name, casts.numbers.total, whole)
    for cast in casts.casts:
        _add_layout(facts, cast)
        code_bytes = cast.format.code_bits // 8
        _add(facts, cast, "model_bytes", Text("el modelo entero", "the entire model"), loaded.parameters * code_bytes,
             in_size, unit="bytes")  # fmt: skip
        _add_lost(facts, cast, casts.numbers.total)
        if cast.row:
            f = cast.row.figures
            _add(facts, cast, "perplexity", Text("perplejidad", "perplexity"), f.perplexity_quantized, PERPLEXITY,
                 worth=Worth.MEASURED)  # fmt: skip
            _add(facts, cast, "kl", Text("KL media", "mean KL"), f.kl_mean, KL, unit="nats", worth=Worth.MEASURED)
    _add_examples(facts, casts)


def _add(facts: Facts, cast: Cast, what: str, name: Text, *args: object, **more: object) -> None:
    short = SHORT[cast.format.name]
    facts.add(NUMBERS, f"{short}.{what}", ONE.format(format=short, what=name), *args, **more)  # type: ignore[arg-type]


def _add_layout(facts: Facts, cast: Cast) -> None:
    layout, known = cast.format.layout, cast.format.properties
    assert layout is not None, "a float has a layout"
    counts = {"sign": int(layout.signed), "exponent": layout.exponent_bits, "mantissa": layout.mantissa_bits,
              "bits": layout.code_bits}  # fmt: skip
    for what, value in counts.items():
        _add(facts, cast, what, BITS[what], value, whole, unit="bits")
    _add(facts, cast, "largest", Text("el mayor número", "the largest number"), known.largest, digits(3))
    normal, epsilon = known.smallest_normal, known.epsilon
    assert normal is not None
    assert epsilon is not None
    _add(facts, cast, "smallest", Text("el menor número normal", "the smallest normal number"), normal, digits(3))
    name = Text("distancia entre uno y el número siguiente", "distance from one to the next number")
    _add(facts, cast, "epsilon", name, epsilon, digits(3))


def _add_lost(facts: Facts, cast: Cast, total: int) -> None:
    for what, name in LOST.items():
        count = getattr(cast.share, what) if cast.share else 0
        _add(facts, cast, what, name, 100 * count / total, _rare, unit="%")
    _add(facts, cast, "db", Text("señal sobre error", "signal over error"), cast.lost_db, digits(3), unit="dB")


def _rare(value: float, language: Language) -> str:
    """A share that is often tiny, and none where it is none."""
    return (share if value >= 0.1 else percent(2))(value, language)


def _add_examples(facts: Facts, casts: Casts) -> None:
    """Two weights of the model in each format, with the error that a cast makes of them."""
    for which, name in EXAMPLES.items():
        value = getattr(casts.numbers, which).value
        facts.add(NUMBERS, f"weight.{which}", Text(name.es.capitalize(), name.en.capitalize()), value, digits(9))
        for cast in casts.casts:
            held, error = kept(value, cast.format)
            _add(facts, cast, f"{which}.kept", name, held, digits(9))
            of = Text("error de {what}", "error of {what}").format(what=name)
            _add(facts, cast, f"{which}.error", of, 100 * error, percent(2), unit="%")
