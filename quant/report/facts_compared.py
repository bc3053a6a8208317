"""The numbers of the comparison: of each recipe, and of what is said of them together."""

from __future__ import annotations

from collections.abc import Sequence

from quant.report.fact import Facts, Section, Shown, Worth, digits, in_size, percent, whole
from quant.report.facts_model import KL, PERPLEXITY
from quant.report.rows import Compared, neighbours, steepest
from quant.text import Text

COMPARISON = Section.COMPARISON
NEIGHBOURS = {"smaller": Text("La siguiente más pequeña", "The next smaller"),
              "larger": Text("La siguiente más grande", "The next larger")}  # fmt: skip
OF = Text("{what} de «{name}»", "{what} of “{name}”")


def add_compared(facts: Facts, rows: Sequence[Compared]) -> None:
    """Bytes, bits, perplexity and KL of each; how many there are; the steepest step between two of the best."""
    for i, row in enumerate(rows):
        _add_row(facts, i, row)
    counted = {
        "rows.count": (Text("Recetas comparadas", "Compared recipes"), len(rows)),
        "rows.measured": (
            Text("Medidas en esta página", "Measured on this page"), sum(r.worth is Worth.MEASURED for r in rows),
        ),
        "rows.recorded": (
            Text("Grabadas en el proyecto", "Recorded in the project"), sum(r.worth is Worth.RECORDED for r in rows),
        ),
    }  # fmt: skip
    for id_, (name, value) in counted.items():
        facts.add(COMPARISON, id_, name, value, whole)
    _add_neighbours(facts, rows)
    if pair := steepest(rows):
        large, small = (row.entry for row in pair)
        name = Text("El salto mayor: veces la KL", "The largest step: times the KL")
        facts.add(COMPARISON, "step.factor", name, small.kl.value / large.kl.value, digits(2))
        name = Text("El salto mayor: bytes que se ahorran", "The largest step: bytes saved")
        facts.add(COMPARISON, "step.saved", name, large.stored_bytes - small.stored_bytes, in_size, unit="bytes")
        name = Text("El salto mayor: parte que se ahorra", "The largest step: share saved")
        share = 100 * (1 - small.stored_bytes / large.stored_bytes)
        facts.add(COMPARISON, "step.share", name, share, percent(2), unit="%")


def _add_neighbours(facts: Facts, rows: Sequence[Compared]) -> None:
    """What one size less or more would change."""
    live = next(row for row in rows if row.live)
    own = live.entry
    for which, other in zip(("smaller", "larger"), neighbours(rows, live), strict=True):
        if other is None:
            continue
        step = NEIGHBOURS[which]
        apart = abs(other.entry.stored_bytes - own.stored_bytes)
        name = Text("{step}: diferencia de tamaño", "{step}: difference in size").format(step=step)
        facts.add(COMPARISON, f"{which}.bytes", name, apart, in_size, unit="bytes")
        name = Text("{step}: diferencia, parte de la tuya", "{step}: difference, share of yours").format(step=step)
        facts.add(COMPARISON, f"{which}.share", name, 100 * apart / own.stored_bytes, percent(2), unit="%")
        low, high = sorted((own.kl.value, other.entry.kl.value))
        if low > 0:
            name = Text("{step}: factor de la KL", "{step}: factor of KL").format(step=step)
            facts.add(COMPARISON, f"{which}.factor", name, high / low, digits(2))


def _add_row(facts: Facts, i: int, row: Compared) -> None:
    entry, measured = row.entry, row.worth

    def add(what: str, es: str, en: str, value: object, shown: Shown, unit: str = "",
            worth: Worth = measured) -> None:  # fmt: skip
        name = OF.format(what=Text(es, en), name=row.name)
        facts.add(COMPARISON, f"row.{i}.{what}", name, value, shown, unit=unit, worth=worth)  # type: ignore[arg-type]

    add("bytes", "Tamaño", "Size", entry.stored_bytes, in_size, "bytes", Worth.PACKED)
    add("bits", "Bits por peso cuantizado", "Bits per quantized weight", entry.bits_per_weight, digits(3), "bits",
        Worth.PACKED)  # fmt: skip
    add("perplexity", "Perplejidad", "Perplexity", entry.perplexity, PERPLEXITY)
    add("kl", "KL media", "Mean KL", entry.kl, KL, "nats")
    if entry.tokens_per_second is not None:
        add("speed", "Tokens por segundo", "Tokens per second", entry.tokens_per_second, digits(3), "tokens/s")
