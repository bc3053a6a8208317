"""What an address opens: the first document shows its tab, recipe and texts, in its language, with its own preview."""

from __future__ import annotations

import json
import re
import urllib.request
from html import unescape
from typing import Any

import pytest
from cases import each

from quant.text import Language
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar import texts as sidebar_texts
from quant.ui.tabs.table import TITLES

pytestmark = pytest.mark.browser  # with the tests that need the served page
PATHS = {"es": "", "en": "en"}


def document(server: str, language: Language, query: str = "", **headers: str) -> str:
    asked = urllib.request.Request(f"{server}{PATHS[language]}?{query}", headers=headers)
    with urllib.request.urlopen(asked, timeout=60) as response:
        return str(response.read().decode())


def meta(page: str, name: str) -> list[str]:
    found = re.findall(rf'<meta (?:property|name)="{name}" content="([^"]*)"', page)
    return [unescape(one) for one in found]


def config(page: str) -> dict[str, Any]:
    written = re.search(r"window\.gradio_config = (\{.*?\});</script>", page, re.DOTALL)
    assert written
    found: dict[str, Any] = json.loads(written[1])
    return found


def prop(page: str, elem_id: str, name: str) -> Any:
    """A property of a component as the document has it."""
    return next(one["props"][name] for one in config(page)["components"] if one["props"].get("elem_id") == elem_id)


@each("language", ["es", "en"])
def test_a_link_has_its_own_preview_in_its_language(server: str, language: Language) -> None:
    page = document(server, language, "tab=metrica&bits=3")
    other: Language = "en" if language == "es" else "es"
    assert re.search(r'<html\s+lang="(\w+)"', page).group(1) == language  # type: ignore[union-attr]
    (title,), (said,), (picture,) = (meta(page, f"og:{name}") for name in ("title", "description", "image"))
    assert title == f"{TITLES['metrica'][language]} · {shared_texts.TITLE[language]}"
    assert f"<title>{shared_texts.TITLE[language]}</title>" in page
    assert "3 bits · " in said
    assert shared_texts.SUBTITLE[language] in said
    assert picture.endswith(f"/preview-{language}.png")
    assert "radio" not in title.lower() + said
    assert shared_texts.SUBTITLE[other] not in page.partition("window.gradio_config")[0]
    with urllib.request.urlopen(picture, timeout=60) as response:
        content = response.read()
    assert response.headers["Content-Type"] == "image/png"
    assert content[16:24] == (1200).to_bytes(4, "big") + (630).to_bytes(4, "big")


@each("language", ["es", "en"])
def test_the_document_holds_the_tab_the_recipe_and_the_texts_of_its_address(server: str, language: Language) -> None:
    page = document(server, language, "tab=texto&bits=3&granularity=channel&prompt=Hola+%C2%ABt%C3%BA%C2%BB+%3Cb%3E")
    assert prop(page, f"tabs-{language}", "selected") == "texto"
    assert prop(page, f"bits-{language}", "value") == 3
    assert prop(page, f"prompt-{language}", "value") == "Hola «tú» <b>"
    assert "<b>" not in page.partition("window.gradio_config")[2].partition("</script>")[0]
    usual = document(server, language)
    assert prop(usual, f"tabs-{language}", "selected") == "inicio"
    assert prop(usual, f"bits-{language}", "value") == 4  # one visitor's address is nobody else's


def test_the_opening_stands_in_the_document_before_any_script(server: str) -> None:
    page = document(server, "es")
    body = page.partition("</head>")[2]
    assert body.index('id="lab-first"') < body.index("<lab-hero") < body.index("<gradio-app")
    assert 'id="lab-first"' not in document(server, "es", "tab=texto").partition("</head>")[2]


def test_a_document_travels_compressed(server: str) -> None:
    asked = urllib.request.Request(server, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=60) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(response.read()) < 200_000


def test_a_document_is_found_however_it_is_asked_for(server: str) -> None:
    for path in ("", "en", "en/?bits=3"):
        asked = urllib.request.Request(f"{server}{path}", method="HEAD")
        with urllib.request.urlopen(asked, timeout=60) as response:
            assert response.status == 200
            assert path.endswith("bits=3") or response.read() == b""  # who is led on asks for all of it
            assert not response.url.partition("?")[0].endswith("/en/")
    assert prop(document(server, "en", "bits=3"), "bits-en", "value") == 3


@each("name, own", [("prompt", "texto"), ("drift", "texto"), ("own", "metrica"), ("principio", "inicio"),
                    ("measured_text", "metrica"), ("layer", "pesos")])  # fmt: skip
@each("value", ["bogus", "", "%00", "%F0%9F%99%82", "x" * 2500])
def test_what_an_address_keeps_is_shown_only_where_it_fits(server: str, name: str, own: str, value: str) -> None:
    """In its own tab and in another."""
    for tab in {own, "inicio"}:
        page = document(server, "es", f"tab={tab}&{name}={value}")
        assert prop(page, "tabs-es", "selected") == tab


@each("query", ["bits=99&tab=nowhere&model=nobody", "prompt=" + "x" * 3000, "layer=%00&group=7&format=%3Cscript%3E"])
def test_an_address_that_cannot_be_opens_the_usual_page(server: str, query: str) -> None:
    page = document(server, "es", query)
    assert prop(page, "tabs-es", "selected") == "inicio"
    assert prop(page, "bits-es", "value") == 4
    assert len(prop(page, "prompt-es", "value")) < 100


def test_an_address_with_a_method_that_reads_a_text_opens_at_once_and_says_how_it_is_made(server: str) -> None:
    """Nothing heavy is done for a document: neither Pesos nor the picture of Inicio."""
    for tab in ("pesos", "inicio"):
        page = document(server, "es", f"tab={tab}&format=Q4_0&method=importance&steps=hadamard")
        assert "hay que hacer antes el modelo" in unescape(page)
        assert prop(page, "bits-es", "value") == 4
        opened = [one["props"] for one in config(page)["components"] if one["props"].get("open") is True]
        assert [one["label"] for one in opened] == [sidebar_texts.METHOD_SECTION.es]
