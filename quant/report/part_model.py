"""Part two: the model, what it writes, and the baseline metric with its protocol."""

from __future__ import annotations

from quant.evaluation.bootstrap import DOCUMENTS
from quant.model.load import EMBEDDED
from quant.report import prose_texts as t
from quant.report.document import Block, Chapter, Heading, Prose, Quote, Table
from quant.report.fact import Ref
from quant.report.gathered import Report
from quant.report.phrase import Name, Part, Sentence, plain
from quant.text import Text

ROWS = ("model.parameters", "model.matrices", "model.vocabulary", "model.context", "model.float_bytes")


def model_part(report: Report) -> Chapter:
    text = report.request.text
    sure = _sure(report)
    protocol: dict[str, Part] = {name: Ref(f"text.{name}") for name in ("tokens", "bytes", "documents", "windows",
                                                                        "window")}  # fmt: skip
    baseline: dict[str, Part] = {
        "perplexity": Ref("baseline.perplexity").with_ends,
        "bits": Ref("baseline.bits_per_byte"),
    }
    blocks: list[Block] = [
        Prose((_model(report),)), _table(report), Heading(t.WRITES), Prose(_settings(report)),
        written(report, 0), Heading(t.BASELINE),
        Prose((Sentence(t.PERPLEXITY_IS), Sentence(t.BASELINE_SAID, baseline))),
        Prose((Sentence(t.PROTOCOL, {"title": Name(text.title), **protocol}), sure)),
    ]  # fmt: skip
    return Chapter("model", t.MODEL, tuple(blocks))


def _sure(report: Report) -> Sentence:
    """How the intervals came about, or that there are none."""
    f = report.row.figures
    if f.resampled is None:
        return Sentence(t.NO_INTERVALS)
    by_document = f.resampled == DOCUMENTS.format(count=f.protocol.documents)
    unit, count = (t.DOCUMENTS, "text.documents") if by_document else (t.WINDOWS, "text.windows")
    return Sentence(t.INTERVALS, {"level": Ref("interval.level"), "count": Ref(count), "unit": unit})


def model_name(model: str) -> Name:
    """What a model is called."""
    return Name(t.EMBEDDED) if model == EMBEDDED else Name.of(model)


def _model(report: Report) -> Sentence:
    loaded = report.loaded
    revision = t.REVISION if loaded.revision else Text("", "")
    text = Text(t.MODEL_IS.es.replace("{revision}", revision.es), t.MODEL_IS.en.replace("{revision}", revision.en))
    return Sentence(text, {"model": model_name(loaded.name), "origin": loaded.origin, "name": Name.of(loaded.revision)})


def _table(report: Report) -> Table:
    rows = tuple((plain(report.facts[id_].name), plain(Ref(id_))) for id_ in ROWS)
    return Table(Sentence(t.MODEL_TABLE), tuple(plain(cell) for cell in t.VALUE_HEAD), rows)


def _settings(report: Report) -> tuple[Sentence, ...]:
    given: dict[str, Part] = {
        "prompt": Name(Text(f"«{report.request.prompt}»", f"“{report.request.prompt}”")),
        "prompt_tokens": Ref("written.prompt"), "max_length": Ref("sampling.max_length"),
        "no_repeat": Ref("sampling.no_repeat_ngram_size"), "top_k": Ref("sampling.top_k"),
        "top_p": Ref("sampling.top_p"), "temperature": Ref("sampling.temperature"),
    }  # fmt: skip
    how = t.SAMPLED if report.request.sampling.do_sample else t.GREEDY
    return Sentence(t.SETTINGS, given), Sentence(how)


def written(report: Report, which: int) -> Quote:
    """What the original (0) or the quantized model (1) wrote."""
    step, kind = report.written[which], ("original", "quantized")[which]
    title = (t.ORIGINAL_WRITES, t.QUANTIZED_WRITES)[which]
    prompt = report.request.prompt if step.text.startswith(report.request.prompt) else ""
    return Quote(Sentence(title, {"tokens": Ref(f"written.{kind}")}), prompt, step.text[len(prompt) :], kind)
