"""Part four: the live recipe applied, what it takes and writes, and what it costs."""

from __future__ import annotations

from quant.activations import Activations
from quant.report import prose_texts as t
from quant.report.charts import Bar, bars, histogram
from quant.report.document import Block, Chapter, Heading, Picture, Points, Prose, Table
from quant.report.fact import Ref, Worth
from quant.report.facts_ptq import Way, ways
from quant.report.gathered import Report
from quant.report.naming import granularity_name, joined, recipe_name, scheme_name
from quant.report.part_model import written
from quant.report.phrase import Name, Part, Sentence, plain
from quant.report.sentence_texts import NOT_A_MEASURE
from quant.report.sentences import size_said, text_said, verdict_said, words_said
from quant.text import Text, short_title

NONE = Text("—", "—")


def ptq_part(report: Report) -> Chapter:
    recipe = report.request.recipe
    blocks: list[Block] = [
        Heading(t.STORED), _ways(report), Prose(_beside(report)), Prose(tuple(size_said(report.sizes))), _sizes(report),
        *_histogram(report), Heading(t.BOTH_WRITE), written(report, 0), written(report, 1),
        Prose((text_said(_parted(report)), Sentence(NOT_A_MEASURE))), Heading(t.COSTS),
        Prose(tuple(verdict_said(report.row.figures)), "verdict"), _costs(), _divergence(report),
        Prose((Sentence(t.KL_IS),)), Heading(t.WORDS), Prose((Sentence(t.WORDS_RULE),)), Points(words_said()),
    ]  # fmt: skip
    return Chapter("ptq", t.TRAINED_TITLE if recipe.training else t.PTQ, tuple(blocks))


def _parted(report: Report) -> int | None:
    """The first token of the continuation that differs, from 1."""
    fact = report.facts.get("written.first_difference")
    return int(fact.value) if fact else None


def _ways(report: Report) -> Table:
    recipe = report.request.recipe
    rows = [_way(i, way) for i, way in enumerate(ways(recipe, report.sizes))]
    caption = Sentence(t.WAYS, {"recipe": Name(recipe_name(recipe)), "sign": Worth.PACKED})
    return Table(caption, tuple(plain(cell) for cell in t.WAYS_HEAD), tuple(rows))


def _way(i: int, way: Way) -> tuple[Sentence, ...]:
    numbers = tuple(plain(Ref(f"way.{i}.{what}")) for what in ("tensors", "bits", "bytes"))
    if way.rule is None or way.rule.scheme is None:
        return plain(t.NO_RULE), plain(NONE), plain(NONE), *numbers
    scheme = way.rule.scheme
    scales, method = granularity_name(scheme) or NONE, short_title(way.rule.how.title)
    return plain(Name(scheme_name(scheme))), plain(Name(scales)), plain(Name(method)), *numbers


def _beside(report: Report) -> tuple[Sentence, ...]:
    """Exact bytes, and whatever else the recipe does."""
    recipe = report.request.recipe
    given: dict[str, Part] = {
        "bits": Ref("size.bits"),
        "whole": Ref("size.bits_whole"),
        "exact": Ref("size.stored_exact"),
    }
    said = [Sentence(t.BITS_SAID, given)]
    if recipe.steps:
        names = joined([short_title(step.how.title) for step in recipe.steps], ", ")
        said.append(Sentence(t.STEPS, {"steps": Name(names)}))
    if recipe.activations != Activations.FLOAT:
        said.append(Sentence(t.ACTIVATIONS, {"name": Name.of(recipe.activations.name)}))
    if recipe.cache:
        said.append(Sentence(t.CACHE, {"stored": Ref("cache.stored"), "float": Ref("cache.float")}))
    return tuple(said)


def _sizes(report: Report) -> Picture:
    facts = report.facts
    rows = [
        Bar(t.ORIGINAL_BAR, facts["model.float_bytes"].value, Ref("model.float_bytes"), "original"),
        Bar(t.HALF_BAR, facts["FP16.model_bytes"].value, Ref("FP16.model_bytes"), "other"),
        Bar(Name(recipe_name(report.request.recipe)), facts["size.stored"].value, Ref("size.stored"), "quantized"),
    ]
    return Picture("sizes", bars(t.SIZES, rows), Sentence(t.SIZES_CAPTION, {"sign": Worth.PACKED}))


def _histogram(report: Report) -> list[Picture]:
    if report.matrix is None:
        return []
    view, ends = report.matrix.view, (Ref("matrix.low"), Ref("matrix.high"))
    given: dict[str, Part] = {"layer": Name.of(report.matrix.layer.name), "db": Ref("matrix.db")}
    chart = histogram(t.HISTOGRAM, view.edges, view.before, view.after, ends)
    return [Picture("weights", chart, Sentence(t.HISTOGRAM_CAPTION, given))]


def _costs() -> Table:
    rows = (
        (plain(t.PERPLEXITY), plain(Ref("baseline.perplexity", True)), plain(Ref("ptq.perplexity", True)),
         plain(Ref("ptq.change", True))),
        (plain(t.BITS_PER_BYTE), plain(Ref("baseline.bits_per_byte", True)), plain(Ref("ptq.bits_per_byte", True)),
         plain(NONE)),
    )  # fmt: skip
    return Table(Sentence(t.COSTS_TABLE, {"sign": Worth.MEASURED}), tuple(plain(cell) for cell in t.COSTS_HEAD), rows)


def _divergence(report: Report) -> Table:
    rows = tuple((plain(name), plain(Ref(id_, True))) for name, id_ in t.KL_ROWS if id_ in report.facts)
    caption = Sentence(t.DIVERGENCE_TABLE, {"sign": Worth.MEASURED})
    return Table(caption, tuple(plain(cell) for cell in t.VALUE_HEAD), rows)
