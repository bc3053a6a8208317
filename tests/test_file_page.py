"""The quantized model taken away from the page in a real browser: promised to the byte, downloaded, loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Download, expect
from visits import DESKTOP, PHONE, Visit, visit

import quant
from quant.file.quantized import predicted_bytes, read_recipe
from quant.loading import load_model
from quant.model.load import EMBEDDED, LoadedModel
from quant.quantization import quantize_model
from quant.text import Language, fixed
from quant.ui.shared import texts as shared_texts
from quant.ui.sidebar.choice import Choice
from quant.ui.tabs.metrics import file_texts

pytestmark = pytest.mark.browser
PROMPT = "Me gusta mucho el futbol"


def logits(loaded: LoadedModel) -> torch.Tensor:
    ids = loaded.tokenizer.encode(PROMPT, add_special_tokens=False)
    with torch.inference_mode():
        return loaded.model(torch.tensor([ids])).logits


@pytest.fixture(params=["es", "en"])
def desktop(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, request.param, DESKTOP)


@pytest.fixture
def phone(browser: Browser, server: str) -> Iterator[Visit]:
    yield from visit(browser, server, "es", PHONE)


def downloaded(seen: Visit) -> Download:
    seen.page.locator(f"#prepare-{seen.language}").click()
    button = seen.page.locator(f"#download-{seen.language}")
    expect(button).to_be_visible()
    seen.ended("prepare-stop")  # until then a late frame may put another button in its place
    with seen.page.expect_download() as waiting:
        button.click()
    return waiting.value


def test_a_visitor_takes_the_model_away_and_it_is_the_one_quantized_here(desktop: Visit, tmp_path: Path) -> None:
    desktop.open("tab=metrica&bits=3&group=32&table=1")
    language: Language = desktop.language  # type: ignore[assignment]
    recipe, original = Choice(EMBEDDED, bits=3, group=32, table=True).recipe(), load_model()
    n_bytes = fixed(predicted_bytes(original, recipe), language, 0)
    expect(desktop.page.locator(f"#file-plan-{language}")).to_contain_text(
        file_texts.FILE_BYTES.format(n=n_bytes)[language]
    )
    download = downloaded(desktop)
    assert download.suggested_filename == "embedded-int3-group32-table.safetensors"
    path = tmp_path / download.suggested_filename
    download.save_as(path)
    assert path.stat().st_size == predicted_bytes(original, recipe)
    shown = desktop.page.locator(f"#file-{language}")
    expect(shown).to_contain_text(hashlib.sha256(path.read_bytes()).hexdigest())
    expect(shown.get_by_label(shared_texts.BADGES["packed"][0][language])).to_be_visible()
    expect(desktop.page.locator(f"#file-code-{language}")).to_contain_text(path.name)
    assert read_recipe(path) == recipe
    assert torch.equal(logits(quant.load_quantized(path)), logits(quantize_model(original, recipe)))


def test_on_a_phone_the_promise_follows_the_bits_and_nothing_sticks_out(phone: Visit) -> None:
    phone.open("tab=metrica&bits=3")
    promised = {b: fixed(predicted_bytes(load_model(), Choice(EMBEDDED, bits=b).recipe()), "es", 0) for b in (2, 3)}
    plan = phone.page.locator("#file-plan-es")
    expect(plan).to_contain_text(promised[3])
    phone.page.evaluate("window.labAsk({recipe: 'bits=2'})")
    expect(plan).to_contain_text(promised[2])
    assert downloaded(phone).suggested_filename == "embedded-int2-group64.safetensors"
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
