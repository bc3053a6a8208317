"""Part five: the recipes side by side, what follows, the limits, and how to repeat it."""

from __future__ import annotations

import math
from pprint import pformat

from quant.recipe import Recipe
from quant.recipe_json import recipe_to_json
from quant.report import prose_texts as t
from quant.report.charts import Point, against_bytes
from quant.report.document import Block, Chapter, Code, Heading, Picture, Points, Prose, Table
from quant.report.fact import Facts, Ref, in_size
from quant.report.facts_model import KL
from quant.report.gathered import TEXT_BYTES, Report, Request
from quant.report.part_quantization import source
from quant.report.phrase import Link, Name, Part, Sentence, plain
from quant.report.rows import Compared
from quant.report.sentences import conclusions, dot_of
from quant.text import Text
from quant.texts import TITLES

NONE = Text("—", "—")


def comparison_part(report: Report, facts: Facts) -> Chapter:
    """facts: to which the ticks of the chart are added."""
    has_speed = any(row.entry.tokens_per_second is not None for row in report.rows)
    title: dict[str, Part] = {"title": Name(report.request.text.title)}
    blocks: list[Block] = [
        _table(report, has_speed), *_scatter(report, facts), Heading(t.CONCLUSIONS),
        Points(tuple(conclusions(report.rows, has_speed))), Heading(t.LIMITS),
        Points(tuple(Sentence(said, title) for said in t.LIMITS_SAID)), Heading(t.REPEAT), *_repeat(report),
        Heading(t.SOURCES), Points(tuple(_source(name) for name in t.PAPERS), "sources"),
    ]  # fmt: skip
    return Chapter("comparison", t.COMPARISON, tuple(blocks))


def _table(report: Report, has_speed: bool) -> Table:
    head = [*t.ROWS_HEAD, t.SPEED] if has_speed else t.ROWS_HEAD
    caption = Sentence(t.ROWS, {"measured": Ref("rows.measured"), "recorded": Ref("rows.recorded")})
    rows = tuple(_row(i, row, has_speed) for i, row in enumerate(report.rows))
    return Table(caption, tuple(plain(cell) for cell in head), rows)


def _row(i: int, row: Compared, has_speed: bool) -> tuple[Sentence, ...]:
    given: dict[str, Part] = {"name": Name(row.name), "sign": row.worth, "yours": t.YOURS}
    cells = [Sentence(t.NAMED_YOURS if row.live else t.NAMED, given), plain(Ref(f"row.{i}.bytes")),
             plain(Ref(f"row.{i}.bits")), plain(Ref(f"row.{i}.perplexity")), plain(Ref(f"row.{i}.kl", True)),
             plain(row.verdict.value if row.verdict else NONE)]  # fmt: skip
    if has_speed:
        known = row.entry.tokens_per_second is not None
        cells.append(plain(Ref(f"row.{i}.speed") if known else NONE))
    return tuple(cells)


def _scatter(report: Report, facts: Facts) -> list[Picture]:
    """Those that give numbers; nothing where nothing is lost anywhere: then there is no scale to draw it on."""
    able = [row for row in report.rows if math.isfinite(row.entry.kl.value)]
    if not any(row.entry.kl.value > 0 for row in able):
        return []
    points = [_point(row, report.rows) for row in able]
    chart = against_bytes(t.SCATTER, t.AXES, points, facts, (in_size, KL))
    return [Picture("comparison", chart, Sentence(t.SCATTER_CAPTION))]


def _point(row: Compared, rows: tuple[Compared, ...]) -> Point:
    kl = row.entry.kl
    low, high = (kl.interval.low, kl.interval.high) if kl.interval else (kl.value, kl.value)
    return Point(row.name, row.entry.stored_bytes, kl.value, low, high, dot_of(row, rows))


def _repeat(report: Report) -> list[Block]:
    asked = report.request
    link: list[Block] = []
    if asked.link:
        link = [Prose((Sentence(t.LINK, {"link": Link(t.LINK_NAME, asked.link)}),), "link")]
    versions = Name.of(", ".join(f"{name} {version}" for name, version in report.versions.items()))
    said = Sentence(t.VERSIONS, {"versions": versions})
    return [*link, Prose((Sentence(t.WITH_PYTHON),)), Code("python", python_of(asked)), Prose((said,))]


def _source(name: str) -> Sentence:
    return Sentence(t.SOURCE, {"said": source(name), "title": Name(t.PAPERS[name])})


def python_of(asked: Request) -> str:
    """A program that makes the model again, writes with both and measures them. The text is one that ships."""
    assert asked.text.name in TITLES, "a report is of a shipped text"
    s = asked.sampling
    return "\n".join([
        "from quant import generate, load_model, measure, quantize_model",
        "from quant.recipe_json import recipe_from_json", "from quant.texts import shipped_text",
        *(["from quant.trained import shipped"] if asked.recipe.training else []), "",
        f"model = load_model({asked.recipe.model!r})",
        f"recipe = recipe_from_json({_indented(asked.recipe)})",
        "small = shipped(model, recipe) or quantize_model(model, recipe)" if asked.recipe.training else
        "small = quantize_model(model, recipe)",
        f"how = dict(max_length={s.max_length}, no_repeat_ngram_size={s.no_repeat_ngram_size},",
        f"           do_sample={s.do_sample}, top_k={s.top_k}, top_p={s.top_p},",
        f"           temperature={s.temperature}, seed={s.seed})",
        "for one in (model, small):", f"    print(generate(one, {asked.prompt!r}, **how).text)",
        f"text = shipped_text({asked.text.name!r}).part({TEXT_BYTES})", "seen = measure(model, small, text)",
        "print(seen.perplexity_original, seen.perplexity_quantized, seen.kl_mean, seen.same_top)",
        "print(seen.judgement.sentence.es)",
    ])  # fmt: skip


def _indented(recipe: Recipe) -> str:
    """A recipe as a Python value, over several lines."""
    return "\n    ".join(pformat(recipe_to_json(recipe), width=84, sort_dicts=False).splitlines())
