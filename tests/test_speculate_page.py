"""Draft and correction as the page shows it: words, marks, what is refused, where it stops."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from cases import each

from quant.generation import Sampling, Step, generate
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.quantization import quantize_model
from quant.recipe import Recipe
from quant.scheme import PerGroup, Scheme
from quant.speculate import Round, speculate
from quant.text import Language
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.action import Stops
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.text import speculate_texts
from quant.ui.tabs.text.sampling import Settings
from quant.ui.tabs.text.speculate import Asked, Marked, drafting, result, verdict
from quant.work import stepped

SETTINGS = (60, 2, False, 0.7, 50, 0.95, 0)
PROMPT = "Me gusta mucho el futbol"
LANGUAGES: tuple[Language, Language] = ("es", "en")


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="module")
def coarse(tiny: LoadedModel) -> LoadedModel:
    return quantize_model(tiny, Recipe.uniform(Scheme.integer(3, PerGroup(64)), model=tiny.name))


def pieces(markup: str) -> list[tuple[str, str]]:
    """(kind, text) of each marked piece; the kind of what stands between them is empty."""
    found = re.findall(r"<(b|span|ins|del)>(.*?)</\1>|([^<]+)", markup.replace("<i>↵</i>\n", "\n"), re.DOTALL)
    return [(kind, unescape(inside or between)) for kind, inside, between in found]


def marked(loaded: LoadedModel, rounds: list[Round], language: Language = "es") -> str:
    text = Marked(loaded, rounds[0].ids[: rounds[0].prompt_tokens], language)
    for r in rounds:
        text.add(r)
    return text.markup


def alone_and(seconds: float, *rounds: Round) -> tuple[Step, list[Round]]:
    """The original alone in so many seconds, and rounds whose text is its own."""
    last = rounds[-1]
    return Step(last.ids, last.prompt_tokens, "", seconds, True), list(rounds)


# ---- the text


@each("k", [1, 4, 7])
def test_without_what_was_thrown_away_it_is_the_text(tiny: LoadedModel, coarse: LoadedModel, k: int) -> None:
    rounds = list(speculate(tiny, coarse, PROMPT, Sampling(60, stop_at_end=False), k))
    parts = pieces(marked(tiny, rounds))
    assert parts[0] == ("b", PROMPT)
    shown = "".join(text for kind, text in parts if kind != "del")
    assert shown == tiny.tokenizer.decode(rounds[-1].ids, clean_up_tokenization_spaces=False)
    assert sum(kind == "del" for kind, _ in parts) == sum(r.accepted < len(r.drafted) for r in rounds)


def test_each_piece_has_the_mark_of_what_happened_to_it(lab: Lab) -> None:
    loaded = lab.loaded(EMBEDDED)
    prompt, new, thrown, own = (
        loaded.tokenizer.encode(text, add_special_tokens=False) for text in ("Hola", " de la casa", " el mar", " un")
    )
    first = Round((*new, *thrown), len(new), own[0], (*prompt, *new, *own[:1]), len(prompt), 1.0, 0.5, 0, False)
    parts = pieces(marked(loaded, [first]))
    assert parts[0] == ("b", "Hola")
    assert "".join(text for kind, text in parts if kind == "span").replace(" ", "") == "delacasa"
    assert ("del", "el mar") in parts
    assert parts[-1][0] == "ins"
    assert parts.index(("del", "el mar")) == len(parts) - 3  # in its place: before a space and what was written instead


def test_a_character_of_several_tokens_is_one_piece(tiny: LoadedModel) -> None:
    tokens = tiny.tokenizer.encode("🦙", add_special_tokens=False)
    assert len(tokens) > 2
    prompt = tuple(tiny.tokenizer.encode("El", add_special_tokens=False))
    whole = Round(tuple(tokens), len(tokens), None, (*prompt, *tokens), len(prompt), 1.0, 0.5, 0, True)
    assert pieces(marked(tiny, [whole]))[1:] == [("span", "🦙")]
    shared = replace(whole, drafted=tuple(tokens[:-1]), accepted=len(tokens) - 1, own=tokens[-1])
    assert pieces(marked(tiny, [shared]))[1:] == [("ins", "🦙")]


def test_line_ends_and_markup_and_the_end_are_seen(lab: Lab) -> None:
    loaded = lab.loaded(EMBEDDED)
    end = loaded.tokenizer.eos_token_id
    prompt = loaded.tokenizer.encode("<b>Hola</b>")
    line = loaded.tokenizer.encode("\n<u>", add_special_tokens=False)
    r = Round((*line, end), len(line), end, (*prompt, *line, end), len(prompt), 1.0, 0.5, 0, True)
    shown = marked(loaded, [r], "en")
    assert "<b>&lt;b&gt;Hola&lt;/b&gt;</b>" in shown
    assert "<i>↵</i>\n" in shown
    assert "<u>" not in shown
    assert "<del>[end]</del> <ins>[end]</ins>" in shown
    thrown = Round((line[0],), 0, prompt[-1], (*prompt, prompt[-1]), len(prompt), 1.0, 0.5, 0, True)
    assert "<del><i>↵</i></del>" in marked(loaded, [thrown])  # breaks no line


# ---- the words


@each(
    "alone, es, en",
    [
        (4.2, "1,4\u00a0veces más deprisa", "1.4\u00a0times as fast"),
        (1.0, "3,0\u00a0veces más despacio", "3.0\u00a0times slower"),
        (3.05, "prácticamente lo mismo", "practically the same"),
        (2.95, "prácticamente lo mismo", "practically the same"),
        (3.21, "1,07\u00a0veces más deprisa", "1.07\u00a0times as fast"),
    ],
)
def test_the_sentence_above_says_hits_and_speeds(alone: float, es: str, en: str) -> None:
    first = Round((1, 2, 3, 4), 1, 9, (0, 1, 9), 1, 1.0, 0.5, 0, False)
    last = Round((5, 6), 2, 7, (0, 1, 9, 5, 6, 7), 1, 3.0, 2.0, 0, True)
    step, rounds = alone_and(alone, first, last)
    said = verdict(step, rounds, "es")
    assert said.startswith("El borrador acertó el 50\u202f% de las veces (3/6). Comparado con el original solo, ")
    assert es in said
    assert said.endswith(speculate_texts.SPECULATE_SAME.es)
    assert "right 50% of the time (3/6). Against the original alone: " in verdict(step, rounds, "en")
    assert en in verdict(step, rounds, "en")


@each("language", LANGUAGES)
def test_the_share_of_time_is_said_where_it_is_slower(lab: Lab, language: Language) -> None:
    loaded = lab.loaded(EMBEDDED)
    r = Round((5, 6), 2, 7, (0, 5, 6, 7), 1, 4.0, 3.0, 0, True)
    why = speculate_texts.SPECULATE_WHY_SLOWER[language].partition("{")[0]
    slow, fast = (result(*alone_and(s, r), Marked(loaded, [0], language), language) for s in (1.0, 9.0))
    assert why in slow
    assert ("75\u202f%" if language == "es" else "75%") in slow
    assert why not in fast
    for shown in (slow, fast):
        assert html.badge("measured", language) in shown
        assert shown.count("<details>") == 1


def test_a_text_that_differs_says_where_and_how_many_near_ties() -> None:
    r = Round((5, 6), 2, 7, (0, 5, 6, 7), 1, 4.0, 3.0, 2, True)
    other = Step((0, 5, 8, 7), 1, "", 1.0, True)
    assert "original solo en el token 2:" in verdict(other, [r], "es")
    assert "(casi empates en este texto: 2)" in verdict(other, [r], "es")
    assert speculate_texts.SPECULATE_SAME.es not in verdict(other, [r], "es")
    sooner = Step((0, 5), 1, "", 1.0, True)
    assert "alone at token 2:" in verdict(sooner, [r], "en")


def said(lab: Lab, language: Language, choice: Choice, prompt: str, drafted: float | None, *settings: Any) -> list[str]:
    """What the output says, frame by frame."""
    return [f.said for f in drafting(lab, language).frames(Asked(choice, prompt, drafted, Settings(*settings)))]


def test_where_nothing_could_be_drafted_nothing_is_compared(lab: Lab) -> None:
    length = len(lab.loaded(EMBEDDED).tokenizer.encode(PROMPT)) + 1
    *_, last = said(lab, "es", Choice(EMBEDDED), PROMPT, 4, length, *SETTINGS[1:])
    assert speculate_texts.SPECULATE_NO_DRAFT.es in last
    assert "nan" not in last
    assert "<details>" not in last
    assert "más de" not in last


# ---- the section, without a server


@each("language", LANGUAGES)
def test_it_ends_with_words_text_legend_and_recipe(lab: Lab, language: Language) -> None:
    *_, last = said(lab, language, Choice(EMBEDDED, bits=4), PROMPT, 3, *SETTINGS)
    assert speculate_texts.SPECULATE_SAME[language] in last
    assert "tokens/s" not in last
    for words in (
        speculate_texts.SPECULATE_ACCEPTED,
        speculate_texts.SPECULATE_OWN,
        speculate_texts.SPECULATE_REJECTED,
        speculate_texts.SPECULATE_MEASURED,
    ):
        assert words[language] in unescape(last)
    assert "caret" not in last
    assert "endoftext" not in last
    assert speculate_texts.SPECULATE_GREEDY[language] not in last
    assert not re.search(r"\bnan\b|\bNone\b|[{}]", last)


def test_the_text_shown_is_the_originals_own(lab: Lab) -> None:
    *_, last = said(lab, "es", Choice(EMBEDDED, bits=3), PROMPT, 5, *SETTINGS)
    inside = last.split('class="lab-spec-text"')[1].split(">", 1)[1].split("</div>")[0]
    text = "".join(part for kind, part in pieces(inside) if kind != "del")
    assert text.replace(" [fin]", "") == generate(lab.loaded(EMBEDDED), PROMPT, Sampling(60)).text


def test_rounds_are_shown_as_they_come(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant.ui.tabs.text.speculate.REDRAW_S", 0.0)
    frames = list(said(lab, "es", Choice(EMBEDDED, bits=3), PROMPT, 2, *SETTINGS))
    alone = [f for f in frames if speculate_texts.SPECULATE_ALONE.es in f]
    growing = [f for f in frames if "lab-spec-text" in f and "caret" in f]
    assert len(alone) > 3
    assert len(growing) > 3
    assert frames.index(alone[-1]) < frames.index(growing[0])
    assert all("De momento, el borrador acierta" in f for f in growing)
    lengths = [len(f.split("lab-spec-legend")[0]) for f in growing]
    assert lengths == sorted(lengths)


def test_it_stops_between_two_rounds_and_keeps_what_it_has(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant.ui.tabs.text.speculate.REDRAW_S", 0.0)
    stops = Stops()
    work = drafting(lab, "es").stream(Asked(Choice(EMBEDDED, bits=2), PROMPT, 2, Settings(*SETTINGS)))
    shown = ""
    for shown in (frame.said for frame in stepped(stops.heed("ana", "es", work))):
        if "lab-spec-text" in shown:
            stops.ask("ana")
    assert shared_texts.STOPPED.es in shown
    assert "lab-spec-text" in shown
    assert "caret" not in shown
    assert speculate_texts.SPECULATE_SAME.es not in shown
    with lab.heavy.turn() as turn:
        assert turn.ahead == 0


@each("language", LANGUAGES)
def test_sampling_is_set_aside_and_said(lab: Lab, language: Language) -> None:
    frames = list(said(lab, language, Choice(EMBEDDED), PROMPT, 4, 30, 2, True, *SETTINGS[3:]))
    assert all(speculate_texts.SPECULATE_GREEDY[language] in unescape(f) for f in frames)
    assert speculate_texts.SPECULATE_SAME[language] in frames[-1]


@each(
    "prompt, drafted, length, words",
    [
        (" ", 4, 60, "vacío"),
        ("hola " * 600, 4, 60, "tokens"),
        (PROMPT, None, 60, "Falta un número en «Tokens de borrador por ronda»"),
        (PROMPT, 0, 60, "0 tokens de borrador por ronda: tiene que ser un número entero de 1 a 7"),
        (PROMPT, 8.0, 60, "de 1 a 7"),
        (PROMPT, 2.5, 60, "2,5 tokens de borrador"),
        (PROMPT, 4, None, "max_length"),
    ],
)
def test_bad_requests_get_one_message(
    lab: Lab, prompt: str, drafted: float | None, length: int | None, words: str
) -> None:
    (only,) = said(lab, "es", Choice(EMBEDDED), prompt, drafted, length, *SETTINGS[1:])
    assert words in only
    assert "lab-notice error" in only


def test_a_bad_recipe_gets_its_message(lab: Lab) -> None:
    *_, last = said(lab, "en", Choice(EMBEDDED, bits=9), PROMPT, 4, *SETTINGS)
    assert "from 2 to 8" in last
    *_, last = said(lab, "en", Choice("nobody/nothing"), PROMPT, 4, *SETTINGS)
    assert "nobody/nothing" in last
