"""The workbench without a browser: its strings, its element, and that its script asks only for sentences that exist."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from cases import each

from quant.loading import load_model
from quant.recorded import recorded
from quant.text import Language
from quant.ui.tabs.start.rounding import FOLDER, SCRIPT, STYLE, element, sample, strings

LANGUAGES: list[Language] = ["es", "en"]


class Elements(HTMLParser):
    """The attributes of each element of one kind."""

    def __init__(self, markup: str, tag: str = "lab-rounding") -> None:
        super().__init__()
        self.tag = tag
        self.found: list[dict[str, str | None]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == self.tag:
            self.found.append(dict(attrs))


@each("language", LANGUAGES)
def test_the_element_carries_its_language_and_every_sentence(language: Language) -> None:
    (found,) = Elements(element(language)).found
    assert found["data-language"] == language
    assert json.loads(str(found["data-strings"])) == strings(language)


def test_it_begins_with_the_weights_of_the_opening() -> None:
    (found,) = Elements(element("es")).found
    assert json.loads(str(found["data-weights"])) == [float(f"{w:.4g}") for w in recorded().weights]


@each("language", LANGUAGES)
def test_weights_of_a_model_are_handed_over_with_the_name_of_their_layer(language: Language) -> None:
    loaded = load_model()
    (found,) = Elements(sample(loaded, language), "lab-sample").found
    data = json.loads(str(found["data-lab"]))
    first = loaded.weight(recorded().layer)[0].tolist()
    assert data["sample"] == [float(f"{w:.4g}") for w in first]
    assert "MLP" in data["layer"]


def test_both_languages_have_the_same_keys() -> None:
    assert strings("es").keys() == strings("en").keys()
    assert strings("es")["error_name"] == "error"


def test_the_script_asks_only_for_sentences_that_exist_and_leaves_none_unsaid() -> None:
    words = set(re.findall(r'"([a-z]\w*)"', SCRIPT))
    asked = set(re.findall(r'\b(?:say|s)\("(\w+)"', SCRIPT))
    keys = strings("es").keys()
    assert len(asked) > 30
    assert asked <= keys
    assert keys - words == {"heading", "intro"}  # said by Python


def test_nothing_is_fetched_and_the_files_are_all_there() -> None:
    assert "http" not in SCRIPT.replace("http://www.w3.org/2000/svg", "")
    assert "@import" not in STYLE
    assert "url(" not in STYLE
    for file in FOLDER.glob("round*.js"):
        assert file.read_text(encoding="utf8") in SCRIPT
