"""The report: no number that is not in its table, sentences that follow by rule, files that stand alone."""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import re
import string
import zipfile
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from sentences import halves

from quant.activations import Activations
from quant.cache import cache_scheme
from quant.errors import QuantError
from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.evaluation.quality import evaluate
from quant.evaluation.sweep import Entry
from quant.evaluation.verdict import Verdict
from quant.formats import FORMATS
from quant.generation import Sampling, generate
from quant.lab import Lab
from quant.model.layers import linear_layers
from quant.quantization import quantize_model
from quant.recipe import Recipe, Rule, Step
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.report import prose_texts, sentence_texts
from quant.report.__main__ import main
from quant.report.casts import cast_recipe, kept, lost_db
from quant.report.charts import WIDTH, round_ticks, spread
from quant.report.composed import compose
from quant.report.fact import Fact, Facts, Ref, Section, Worth, digits, share
from quant.report.files import LANGUAGES, NUMBERS, Files, files_of
from quant.report.gathered import Report, Request, check, gather
from quant.report.naming import recipe_name
from quant.report.part_comparison import python_of
from quant.report.phrase import Link, Name, Sentence
from quant.report.rows import Compared, better, frontier, less, neighbours, steepest, tied
from quant.report.sentences import conclusions, kind_said, size_said, text_said, verdict_said
from quant.report.speech import Html, Markdown
from quant.scheme import PerChannel, PerGroup, Scheme
from quant.size import size_report
from quant.text import Language, Text
from quant.texts import EvalText, shipped_text
from quant.ui.shared.shelf import Shelf
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.choose.report import Asked, link_of
from quant.ui.tabs.choose.report_state import missing_of, state
from quant.work import finished

FOUR, EIGHT = Scheme.integer(4, PerGroup(32)), Scheme.integer(8, PerChannel(), zero_point=True)
LINK = "https://example.org/lab/?bits=4&tab=elige"
# A figure as this project writes it: thousands, decimals, a power of ten.
NUMBER = re.compile(r"\d(?:[\d.,\u202f]*\d)?(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
# What is marked as something else than a figure: code, names (of formats, recipes, texts, versions), what was written.
MARKED_TAGS, MARKED_CLASSES = {"code", "pre", "style"}, {"name", "written"}
VOID = {"meta", "link", "br", "img", "hr", "rect", "circle", "path", "polyline"}


@pytest.fixture(scope="module")
def text() -> EvalText:
    return shipped_text("enciclopedia").part(2500)


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(hub_folder)


def asked(lab: Lab, text: EvalText, recipe: Recipe, link: str = LINK) -> Request:
    return Request(recipe, text, "Me gusta mucho", Sampling(max_length=24), link)


@pytest.fixture(scope="module")
def report(lab: Lab, text: EvalText) -> Report:
    """Of a plain recipe; one of another recipe has been measured before."""
    name = lab.names()[0]
    finished(gather(lab, asked(lab, text, Recipe.uniform(EIGHT, model=name))))
    return finished(gather(lab, asked(lab, text, Recipe.uniform(FOUR, model=name))))


@pytest.fixture(scope="module")
def mixed(lab: Lab, text: EvalText) -> Report:
    """Of a recipe that does a bit of everything."""
    recipe = Recipe(
        (Rule("*.mlp.c_proj", EIGHT), Rule("table:*", EIGHT), Rule("linear:*", FOUR)), lab.names()[0],
        Activations.INT8, cache_scheme(8, 8), steps=(Step("hadamard"),),
    )  # fmt: skip
    return finished(gather(lab, asked(lab, text, recipe, link="")))


@pytest.fixture(scope="module")
def files(report: Report) -> Files:
    return files_of(report)


class Visible(HTMLParser):
    """What one sees of a page, without what is marked as no figure; and what of it names a number."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.named: list[tuple[str, str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.attributes.append((tag, given))
        hides = tag in MARKED_TAGS or not MARKED_CLASSES.isdisjoint((given.get("class") or "").split())
        if tag not in VOID:
            self.open.append((tag, hides))
        if "data-id" in given:
            self.named.append((given["data-id"] or "", given.get("value") or "", ""))
        self.seen.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag
        self.seen.append(" ")

    def handle_data(self, data: str) -> None:
        if self.named and self.named[-1][2] == "" and self.open and self.open[-1][0] in ("data", "tspan"):
            self.named[-1] = (*self.named[-1][:2], data)
        if not any(hides for _, hides in self.open):
            self.seen.append(data)

    @property
    def text(self) -> str:
        return "".join(self.seen)


def visible_markdown(written: str) -> str:
    """Markdown without code, quotations, names in italics and addresses; escapes undone."""
    kept = re.sub(r"^```.*?^```$", "", written, flags=re.DOTALL | re.MULTILINE)
    kept = re.sub(r"^>.*$", "", kept, flags=re.MULTILINE)
    kept = re.sub(r"`[^`]*`", "", kept)
    kept = re.sub(r"!?\[(?:\\.|[^\]\\])*\]\([^)]*\)", "", kept)
    kept = re.sub(r"(?<![\\*])\*(?!\*)(?:\\.|[^*\\])+\*", "", kept)
    return re.sub(r"\\(.)", r"\1", kept)


def shown_numbers(table: str, language: Language) -> set[str]:
    rows = list(csv.DictReader(io.StringIO(table)))
    return {n for row in rows for column in ("shown", "ends") for n in NUMBER.findall(row[f"{column}_{language}"])}


@pytest.mark.parametrize("which", ["report", "mixed"])
def test_every_number_of_every_file_is_in_the_table(which: str, request: pytest.FixtureRequest) -> None:
    files = files_of(request.getfixturevalue(which))
    for language in LANGUAGES:
        known = shown_numbers(files.csv, language)
        page, markdown = Visible(files.html(language)).text, visible_markdown(files.markdown(language))
        for name, text in (("html", page), ("markdown", markdown)):
            found = NUMBER.findall(text)
            assert len(found) > 80, name
            assert not [n for n in found if n not in known], (name, language, [n for n in found if n not in known])


def test_a_number_from_elsewhere_would_be_found() -> None:
    assert NUMBER.findall(Visible("<p>Casi 12,5 MB, 3 × 10⁻⁵ y <code>FP16</code><b class=name>INT4</b></p>").text) == [
        "12,5", "3 × 10⁻⁵",
    ]  # fmt: skip
    assert NUMBER.findall(visible_markdown("Casi 7 y `FP16`, *INT4 · 64*, [uno 2](https://a.org/3)\n> 1990\n")) == ["7"]


def test_each_number_on_the_page_is_that_of_its_row(files: Files) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(files.csv))}
    for language in LANGUAGES:
        named = Visible(files.html(language)).named
        assert len(named) > 100
        for id_, value, shown in named:
            assert rows[id_][f"shown_{language}"] == shown
            assert value in ("", rows[id_]["value"])
    for row in rows.values():
        assert math.isnan(float(row["value"])) or row["low"] == "" or float(row["low"]) <= float(row["high"])
        assert row["name_es"], row
        assert row["name_en"], row


def test_the_page_asks_nobody_for_anything_and_runs_nothing(files: Files) -> None:
    for language in LANGUAGES:
        page = files.html(language)
        seen = Visible(page)
        assert not seen.open
        tags = {tag for tag, _ in seen.attributes}
        assert tags.isdisjoint({"script", "img", "iframe", "object", "embed", "form", "use", "image"})
        for tag, given in seen.attributes:
            assert "src" not in given
            assert not any(name.startswith("on") for name in given)
            assert tag != "link" or given["href"] == "data:,"
        assert not re.search(r"@import|url\(", page)
        assert "default-src 'none'" in page
        assert f'<html lang="{language}">' in page


def test_charts_are_pictures_by_themselves_and_nothing_sticks_out(files: Files, report: Report) -> None:
    document, _ = compose(report)
    assert [picture.name for picture in document.pictures] == ["formats", "sizes", "weights", "comparison"]
    for language in LANGUAGES:
        page = files.html(language)
        for picture in document.pictures:
            name = f"figures/{picture.name}.{language}.svg"
            root = ElementTree.fromstring(files.content[name])
            assert root.tag.endswith("svg")
            assert root.get("aria-label") == picture.chart.title[language]
            assert f"]({name})" in files.markdown(language)
            assert f'aria-label="{picture.chart.title[language]}"' in page
    for picture in document.pictures:
        chart = picture.chart
        assert all(r.x >= 0 and r.x + r.width <= WIDTH and r.y + r.height <= chart.height for r in chart.rects)
        assert all(0 <= d.x <= WIDTH and 0 <= d.y <= chart.height for d in chart.dots)
        assert all(0 <= label.x <= WIDTH and 0 <= label.y <= chart.height for label in chart.labels)


def test_figures_are_those_that_others_find(report: Report, lab: Lab) -> None:
    facts, loaded = report.facts, report.loaded
    quality = evaluate(loaded, report.request.text)
    assert facts["baseline.perplexity"].value == pytest.approx(quality.perplexity, rel=1e-5)
    quantized = quantize_model(loaded, report.request.recipe)
    assert facts["ptq.perplexity"].value == pytest.approx(evaluate(quantized, report.request.text).perplexity, rel=1e-4)
    step = generate(quantized, report.request.prompt, report.request.sampling)
    assert report.written[1].ids == step.ids
    assert facts["size.stored"].value == size_report(loaded, report.request.recipe).stored_bytes
    assert sum(facts[f"way.{i}.bytes"].value for i in range(2)) == facts["size.stored"].value
    assert facts["FP16.model_bytes"].value == 2 * loaded.parameters
    flat = torch.cat([loaded.weight(layer.name).flatten() for layer in linear_layers(loaded)])
    assert facts["weights.total"].value == flat.numel()
    tiny_of_16 = ((flat.half() == 0) & (flat != 0)).float().mean()
    assert facts["FP16.zero"].value == pytest.approx(100 * float(tiny_of_16), abs=1e-9)
    error = (flat.bfloat16().float() - flat).double()
    by_hand = 10 * math.log10(float(flat.double().square().sum() / error.square().sum()))
    assert facts["BF16.db"].value == pytest.approx(by_hand, rel=1e-6)
    assert lost_db(loaded, FORMATS["float32"]) == math.inf
    assert facts["weight.largest"].value == pytest.approx(float(flat[flat.abs().argmax()]))
    assert kept(1.01, FORMATS["bfloat16"])[0] == float(torch.tensor(1.01).bfloat16())


def test_what_has_been_measured_is_not_measured_again(report: Report, lab: Lab, text: EvalText) -> None:
    recipe = report.request.recipe
    before = [(lab.rows.get(r, text), lab.known(r, text)) for r in (recipe, cast_recipe(recipe.model, "bfloat16"))]
    again = finished(gather(lab, report.request))
    assert again.row is before[0][0]
    for r, (row, known) in zip((recipe, cast_recipe(recipe.model, "bfloat16")), before, strict=True):
        assert lab.rows.get(r, text) is row
        assert lab.known(r, text) is known
    assert {row.name.es for row in report.rows} >= {"FP16 · con la tabla", "BF16 · con la tabla"}
    assert [row.live for row in report.rows].count(True) == 1


def test_what_cannot_be_is_refused_before_any_work(lab: Lab, text: EvalText) -> None:
    model = lab.names()[0]
    for recipe, prompt in (
        (Recipe.uniform(Scheme.integer(4, PerGroup(48)), model=model), "Hola"),
        (Recipe((Rule("nowhere", FOUR),), model=model), "Hola"),
        (Recipe(model=model, rules=(Rule("linear:*", FOUR),)), ""),
        (Recipe(model="none"), "Hola"),
    ):
        with pytest.raises(QuantError):
            check(lab, Request(recipe, text, prompt))


def test_the_program_in_the_report_is_of_the_very_recipe(mixed: Report, report: Report) -> None:
    for one in (mixed, report):
        tree = ast.parse(python_of(one.request))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        given = next(c for c in calls if getattr(c.func, "id", "") == "recipe_from_json").args[0]
        assert recipe_from_json(ast.literal_eval(given)) == one.request.recipe
    assert LINK.replace("&", "&amp;") in files_of(report).html("es")
    assert "example.org" not in files_of(mixed).html("es")


def test_the_zip_holds_all_of_it_and_is_the_same_twice(files: Files, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(files.zipped()))
    assert archive.namelist() == list(files.content)
    assert archive.read(NUMBERS).decode() == files.csv
    assert files.zipped() == files.zipped()
    files.write(tmp_path / "made")
    assert (tmp_path / "made" / "informe.html").read_text(encoding="utf8") == files.html("es")
    assert {"informe.md", "report.html", "report.md", "figures/sizes.en.svg"} <= set(files.content)


# ---- escaping


BAD = "<img src=x onerror=alert(1)> a|b *c* `d` [e](javascript:f) & 7\n# g"


def test_what_is_text_stays_text() -> None:
    facts = Facts()
    ref = facts.add(Section.MODEL, "n", Text("N", "N"), 1234.5, digits(6))
    sentence = Sentence(Text("Hay {n} de {bad}", "{n} of {bad}"), {"n": ref, "bad": Name.of(BAD)})
    for language in LANGUAGES:
        page = Html(facts.known, language).say(sentence)
        assert "<img" not in page
        assert "&lt;img" in page
        assert 'data-id="n"' in page
        markdown = Markdown(facts.known, language)
        assert "<img" not in markdown.say(sentence).replace("\\<", "")
        quoted = markdown.quoted(BAD + "\n1. uno\n- dos")
        assert all(line.startswith("> ") for line in quoted.splitlines())
        assert "> \\1. uno" in quoted
        assert "> \\- dos" in quoted
        assert markdown.code("a`b") == "`` a`b ``"
        assert markdown.fenced("```", "python").startswith("````python")
        assert markdown.finalize(markdown.words("*")) == "\\*"
        with pytest.raises(KeyError):
            markdown.say(Sentence(Text("{x}", "{x}"), {"x": Ref("nothing")}))
        with pytest.raises(AssertionError):
            Html(facts.known, language).say(Sentence(Text("{x}", "{x}"), {"x": Link(Text("a", "a"), "javascript:x")}))


def test_tables_of_markdown_keep_their_cells(files: Files) -> None:
    for language in LANGUAGES:
        tables = re.findall(r"(?:^\|.*\n)+", files.markdown(language), flags=re.MULTILINE)
        assert len(tables) >= 9
        for table in tables:
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(cells) == 1, table


# ---- the rules


def tried(name: str, n_bytes: int, kl: float, reach: float = 0.01, sums: tuple[float, ...] | None = None,
          verdict: Verdict | None = None, live: bool = False) -> Compared:  # fmt: skip
    tokens = None if sums is None else (10.0,) * len(sums)
    interval = Interval(kl - reach, kl + reach)
    entry = Entry(name, Recipe(), 4.0, n_bytes, Estimate(kl, interval), Estimate(30.0), kl_sums=sums, tokens=tokens)
    return Compared(Text(name, name), entry, Worth.MEASURED, verdict, live)


def test_better_is_less_at_no_more_bytes_or_a_tie_at_clearly_fewer() -> None:
    a, b = tried("a", 100, 0.10), tried("b", 100, 0.20)
    assert less(a, b)
    assert better(a, b)
    assert not better(b, a)
    overlapping = tried("c", 100, 0.115)
    assert tied(a, overlapping)
    assert not better(a, overlapping)
    assert better(tried("d", 90, 0.115), a)
    assert not better(tried("d", 100, 0.0, 1.0), a)
    hard = [1.0 + i % 5 for i in range(20)]  # documents differ much more than the two recipes
    first = tried("e", 100, 0.3, 0.2, tuple(hard))
    second = tried("f", 100, 0.31, 0.2, tuple(x * 1.05 for x in hard))
    assert less(first, second)


def test_a_model_that_gives_no_numbers_is_beaten_by_any() -> None:
    gone, fair = tried("gone", 10, math.nan, live=True), tried("fair", 10, 5.0)
    assert less(fair, gone)
    assert not less(gone, fair)
    assert better(fair, gone)
    assert frontier([gone, fair]) == [fair]
    assert neighbours([gone, fair], gone) == (None, None)
    assert not less(gone, gone)


def test_the_frontier_its_neighbours_and_its_steepest_step() -> None:
    rows = [tried("small", 10, 3.0), tried("bad", 15, 3.5), tried("mid", 20, 0.5, live=True), tried("large", 40, 0.2)]
    assert [row.name.es for row in frontier(rows)] == ["small", "mid", "large"]
    assert [row.name.es if row else None for row in neighbours(rows, rows[2])] == ["small", "large"]
    assert neighbours(rows, rows[1]) == (None, None)
    pair = steepest(rows)
    assert pair
    assert [row.name.es for row in pair] == ["mid", "small"]
    assert steepest(rows[:1]) is None


def spoken(sentences: list[Sentence], facts: dict[str, Fact] | None = None) -> str:
    class Ids(Markdown):
        def number(self, fact: Fact, ends: bool) -> str:
            return fact.id

    class Every(dict[str, Fact]):
        def __missing__(self, id_: str) -> Fact:
            return Fact(id_, Section.MODEL, Text("", ""), 0.0, "", Worth.STATED, Text(id_, id_))

    speech = Ids(Every(facts or {}), "en")
    return " ".join(speech.say(sentence) for sentence in sentences)


def test_conclusions_say_who_is_beaten_ties_and_what_is_the_smallest_good() -> None:
    small, noticeable = Verdict.SMALL, Verdict.NOTICEABLE
    live = tried("mine", 50, 0.2, verdict=noticeable, live=True)
    alone = spoken(conclusions([live], speed=True))
    assert "nothing to compare" in alone
    beaten = spoken(conclusions([tried("other", 40, 0.1, verdict=noticeable), live], speed=True))
    assert "*other* takes row.0.bytes" in beaten.replace("“", "").replace("”", "")
    assert "row.1.kl" in beaten
    assert "None of those compared keeps to a small loss" in beaten
    cheaper = spoken(conclusions([tried("tie", 40, 0.205, verdict=noticeable), live], speed=False))
    assert "takes less and cannot be told from yours" in cheaper
    assert "it is a tie" in cheaper
    assert "has not measured speed" in cheaper
    good = [live, tried("good", 60, 0.01, verdict=small), tried("better", 70, 0.001, 0.0001, verdict=small)]
    said = spoken(conclusions(good, speed=True))
    assert "none is better than yours" in said
    assert "no more than small is “*good*”: row.1.bytes" in said
    assert "smaller." not in said
    assert "“*good*”, takes larger.bytes more" in said
    assert "from “*better*” to “*good*”" not in said or "step.factor" in said


def test_sentences_of_size_text_kind_and_verdict_follow_their_figures(report: Report, mixed: Report) -> None:
    sizes = report.sizes
    assert "times less" in spoken(size_said(sizes))
    left = sum(row.stored_bytes for row in sizes.rows if not row.quantized) / sizes.stored_bytes
    assert ("still `float32`" in spoken(size_said(sizes))) == (left >= 0.25)
    assert "very first token" in spoken([text_said(1)])
    assert "written.first_difference" in spoken([text_said(2)])
    assert "write the same" in spoken([text_said(None)])
    plain = report.request.recipe
    assert "without calibration" in spoken(kind_said(plain, timed=False))
    gptq = Recipe.uniform(FOUR, method="gptq")
    assert "recipe.calibration tokens" in spoken(kind_said(gptq, timed=True))
    assert "ptq.seconds" in spoken(kind_said(gptq, timed=True))
    said = spoken(verdict_said(mixed.row.figures))
    assert mixed.row.figures.judgement.verdict.value.en in said


def test_names_say_what_a_recipe_is() -> None:
    assert recipe_name(Recipe()).es == "INT4 · grupos de 64"
    assert recipe_name(Recipe.uniform(EIGHT, table=True, method="gptq")).en.startswith("INT8 · one scale per channel")
    two = Recipe((Rule("*.mlp.*", EIGHT), Rule("linear:*", FOUR)))
    assert recipe_name(two).es == "mezcla de INT8, INT4"
    assert recipe_name(cast_recipe("embedded", "bfloat16")).en == "BF16 · with the table"


def test_places_of_names_and_ticks() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 5, 20):
        places = sorted(rng.uniform(20, 300, n))
        moved = spread(places, 10, 330)
        assert all(b - a >= 15 - 1e-9 for a, b in pairwise(moved))
        assert moved[-1] <= 330
    for low, high in ((3.2e6, 1.1e7), (5e5, 5.01e5), (1e8, 1e8), (10.0, 95.0)):
        ticks = round_ticks(low, high)
        assert 2 <= len(ticks) <= 6
        assert ticks[0] <= low
        assert ticks[-1] >= high
        assert np.allclose(np.diff(ticks), ticks[1] - ticks[0])


def test_a_share_near_a_hundred_is_not_rounded_up() -> None:
    assert [share(v, "en") for v in (0.0, 73.58, 99.99, 100.0)] == ["0%", "73.6%", "99.9%", "100%"]


def test_texts_say_the_same_in_both_languages_and_no_figure_of_their_own() -> None:
    constants = [*vars(prose_texts).items(), *vars(sentence_texts).items()]
    found = [(name, text) for name, value in constants if name.isupper() for text in halves(value)]
    assert len(found) > 120
    for name, text in found:
        fields = [{f for _, f, _, _ in string.Formatter().parse(said) if f} for said in (text.es, text.en)]
        assert fields[0] == fields[1], text
        assert not re.search(r"\b(usted|haga|pulse|elija)\b", text.es), text
        assert not re.search('["“”]', text.es), text
        assert not re.search("[«»¿¡]", text.en), text
        if name not in ("JACOB", "BENGIO", "GPTQ", "EMBEDDED"):  # names, whose digits are theirs
            assert not NUMBER.search(re.sub("`[^`]*`", "", text.es + text.en)), text


# ---- the section and the program


def test_the_section_says_what_is_missing(lab: Lab, report: Report, text: EvalText) -> None:
    model = lab.names()[0]
    asked_ = asked(lab, text, Recipe.uniform(Scheme.integer(3, PerGroup(32)), model=model))
    assert missing_of(lab, asked_) == [asked_.recipe]
    assert missing_of(lab, report.request) == []
    said = state(lab, Choice(model, bits=3, group=32), "es")
    assert "tu receta" in said
    assert "BF16" in said
    assert state(lab, Choice("none"), "es") == ""


def test_a_link_is_only_made_of_an_address() -> None:
    choice = Choice("embedded", bits=3)
    assert link_of(Asked(choice, "https://example.org/lab/en")).startswith("https://example.org/lab/en?model=embedded")
    for bad in ("", "javascript:alert(1)", 'https://a.org/"><script>', "https://a.org/ b", "x" * 400):
        assert link_of(Asked(choice, bad)) == ""


def test_a_report_on_the_shelf_is_one_of_its_moment(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    first = shelf.put(("informe.html", "a"), "informe.html", 3, lambda path: path.write_bytes(b"one"))
    second = shelf.put(("informe.html", "b"), "informe.html", 3, lambda path: path.write_bytes(b"two"))
    assert first.path.read_bytes() == b"one"
    assert second.path.read_bytes() == b"two"


def test_the_program_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({**recipe_to_json(Recipe()), "colour": 1}))
    assert main([str(file), "--out", str(tmp_path / "out"), "--lang", "en"]) == 1
    assert "colour" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([str(tmp_path / "missing.json"), "--out", str(tmp_path / "out")]) == 1
