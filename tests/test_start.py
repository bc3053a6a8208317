"""The opening without a server: what it says at each stop, and what the models write after a visitor's beginning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, NoReturn

import pytest
from cases import each

from quant.changes import changed_spans
from quant.errors import ModelError
from quant.generation import Sampling, generate
from quant.lab import Lab
from quant.model.load import EMBEDDED
from quant.quantization import quantize_model
from quant.recorded import recorded
from quant.size import size_report
from quant.text import Language, Text
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Stops
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.start import hero_texts as t
from quant.ui.tabs.start import own
from quant.ui.tabs.start.hero import FIRST, STOPS, hero, marked_text
from quant.ui.tabs.start.own import NEW_TOKENS, Asked, Written, order, own_beginning
from quant.work import stepped

LANGUAGES: list[Language] = ["es", "en"]
PROMPT = "Aquella noche"


class Data(HTMLParser):
    """What is in the `data-lab` of an element, as JSON."""

    def __init__(self, markup: str, tag: str) -> None:
        super().__init__()
        self.tag, self.found = tag, {}
        self.feed(markup)

    found: dict[str, Any]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == self.tag:
            self.found |= json.loads(str(dict(attrs)["data-lab"]))


def stops(language: Language) -> dict[str, dict[str, Any]]:
    return {stop["key"]: stop for stop in Data(hero(language), "lab-hero").found["stops"]}


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


def frames(lab: Lab, prompt: str, bits: int = 4, language: Language = "es") -> list[Written]:
    return list(own_beginning(lab, language).frames(Asked(prompt, bits)))


def handed(frame: Written) -> dict[str, Any]:
    """What a frame gives to the opening."""
    return Data(str(frame.texts), "lab-hero-live").found


def stopped_when(lab: Lab, enough: Callable[[dict[str, Any]], bool]) -> list[Written]:
    """The frames of a visitor who presses the stop button at the first one that is enough."""
    stops, seen = Stops(), []
    for frame in stepped(stops.heed("x", "es", own_beginning(lab, "es").stream(Asked(PROMPT, 3)))):
        seen.append(frame)
        if frame.texts and enough(handed(frame)):
            stops.ask("x")
    return seen


def without_tags(markup: str) -> str:
    return re.sub(r"<[^>]*>", "", markup)


@each("language", LANGUAGES)
def test_every_stop_is_there_and_the_first_state_is_in_the_markup(language: Language) -> None:
    found = stops(language)
    assert tuple(found) == STOPS
    visible = without_tags(re.sub(r'data-lab="[^"]*"', "", hero(language)))
    first = found[FIRST]
    for part in ("said", "size", "of", "told", "perplexity", "kl", "caption"):
        assert first[part] in visible, part
    assert without_tags(first["text"]) in visible
    assert t.QUESTION[language] in visible


def test_what_is_said_of_a_recipe_is_what_the_recipe_is(lab: Lab) -> None:
    """Sizes by the library's own count; bars that add up to them."""
    loaded = lab.loaded(EMBEDDED)
    for key, stop in stops("en").items():
        assert len(stop["levels"]) == (0 if key == "original" else 16)
        if key == "original":
            assert (stop["rest"], stop["codes"], stop["size"]) == (100, 0, "20.5\u202fMB")
            continue
        report = size_report(loaded, Choice(EMBEDDED, bits=int(key)).recipe())
        kept = sum(row.stored_bytes for row in report.rows if not row.quantized)
        assert stop["rest"] == pytest.approx(100 * kept / report.float_bytes, abs=0.02)
        assert stop["rest"] + stop["codes"] == pytest.approx(100 * report.stored_bytes / report.float_bytes, abs=0.02)
        assert stop["caption"].startswith(f"{key} bits: {2 ** int(key) - 1} values")


def test_the_weights_stand_on_lines_of_their_grid() -> None:
    for key in ("5", "4", "3", "2"):
        stop = stops("es")[key]
        lines = {float(y) for y in re.findall(r'y1="([-\d.]+)%"', stop["grid"])}
        assert len(lines) == 2 ** int(key) - 1
        assert set(stop["levels"]) <= lines
        assert all(0 < y < 100 for y in lines)


def test_the_fall_is_marked_in_colour_and_shape_only_where_something_changed() -> None:
    found = stops("es")
    assert [key for key in STOPS if "<mark>" not in found[key]["text"]] == ["original", "8", "6"]
    assert found["6"]["told"] == t.SAME.es
    assert found["4"]["told"] == t.CHANGED.es
    verdicts = [re.search(r"lab-chip-verdict (\w+)", found[key]["chip"]) for key in STOPS]
    assert [v and v[1] for v in verdicts] == ["none", "small", "small", "noticeable", "noticeable", "broken", "broken"]


def test_a_text_is_escaped_and_its_line_breaks_are_spaces() -> None:
    shown = marked_text("<b>", " uno\n<i> dos", ((4, 8),))
    assert "<i>" not in shown
    assert "\n" not in shown
    assert without_tags(shown) == "&lt;b&gt; uno &lt;i&gt; dos…"


def test_a_text_may_end_in_any_way_and_is_cut_with_dots() -> None:
    assert [without_tags(marked_text("", text, ())) for text in (" o no.\n—", " o no", "")] == [" o no…", " o no…", "…"]


def test_the_models_go_on_from_a_beginning_of_the_visitors_own(lab: Lab) -> None:
    *_, last = frames(lab, f"  {PROMPT} ", bits=3)
    data = handed(last)
    assert last.said == ""
    assert data["ended"]
    assert data["done"] == order(3)
    assert set(data["texts"]) == set(STOPS)
    loaded = lab.loaded(EMBEDDED)
    sampling = Sampling(max_length=len(loaded.tokenizer.encode(PROMPT)) + NEW_TOKENS)
    original = generate(loaded, PROMPT, sampling).text[len(PROMPT) :]
    assert data["texts"]["original"] == marked_text(PROMPT, original, ())
    for key in ("3", "6"):
        model = quantize_model(loaded, Choice(EMBEDDED, bits=int(key)).recipe())
        text = generate(model, PROMPT, sampling).text[len(PROMPT) :]
        assert data["texts"][key] == marked_text(PROMPT, text, changed_spans(original, text))


def test_the_two_that_are_looked_at_come_first(lab: Lab) -> None:
    seen: list[str] = []
    for frame in frames(lab, PROMPT, bits=3):
        if frame.texts:
            seen += [key for key in Data(str(frame.texts), "lab-hero-live").found["texts"] if key not in seen]
    assert seen == ["original", "3", "8", "6", "5", "4", "2"]
    assert order(7) == list(STOPS)


def test_each_frame_says_which_texts_are_all_there_and_that_more_will_come(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "REDRAW_S", 0)
    *before, _ = frames(lab, PROMPT, bits=3)
    seen = [handed(frame) for frame in before if frame.texts]
    assert not any(data["ended"] for data in seen)
    assert seen[0]["done"] == []
    for data in seen:
        growing = set(data["texts"]) - set(data["done"])
        assert growing <= set(order(3)[len(data["done"]) :][:1])
    assert all("progressbar" in frame.said for frame in before)


@each("done", [[], ["original"], ["original", "3"]])
def test_what_is_stopped_says_so_and_that_no_more_will_come(
    lab: Lab, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own, "REDRAW_S", 0)
    last = stopped_when(lab, lambda data: data["done"] == done)[-1]
    assert shared_texts.STOPPED.es in without_tags(last.said)
    data = handed(last)
    assert data["ended"]
    assert done == data["done"][: len(done)]
    assert set(data["texts"]) < set(STOPS)


def test_a_model_that_cannot_be_made_ends_it_and_keeps_what_is_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> NoReturn:
        raise ModelError(Text("No cabe.", "It does not fit."))

    monkeypatch.setattr(lab, "quantized", refuse)
    last = frames(lab, PROMPT)[-1]
    assert "No cabe." in without_tags(last.said)
    assert handed(last)["ended"]
    assert handed(last)["done"] == ["original"]


@each("language", LANGUAGES)
def test_a_bad_beginning_gets_a_sentence_and_changes_no_text(lab: Lab, language: Language) -> None:
    for prompt, said in (
        ("  ", r"vacío|empty"),
        ("palabra " * 200, r"caben unas \d+ palabras|words fit"),
        ("ya " * 100, r"caben unas \d+ palabras|words fit"),
    ):
        (only,) = frames(lab, prompt, language=language)
        assert 'role="alert"' in only.said
        assert re.search(said, without_tags(only.said))
        assert only.texts is None


def test_what_is_recorded_says_so_and_what_is_live_too() -> None:
    strings = Data(hero("es"), "lab-hero").found["strings"]
    assert shared_texts.BADGES["recorded"][0].es in strings["recorded"]
    assert t.LIVE.es in strings["live"]
    assert recorded().prompt in without_tags(hero("es"))
