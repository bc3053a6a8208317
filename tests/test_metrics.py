"""Métrica without a browser: the card and its figures, size against quality, the lessons, what one may read and how."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr
import pytest
import torch
from cases import each
from markupsafe import escape
from working import known as known_steps

from quant.activations import ACTIVATIONS
from quant.evaluation import compare, quality
from quant.evaluation.bandwidth import Machine
from quant.evaluation.bootstrap import Interval
from quant.evaluation.exact import already_in
from quant.evaluation.figures import Estimate
from quant.evaluation.memory import held_layers, packed_bits
from quant.evaluation.quality import evaluate_steps
from quant.evaluation.verdict import BROKEN_RATIO, SMALL_RATIO, WORDS, Verdict, judge
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.plots.tradeoff import CHANGE, Point, placed, ratio_text, tradeoff_svg
from quant.recorded import recorded
from quant.size import size_report
from quant.text import Language, Text, fixed, number, size
from quant.texts import TITLES, EvalText, own_text, shipped_text
from quant.ui.shared import html
from quant.ui.shared.shelf import Shelf
from quant.ui.sidebar.choice import Choice, read_query
from quant.ui.sidebar.formats import CASTS, CHOSEN_FORMATS
from quant.ui.tabs.base import Place, Seen
from quant.ui.tabs.metrics import brief_texts, file_texts, picture_texts, when_texts
from quant.ui.tabs.metrics import texts as t
from quant.ui.tabs.metrics.bandwidth import picture as speeds
from quant.ui.tabs.metrics.brief import before_measuring
from quant.ui.tabs.metrics.file import planned
from quant.ui.tabs.metrics.kept import ESTIMATES, Entry, added, digest, restored
from quant.ui.tabs.metrics.lessons import lessons_html
from quant.ui.tabs.metrics.measure import Asked, Measured, hidden, measuring, seen
from quant.ui.tabs.metrics.moved import change, change_ends
from quant.ui.tabs.metrics.picture import (
    QUICK_BYTES,
    SWEPT_BITS,
    Swept,
    caption,
    picture_html,
    recorded_points,
    sweeping,
)
from quant.ui.tabs.metrics.reading import amounts, counter, rounded, words_of
from quant.ui.tabs.metrics.result import above_vocabulary, computes, no_error
from quant.ui.tabs.metrics.top import Reading, reads_of
from quant.ui.tabs.metrics.when import when_html
from quant.work import finished

LANGUAGES: tuple[Language, Language] = ("es", "en")
# Of over ten windows of the tiny model: enough for intervals.
OWN = "El tren paró en mitad del llano, y los viajeros se asomaron a ver qué ocurría en la vía. " * 24


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def tiny_lab(hub_folder: Path) -> Lab:
    """A lab whose model reads 64 tokens at a time and has rows of 64 weights."""
    return Lab(extra=hub_folder)


def frames_of(lab: Lab, language: Language, choice: Choice, own: str = OWN, speed: bool = False,
              history: object = None) -> list[Measured]:  # fmt: skip
    return list(measuring(lab, language).frames(Asked(choice, "own", "quick", own, history, speed)))


def plain(shown: object) -> str:
    """What one reads, with plain spaces."""
    return unescape(re.sub("<[^>]+>", "", str(shown))).replace("\N{NARROW NO-BREAK SPACE}", " ")


def beginning(text: Text, language: Language) -> str:
    return text[language].partition("{")[0]


# ---- the card


@each("language", LANGUAGES)
def test_before_measuring_a_recorded_recipe_shows_what_was_recorded(lab: Lab, language: Language) -> None:
    found = recorded()
    for row in found.rows:
        choice = replace(Choice(EMBEDDED), bits=row.bits, granularity=row.granularity, table=row.table)
        shown = before_measuring(lab, language, choice)
        assert escape(WORDS[row.judged][language]) in shown
        assert size(row.stored_bytes, language) in shown
        assert number(row.perplexity.value, language, 3) in shown
        assert html.legend(("packed", "recorded"), language) in shown
        assert "measured" not in shown
    four = plain(before_measuring(lab, "es", Choice(EMBEDDED)))
    assert "Duda un 12 % más que el original (35,5 → 39,7) y elige la misma palabra 7 de cada 10 veces." in four
    assert "−66 % frente a 20,5 MB en memoria (float32)" in four


def test_another_recipe_shows_its_size_and_what_to_press(lab: Lab) -> None:
    choice = Choice(EMBEDDED, bits=4, zero_point=True)
    shown = before_measuring(lab, "es", choice)
    assert escape(brief_texts.NOT_MEASURED.es) in shown
    assert size(size_report(lab.loaded(EMBEDDED), choice.recipe()).stored_bytes, "es") in shown
    assert "lab-chip-verdict" not in shown
    assert before_measuring(lab, "es", replace(choice, model="nadie/nada")) == ""


@pytest.mark.slow
def test_a_visitors_own_measurement_gives_the_recorded_figures(lab: Lab) -> None:
    """On the page's own default text; the recorded and the measured card say the same."""
    choice = Choice(EMBEDDED)
    last = list(measuring(lab, "es").frames(Asked(choice, "enciclopedia", "quick", "")))[-1]
    words = re.search('<p class="lab-brief-said">.*?</p>', last.said)
    assert words
    assert words[0] in before_measuring(lab, "es", choice)


@each("language", LANGUAGES)
def test_a_measurement_ends_with_the_card_tables_protocol_and_both_speeds(tiny_lab: Lab, language: Language) -> None:
    choice = Choice(tiny_lab.default(), bits=3)
    frames = frames_of(tiny_lab, language, choice, speed=True)
    last = frames[-1]
    assert last.details is not None
    assert last.said.count("lab-brief-word") == 1
    assert any(escape(word[language]) in last.said for word in WORDS.values())
    assert f'data-of="{escape(choice.query())}"' in last.said  # dimmed once another recipe is live
    assert f'data-of="{escape(choice.query())}"' in last.details
    for name in (t.PERPLEXITY, t.BPB, t.SIZE, t.MEMORY, t.KL_MEAN, t.KL_999, t.SAME_TOP):
        assert name[language] in last.details
    assert beginning(t.INTERVAL, language) in last.details
    assert beginning(t.PROTOCOL, language) in last.details
    assert beginning(t.RESAMPLED, language) in last.details
    assert last.details.count("lab-badge") == 0  # one legend in place of a badge a row
    assert html.legend(("packed", "measured"), language) in last.details
    for name in (t.SPEED, t.SPEED_PROMPT):
        assert [name[language] in (f.details or "") for f in frames] == [False] * (len(frames) - 1) + [True]
    assert "lab-progress" not in last.said


@each("language", LANGUAGES)
def test_charts_caption_and_history_come_with_the_whole_text(tiny_lab: Lab, language: Language) -> None:
    frames = frames_of(tiny_lab, language, Choice(tiny_lab.default()))
    whole = frames[-1]
    assert whole.bandwidth == hidden()  # nothing was timed
    assert whole.chart is not None
    assert len(whole.chart.data) == 2
    assert all(len(trace.x) == len(trace.y) > 1 for trace in whole.chart.data)
    assert "lab-caption" in str(whole.caption)
    assert "<table" in str(whole.tried)
    assert len(whole.history or []) == 1
    for frame in frames[:-1]:
        assert (frame.chart, frame.tried, frame.history, frame.picture) == (None,) * 4
        assert frame.caption == "" or frame.details == ""  # the chart of the text before is not seen


@each("language", LANGUAGES)
def test_the_picture_of_speeds_comes_last_and_grows_with_what_is_tried(tiny_lab: Lab, language: Language) -> None:
    first = frames_of(tiny_lab, language, Choice(tiny_lab.default()), speed=True)[-1]
    choice = Choice(tiny_lab.default(), bits=8, activations="int8")
    last = frames_of(tiny_lab, language, choice, speed=True, history=json.loads(json.dumps(first.history)))[-1]
    assert last.bandwidth == seen()
    assert "W8A8" in str(last.bandwidth_caption)
    assert "float32 / W8A8" in str(last.details)
    assert "W8A8" in str(last.tried)
    entries, _ = restored(last.history)
    assert [e.placed[1].label[language] for e in entries if e.placed] == ["4 bits", "W8A8"]
    shown = speeds(entries, lambda: Machine(1e6, 1), language)
    assert shown is not None
    assert shown[0] is not None
    assert [len(trace.x) for trace in shown[0].data[2:]] == [1, 2]


def test_speeds_are_not_drawn_where_the_caches_hold_all(tiny_lab: Lab) -> None:
    last = frames_of(tiny_lab, "es", Choice(tiny_lab.default()), speed=True)[-1]
    entries, _ = restored(last.history)
    shown = speeds(entries, lambda: Machine(20e9, 2**30), "es")
    assert shown is not None
    figure, words = shown
    assert figure is None
    assert "no se dibuja la figura" in words
    assert speeds([e.model_copy(update={"written": None}) for e in entries], lambda: Machine(20e9, 2**30), "es") is None


@each("language", LANGUAGES)
def test_memory_is_what_is_held_and_says_where_that_is_not_the_file(lab: Lab, language: Language) -> None:
    for name, text in ((CHOSEN_FORMATS[0], t.COMPUTES_HELD), ("TQ1_0", t.COMPUTES_HELD_MORE)):
        choice = Choice(lab.default(), format=name)
        quantized = finished(lab.quantized(choice.recipe()))
        assert isinstance(quantized, LoadedModel)
        report = size_report(lab.loaded(choice.model), choice.recipe())
        held = held_layers(quantized)
        said = computes(held, report, choice.recipe().activations)[language]
        bits = (packed_bits(held), report.quantized_bits_per_weight)
        shown = {key: number(b, language, 3) for key, b in zip(("held", "stored"), bits, strict=True)}
        assert said.endswith(text.format(**shown)[language])
        assert (bits[0] == pytest.approx(bits[1])) == (name != "TQ1_0")
        assert next(h.kernel for h in held if h.kernel).summary[language] in said
        rounded = computes(held, report, ACTIVATIONS["mxfp4"])[language]
        assert t.COMPUTES_SIMULATED.format(name="MXFP4")[language] in rounded


def test_frames_only_ever_compare_the_same_tokens(tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each partial result has, for both models, what a pass over exactly the windows read so far gives."""
    monkeypatch.setattr(quality, "LOGITS_BUDGET", 1)
    choice, own = Choice(tiny_lab.default(), bits=2), OWN + "Y nadie respondió."  # a text no other test has read
    quantized = finished(tiny_lab.quantized(choice.recipe()))
    assert isinstance(quantized, LoadedModel)
    passes = [known_steps(evaluate_steps(m, own_text(own))) for m in (tiny_lab.loaded(choice.model), quantized)]
    frames = [f for f in frames_of(tiny_lab, "es", choice, own) if f.details]
    assert len(frames) == len(passes[0]) > 10
    for at, (frame, original, after) in enumerate(zip(frames, *passes, strict=True)):
        shown = str(frame.details)
        assert original.protocol.tokens == after.protocol.tokens
        for score in (original, after):
            assert f">{number(score.perplexity, 'es', 4)}<" in shown, at
        assert (
            f"{fixed(original.protocol.tokens, 'es', 0)} ({fixed(original.protocol.n_bytes, 'es', 0)} bytes)" in shown
        )
        assert (t.MEASURING_BOTH.es in frame.said) == (at < len(frames) - 1)


def test_what_the_original_read_is_kept_for_the_second_scheme(tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    choice, own = Choice(tiny_lab.default()), OWN + "Y el mar."
    frames_of(tiny_lab, "es", choice, own)
    read: list[LoadedModel] = []
    forward = compare.final_hidden

    def counted(model: LoadedModel, window: quality.Window) -> torch.Tensor:
        read.append(model)
        return forward(model, window)

    monkeypatch.setattr(compare, "final_hidden", counted)
    assert frames_of(tiny_lab, "es", replace(choice, bits=5), own)[-1].history
    assert read
    assert tiny_lab.loaded(choice.model) not in read


def test_a_text_of_few_windows_says_that_it_has_no_interval(tiny_lab: Lab) -> None:
    last = frames_of(tiny_lab, "es", Choice(tiny_lab.default()), OWN[:200])[-1]
    assert t.NO_INTERVAL.es in str(last.details)
    assert t.NOT_RESAMPLED.es in str(last.details)
    assert beginning(t.INTERVAL, "es") not in str(last.details)
    assert beginning(t.RESAMPLED, "es") not in str(last.details)


@each("language", LANGUAGES)
@each(
    "text, amount, own, words",
    [
        ("enciclopedia", "poco", "", ("quick, whole", "quick, whole")),
        ("own", "quick", " \n ", ("ningún texto", "no text")),
        ("own", "quick", "Hola.", ("al menos 65", "at least 65")),
        ("own", "quick", "palabra " * 30_000, ("240 000 bytes; caben 200 000", "240,000 bytes; 200,000 fit")),
        ("quijote", "quick", "", ("enciclopedia, literatura", "enciclopedia, literatura")),
    ],
)
def test_measuring_refuses_what_it_cannot_score_and_hides_what_is_not_of_it(
    tiny_lab: Lab, language: Language, text: str, amount: str, own: str, words: tuple[str, str]
) -> None:
    asked = Asked(Choice(tiny_lab.default()), text, amount, own)
    (frame,) = measuring(tiny_lab, language).frames(asked)
    assert "lab-notice error" in frame.said
    assert words[LANGUAGES.index(language)] in plain(frame.said)
    assert frame == Measured(frame.said)
    assert frame.details == ""  # and so are the charts of the text before; the table of what was measured stays
    assert (frame.tried, frame.history, frame.picture) == (None,) * 3


@each("wrong", [{"bits": 9}, {"format": "Q9_K"}, {"format": "Q4_K"}, {"model": "nadie/nada"}])
def test_measuring_with_a_bad_recipe_gives_one_message(tiny_lab: Lab, wrong: dict[str, Any]) -> None:
    frame = frames_of(tiny_lab, "es", replace(Choice(tiny_lab.default()), **wrong))[-1]
    assert "lab-notice error" in frame.said
    assert frame == Measured(frame.said)


# ---- sizes and casts are called what they are


def test_a_cast_to_the_format_that_the_weights_came_in_says_why_it_costs_nothing(lab: Lab, tiny_lab: Lab) -> None:
    float16 = next(name for name, cast in CASTS.items() if cast == "float16")
    said = no_error(lab, Choice(EMBEDDED, format=float16))
    assert said is not None
    assert "Sin error porque estos pesos ya venían en float16; con otros modelos no es así." in said.es
    assert "10,3" in said.es
    assert no_error(lab, Choice(EMBEDDED)) is None
    for name in CASTS:
        if name != float16:
            assert no_error(lab, Choice(EMBEDDED, format=name)) is None, name
    assert no_error(tiny_lab, Choice(tiny_lab.default(), format=float16)) is None  # weights drawn in float32
    assert already_in(lab.loaded(EMBEDDED), torch.float16)


def test_the_result_of_such_a_cast_shows_it_and_no_interval_of_nothing(lab: Lab) -> None:
    float16 = next(name for name, cast in CASTS.items() if cast == "float16")
    last = frames_of(lab, "es", Choice(EMBEDDED, format=float16), OWN * 5)[-1]
    assert "ya venían en float16" in last.said
    assert "= – =" not in str(last.details) + last.said
    assert "IC 95" not in last.said


def test_no_two_sizes_share_a_name(lab: Lab) -> None:
    """The whole file, its weights, the original in memory and as published: four numbers, four names."""
    shown = planned(lab, "es", Choice(EMBEDDED))
    names = (file_texts.FILE_WHOLE, file_texts.FILE_WEIGHTS, file_texts.FILE_ORIGINAL, file_texts.FILE_PUBLISHED)
    values = re.findall(r"<small>(.*?)</small><b>(.*?)</b>", shown)
    assert [unescape(name) for name, _ in values] == [name.es for name in names]
    assert len({value for _, value in values}) == 4
    report = size_report(lab.loaded(EMBEDDED), Choice(EMBEDDED).recipe())
    card = before_measuring(lab, "es", Choice(EMBEDDED))
    assert t.SIZE.es == file_texts.FILE_WEIGHTS.es == brief_texts.PACKED.es
    assert dict(values)[file_texts.FILE_WEIGHTS.es] == size(report.stored_bytes, "es")
    assert size(report.stored_bytes, "es") in card


def test_a_perplexity_above_the_vocabulary_is_explained(tiny_lab: Lab) -> None:
    last = frames_of(tiny_lab, "es", Choice(tiny_lab.default()))[-1]
    rows = tiny_lab.loaded(tiny_lab.default()).table_rows
    assert last.history
    perplexity = last.history[0]["estimates"]["perplexity_quantized"][0]  # type: ignore[index]
    note = escape(brief_texts.ABOVE_VOCABULARY.format(n=fixed(rows, "es", 0)).es)
    assert (note in last.said) == (perplexity > rows)
    figures = Figureless(Estimate(30.0), Estimate(5000.0))
    assert above_vocabulary(figures, 4096) is not None  # type: ignore[arg-type]
    assert above_vocabulary(figures, 5000) is None  # type: ignore[arg-type]


class Figureless:
    """Perplexities alone."""

    def __init__(self, original: Estimate, quantized: Estimate) -> None:
        self.perplexity_original, self.perplexity_quantized = original, quantized


def test_change_is_a_percentage_or_a_factor() -> None:
    assert change(100, 104.1, "es") == "+4,1\u202f%"
    assert change(100, 34, "en") == "−66%"
    assert change(10, 1000, "es") == "× 100"
    assert change_ends(Estimate(1.0, Interval(1.0, 1.0)), "es") == ""
    assert change_ends(Estimate(1.1), "es") == ""


# ---- size against quality


def point(bits: float, ratio: float, spread: float = 0.02, recorded: bool = False) -> Point:
    nats = math.log(ratio)
    label = Text(f"{bits:g} bits", f"{bits:g} bits")
    around = Estimate(nats, Interval(nats - spread, nats + spread))
    verdict = judge(nats, around.interval, nats / 2, 0.8).verdict
    return Point(label, label, f"bits={bits:g}", bits, int(bits * 1e6), around, recorded, verdict)


def test_the_axis_has_a_place_for_nothing_and_for_factors() -> None:
    changes = [-0.01, 0.0, 0.001, 0.05, 0.12, 1.0, 230.0]
    heights = [placed(c) for c in changes]
    assert heights == sorted(heights)
    assert placed(0.0) == 0.0
    assert placed(-0.03) == -placed(0.03)
    assert [ratio_text(c, "en") for c in (0.0, 0.05, 0.123, 1.0, 12.2, -0.01)] == [
        "=",
        "+5%",
        "+12%",
        "× 2",
        "× 13",
        "−1%",
    ]


@each("language", LANGUAGES)
def test_the_picture_names_the_rules_own_zones_and_every_point(language: Language) -> None:
    points = [point(8, 1.001, recorded=True), point(4, 1.12), point(2, 232.0)]
    shown = tradeoff_svg(points, 20_500_000, language)
    assert shown.count("<svg") == 4
    assert len(re.findall('class="zone (?:small|noticeable|broken)"', shown)) == 4 * 3
    assert ratio_text(round(SMALL_RATIO - 1, 9), language) in shown
    assert ratio_text(BROKEN_RATIO - 1, language) in shown
    for p in points:
        assert shown.count(f'data-recipe="{p.address}" data-recipe-whole') == 4
        assert shown.count(f'href="?{p.address}&amp;tab=metrica"') == 4
    assert shown.count('class="point recorded"') == 4
    assert shown.count('class="whisker"') == 4 * 2  # of what was measured


def test_points_lie_where_their_figures_say() -> None:
    small, large, broken = point(4, 1.12), point(8, 1.0), point(2, 100.0)
    for svg in tradeoff_svg([small, large, broken], 20_000_000, "en").split("<svg")[1:]:
        marks = re.findall(r'data-recipe="bits=(\d)".*?cx="([\d.]+)" cy="([\d.]+)"', svg)
        at = {bits: (float(x), float(y)) for bits, x, y in marks}
        original = re.search(r'class="original" cx="([\d.]+)" cy="([\d.]+)"', svg)
        assert original
        assert at["2"][0] < at["4"][0] < at["8"][0] < float(original[1])
        assert at["2"][1] < at["4"][1] < at["8"][1] == float(original[2])  # the y of a picture grows downward


def test_the_picture_survives_what_cannot_be_drawn() -> None:
    a = Text("a", "a")
    endless = Point(a, a, "", 4, 1, Estimate(math.inf), recorded=False, verdict=Verdict.BROKEN)
    for odd in (point(4, 1.0, 0.0), endless, point(4, 0.5), point(400, 1.1)):
        shown = tradeoff_svg([odd], 1, "es")
        assert "nan" not in shown
        assert "inf" not in shown


def again(lab: Lab, choice: Choice, text: EvalText, entries: Sequence[Entry]) -> list[Entry]:
    """What is kept after that recipe was measured on that text, with made-up figures."""
    three = {name: [0.5, 0.4, 0.6] for name in ESTIMATES}
    return added(entries, Entry.model_validate({
        "address": choice.query(), "text": text.name if text.name in TITLES else "own", "digest": digest(text),
        "start": "" if text.name in TITLES else "Hola", "estimates": three, "kl_max": 1.0, "written": None,
        "protocol": {"context": 1, "stride": 1, "bos": True, "documents": 1, "windows": 1, "tokens": 1, "n_bytes": 1,
                     "arithmetic": "float32", "bos_in_windows": True},
        "float_bytes": 20_000_000, "stored_bytes": 7_000_000, "bits_quantized": 4.5, "bits_whole": 10.0,
    }))  # fmt: skip


def marks(shown: str) -> tuple[int, int]:
    """How many points are drawn as recorded and as measured, in one of the four drawings."""
    return shown.count('class="point recorded"') // 4, shown.count('class="point measured"') // 4


@each("language", LANGUAGES)
def test_it_is_never_empty_and_recorded_points_give_way_to_those_of_the_same_text(lab: Lab, language: Language) -> None:
    empty = picture_html([], EMBEDDED, language)
    assert marks(empty) == (7, 0)
    assert escape(picture_texts.PICTURE_TABLE[language]) in empty
    part = shipped_text("enciclopedia").part(QUICK_BYTES)
    for text, expected in ((part, (6, 1)), (shipped_text("enciclopedia"), (7, 1)), (own_text(OWN), (7, 1))):
        assert marks(picture_html(again(lab, Choice(EMBEDDED), text, []), EMBEDDED, language)) == expected


def test_one_axis_holds_one_measured_text_and_the_key_names_each(lab: Lab) -> None:
    part, own = shipped_text("literatura").part(QUICK_BYTES), own_text(OWN)
    entries = again(lab, Choice(EMBEDDED, bits=5), own, [])
    entries = again(lab, Choice(EMBEDDED, bits=3), part, entries)
    shown = picture_html(again(lab, Choice(EMBEDDED), part, entries), EMBEDDED, "es")
    assert marks(shown) == (7, 2)
    key = plain(shown.partition("<svg")[0])
    assert "grabado de antemano, del modelo incluido (Enciclopedia" in key
    assert "medido por ti con el modelo incluido (Literatura" in key
    assert "una parte), con su intervalo" in key
    assert "Tu texto" not in key
    back = picture_html(again(lab, Choice(EMBEDDED, bits=5), own, entries), EMBEDDED, "es")
    assert marks(back) == (7, 1)
    assert "Tu texto" in plain(back.partition("<svg")[0])


@each("language", LANGUAGES)
def test_the_picture_is_of_the_live_model_whatever_was_measured_last(tiny_lab: Lab, language: Language) -> None:
    tiny, part = tiny_lab.default(), shipped_text("enciclopedia").part(QUICK_BYTES)
    assert tiny != EMBEDDED
    entries = again(tiny_lab, Choice(tiny), part, [])
    assert marks(picture_html(entries, EMBEDDED, language)) == (7, 0)
    theirs = picture_html(entries, tiny, language)
    assert marks(theirs) == (0, 1)
    assert escape(tiny) in theirs.partition("<svg")[0]
    nothing = picture_html(again(tiny_lab, Choice(EMBEDDED), part, []), tiny, language)
    assert marks(nothing) == (0, 0)
    assert escape(picture_texts.PICTURE_EMPTY.format(model=tiny, n=7)[language]) in nothing
    last = frames_of(tiny_lab, language, Choice(tiny))[-1]
    assert last.picture is not None
    assert marks(last.picture) == (0, 1)


@each("language", LANGUAGES)
def test_the_axis_has_a_name_and_no_two_ticks_read_the_same(language: Language) -> None:
    for sizes in ((17.0, 18.6), (14.2, 18.2), (3.0, 40.0)):
        for svg in tradeoff_svg([point(s, 1.1) for s in sizes], 20_000_000, language).split("<svg")[1:]:
            ticks = re.findall('class="tick"[^>]*middle">([^<]*)<', svg)[:-1]
            assert len(set(ticks)) == len(ticks) > 1, ticks
            assert CHANGE[language] in svg


def test_the_caption_is_worked_out_from_the_points() -> None:
    said = plain(caption(recorded_points(recorded())).es)
    assert "La receta más pequeña con una pérdida pequeña es 6 bits (7,86 MB, +0,25 %)." in said
    assert "La primera que se rompe es 3 bits (6,38 MB, × 2,2)." in said
    good = caption([point(4, 1.2), point(5, 1.1)])
    assert good.en.startswith("None of these recipes has a small loss.")
    assert "break" not in good.en


def test_the_seven_take_their_places_one_by_one(tiny_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant.ui.tabs.metrics.picture.QUICK_BYTES", 1_500)
    frames = list(sweeping(tiny_lab, "es").frames((tiny_lab.default(), None)))
    kept = [restored(f.history)[0] for f in frames if f.history is not None]
    assert [[e.choice.bits for e in entries] for entries in kept] == [list(SWEPT_BITS[: i + 1]) for i in range(7)]
    drawn = [f.picture.count('class="point measured"') for f in frames if f.picture is not None]
    assert drawn == [4 * (i + 1) for i in range(7)]
    assert "Medidas las 7" in frames[-1].said
    assert isinstance(frames[-1], Swept)


# ---- lessons, which one when, what there is to read


def test_the_lessons_quote_what_was_recorded(lab: Lab) -> None:
    said = plain(lessons_html("es"))
    for words in ("× 13,2", "+12 %", "2,98 veces", "6,33 veces", "+16 %", "61 %", "1,8 %"):
        assert words in said, words
    links = re.findall('data-recipe="(.*?)"', lessons_html("es"))
    assert len(links) == 4
    assert {unescape(link) for link in links} <= {row.address for row in recorded().rows}


def test_every_recipe_that_the_table_offers_can_be_run(lab: Lab) -> None:
    offered = [recipe for *_, recipe in when_texts.WHEN_ROWS if recipe]
    assert len(offered) >= 8
    for recipe in offered:
        choice, errors = read_query(dict(parse_qsl(recipe, strict_parsing=True)), Choice(EMBEDDED))
        assert errors == [], recipe
        assert size_report(lab.loaded(EMBEDDED), choice.recipe()).stored_bytes
    for language in LANGUAGES:
        assert when_html(language).count("data-recipe=") == len(offered)


@each("language", LANGUAGES)
def test_amounts_are_told_in_words_counted_from_the_text(lab: Lab, language: Language) -> None:
    for name in ("enciclopedia", "literatura"):
        titles = {key: title for title, key in amounts(lab, language, EMBEDDED, name)}
        whole = rounded(words_of(shipped_text(name)))
        assert fixed(whole, language, 0) in titles["whole"]
        assert titles["quick"] != titles["whole"]
        assert re.search(r"\d+\N{NO-BREAK SPACE}(s|min)", titles["quick"])
    assert len(amounts(lab, language, "nadie/nada", "enciclopedia")) == 2


@each("kind", ["enciclopedia", "literatura", "own", "nonsense", "", None])
def test_what_stands_beside_the_text_follows_it_whoever_chose_it(lab: Lab, kind: str | None) -> None:
    """An address, a browser's storage or a hand: a value that is no text counts as the first."""
    reading = Reading(gr.Radio(), gr.Radio(), gr.Textbox(), gr.HTML())
    reads = reads_of(Place(lab, "es", Shelf(Path())), reading)
    shown: dict[Any, Any] = reads(Seen(Choice(EMBEDDED)), {reading.text: kind})
    own = kind == "own"
    assert [shown[c]["visible"] for c in (reading.own, reading.missing, reading.amount)] == [own, own, not own]
    text = kind if kind in TITLES else "enciclopedia"
    assert shown[reading.amount]["choices"] == amounts(lab, "es", EMBEDDED, text)


def test_about_is_about() -> None:
    assert [rounded(n) for n in (4.2, 43, 713, 7131, 34_449)] == [4, 40, 710, 7100, 34_000]


def test_the_counter_is_told_how_long_tokens_and_words_are(lab: Lab) -> None:
    shown = counter(lab, "es", EMBEDDED)
    told = {name: float(value) for name, value in re.findall(r'data-(per-token|per-word|need)="([\d.]+)"', shown)}
    assert told["need"] == lab.loaded(EMBEDDED).window + 1
    assert 2 < told["per-token"] < 5 < told["per-word"] < 8
    assert "{n}" in shown
    assert counter(lab, "es", "nadie/nada") == ""
    enough = shipped_text("literatura").documents[0][: int(told["need"] * told["per-token"] * 1.1)]
    tokens = len(lab.loaded(EMBEDDED).tokenizer.encode(enough, add_special_tokens=False))
    assert tokens == pytest.approx(told["need"] * 1.1, rel=0.25)  # an estimate, said with “about”


def test_an_entry_is_small(tiny_lab: Lab) -> None:
    """Forty of them fit in what a browser keeps and in the body of a call."""
    last = frames_of(tiny_lab, "es", Choice(tiny_lab.default()), speed=True)[-1]
    assert len(json.dumps(last.history)) < 6_000
    assert isinstance(restored(last.history)[0][0], Entry)
