"""The numbers of the model, of what it wrote, of the text and of the baseline."""

from __future__ import annotations

from quant.evaluation.bootstrap import LEVEL
from quant.evaluation.methods import Row
from quant.generation import Sampling, Step, first_difference
from quant.model.layers import Kind, census
from quant.model.load import LoadedModel
from quant.report.fact import Facts, Section, Worth, digits, in_size, percent, whole
from quant.size import SizeReport
from quant.text import Text

MODEL, STATED = Section.MODEL, Worth.STATED
PERPLEXITY, BITS_PER_BYTE, KL = digits(4), digits(4), digits(3)


def add_model(facts: Facts, loaded: LoadedModel, live: Row, sampling: Sampling, written: tuple[Step, Step],
              sizes: SizeReport) -> None:  # fmt: skip
    """Everything that is known before anything is quantized."""
    matrices = [layer for layer in census(loaded) if layer.kind is not Kind.OTHER]
    facts.add(MODEL, "model.parameters", Text("Parámetros", "Parameters"), loaded.parameters, whole)
    facts.add(MODEL, "model.matrices", Text("Matrices de pesos", "Weight matrices"), len(matrices), whole)
    facts.add(MODEL, "model.context", Text("Contexto, en tokens", "Context, in tokens"), loaded.context, whole)
    facts.add(MODEL, "model.vocabulary", Text("Tokens del vocabulario", "Tokens of the vocabulary"), loaded.table_rows,
              whole)  # fmt: skip
    name = Text("Pesos en `float32`", "Weights in `float32`")
    facts.add(MODEL, "model.float_bytes", name, sizes.float_bytes, in_size, unit="bytes", worth=Worth.PACKED)
    _add_sampling(facts, sampling)
    _add_written(facts, written)
    _add_protocol(facts, live)
    f = live.figures
    facts.add(MODEL, "baseline.perplexity", Text("Perplejidad del original", "Perplexity of the original"),
              f.perplexity_original, PERPLEXITY, worth=Worth.MEASURED)  # fmt: skip
    facts.add(MODEL, "baseline.bits_per_byte", Text("Bits por byte del original", "Bits per byte of the original"),
              f.bits_per_byte_original, BITS_PER_BYTE, unit="bits/byte", worth=Worth.MEASURED)  # fmt: skip


def _add_sampling(facts: Facts, sampling: Sampling) -> None:
    for name in ("max_length", "no_repeat_ngram_size", "top_k"):
        facts.add(MODEL, f"sampling.{name}", Text(name, name), getattr(sampling, name), whole, worth=STATED)
    for name in ("top_p", "temperature"):
        facts.add(MODEL, f"sampling.{name}", Text(name, name), getattr(sampling, name), digits(3), worth=STATED)


def _add_written(facts: Facts, written: tuple[Step, Step]) -> None:
    original, quantized = written
    names = {
        "written.prompt": (Text("Tokens del texto de partida", "Tokens of the prompt"), original.prompt_tokens),
        "written.original": (
            Text("Tokens que añade el original", "Tokens that the original adds"), original.new_tokens,
        ),
        "written.quantized": (
            Text("Tokens que añade el cuantizado", "Tokens that the quantized model adds"), quantized.new_tokens,
        ),
    }  # fmt: skip
    for id_, (name, value) in names.items():
        facts.add(MODEL, id_, name, value, whole, unit="tokens", worth=Worth.MEASURED)
    part = first_difference(original.ids, quantized.ids)
    if part is not None:
        name = Text("Primer token distinto de la continuación", "First token of the continuation that differs")
        facts.add(Section.PTQ, "written.first_difference", name, part - original.prompt_tokens + 1, whole,
                  worth=Worth.MEASURED)  # fmt: skip


def _add_protocol(facts: Facts, live: Row) -> None:
    p = live.figures.protocol
    names = {
        "text.tokens": (Text("Tokens evaluados", "Scored tokens"), p.tokens),
        "text.documents": (Text("Documentos", "Documents"), p.documents),
        "text.windows": (Text("Ventanas", "Windows"), p.windows),
        "text.window": (Text("Tokens por ventana", "Tokens in a window"), p.context),
    }  # fmt: skip
    for id_, (name, value) in names.items():
        facts.add(MODEL, id_, name, value, whole, worth=STATED)
    facts.add(MODEL, "text.bytes", Text("Bytes de texto", "Bytes of text"), p.n_bytes, whole, unit="bytes",
              worth=STATED)  # fmt: skip
    name = Text("Confianza de los intervalos", "Confidence of the intervals")
    facts.add(MODEL, "interval.level", name, 100 * LEVEL, percent(2), unit="%", worth=STATED)
