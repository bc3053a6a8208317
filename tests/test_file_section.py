"""The quantized model as the page gives it: promised to the byte, downloaded, loaded; refused in words; room kept."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import shutil
import tempfile
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import quant
from quant.file.quantized import predicted_bytes
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.recipe import Recipe
from quant.scheme import PerGroup, Scheme
from quant.size import size_report
from quant.text import Language, fixed, size
from quant.ui.shared import html
from quant.ui.shared import texts as shared_texts
from quant.ui.shared.shelf import Shelf
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.fields import ACTIVATIONS
from quant.ui.sidebar.formats import CHOSEN_FORMATS
from quant.ui.tabs.metrics import file_texts
from quant.ui.tabs.metrics.file import file_name, planned, preparing
from quant.work import finished

LANGUAGES: tuple[Language, Language] = ("es", "en")
PROMPT = "Me gusta mucho el futbol"


@pytest.fixture(scope="module")
def lab(hub_folder: Path) -> Lab:
    return Lab(extra=hub_folder)


@pytest.fixture
def choice(lab: Lab) -> Choice:
    return Choice(lab.default(), bits=3)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def prepared(shelf: Shelf, lab: Lab, language: Language, choice: Choice) -> list[tuple[Any, ...]]:
    """All frames: what is said, the download button, the code."""
    return [tuple(vars(frame).values()) for frame in preparing(lab, shelf, language).frames(choice)]


def files_in(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file())


def logits(loaded: LoadedModel) -> torch.Tensor:
    ids = loaded.tokenizer.encode(PROMPT, add_special_tokens=False)
    with torch.inference_mode():
        return loaded.model(torch.tensor([ids])).logits


# ---- what is promised


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_size_is_promised_to_the_byte_beside_the_originals(lab: Lab, choice: Choice, language: Language) -> None:
    loaded, recipe = lab.loaded(choice.model), choice.recipe()
    shown, report = planned(lab, language, choice), size_report(loaded, recipe)
    n_bytes = predicted_bytes(loaded, recipe)
    for amount in (n_bytes, report.stored_bytes, n_bytes - report.stored_bytes, report.float_bytes):
        assert f"{fixed(amount, language, 0)}" in shown
    assert size(n_bytes, language) in shown
    assert html.legend(("packed",), language) in shown
    assert shown != planned(lab, language, replace(choice, bits=4))


def test_a_choice_that_cannot_be_promises_nothing(lab: Lab, choice: Choice) -> None:
    assert planned(lab, "es", replace(choice, bits=9)) == ""
    assert planned(lab, "es", replace(choice, model="nobody/nothing")) == ""


def test_every_recipe_has_a_name_of_its_own() -> None:
    integers = [Choice(EMBEDDED, bits, granularity, group, zero, table, activations=activations)
                for bits in (2, 8) for granularity, group in (("tensor", 64), ("group", 16), ("group", 64))
                for zero in (False, True) for table in (False, True) for activations in ACTIVATIONS]  # fmt: skip
    names = [file_name(c) for c in [*integers, *(Choice(EMBEDDED, format=f) for f in CHOSEN_FORMATS)]]
    assert len({c.recipe() for c in integers}) == len(integers)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w.-]+\.safetensors", name, re.ASCII) for name in names)
    assert file_name(Choice("usuario/mi modelo ñ/")) == "mi-modelo-int4-group64.safetensors"


def test_a_disk_that_cannot_be_written_to_promises_nothing_and_preparing_says_why(
    shelf: Shelf, hub_folder: Path, choice: Choice, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = Lab(extra=hub_folder)  # whose tokenizer has not been measured yet
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    assert planned(fresh, "es", choice) == ""
    *_, (shown, button, _) = prepared(shelf, fresh, "es", choice)
    assert file_texts.FILE_NO_FOLDER.es.partition("{")[0] in unescape(shown)
    assert not button["visible"]


# ---- the file


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_frame_gives_the_file_its_checksum_and_code_that_runs(
    shelf: Shelf, lab: Lab, choice: Choice, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    *before, (shown, button, code) = prepared(shelf, lab, language, choice)
    assert before
    assert not any(part["visible"] for frame in before for part in frame[1:])
    path = Path(button["value"])
    n_bytes = predicted_bytes(lab.loaded(choice.model), choice.recipe())
    assert path.stat().st_size == n_bytes
    assert file_texts.FILE_READY.format(n=fixed(n_bytes, language, 0))[language] in shown
    assert hashlib.sha256(path.read_bytes()).hexdigest() in shown
    assert (html.mark("packed", language) in shown, button["visible"], code["visible"]) == (True, True, True)
    assert button["label"] == file_texts.FILE_DOWNLOAD.format(size=size(n_bytes, language))[language]
    monkeypatch.chdir(path.parent)
    (source,) = re.findall(r"```python\n(.*?)```", code["value"], re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(source, {})
    model = finished(lab.quantized(choice.recipe()))
    assert printed.getvalue() == quant.generate(model, shared_texts.DEFAULT_PROMPT).text + "\n"


def test_the_same_recipe_is_written_once_and_another_beside_it(shelf: Shelf, lab: Lab, choice: Choice,
                                                               tmp_path: Path) -> None:  # fmt: skip
    first = prepared(shelf, lab, "es", choice)
    assert len(first) > 1
    (again,) = prepared(shelf, lab, "en", choice)  # at once, whoever asks
    assert again[1]["value"] == first[-1][1]["value"]
    prepared(shelf, lab, "es", replace(choice, bits=4))
    assert len(files_in(tmp_path)) == 2


def test_a_file_that_somebody_tidied_away_is_written_again(
    shelf: Shelf, lab: Lab, choice: Choice, tmp_path: Path
) -> None:
    *_, last = prepared(shelf, lab, "es", choice)
    for folder in tmp_path.iterdir():
        shutil.rmtree(folder)
    *_, again = prepared(shelf, lab, "es", choice)
    assert Path(again[1]["value"]).is_file()
    assert again[0] == last[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_cannot_be_saved_is_said_and_the_next_one_goes_on(
    shelf: Shelf, lab: Lab, choice: Choice, language: Language, tmp_path: Path, hub_folder: Path
) -> None:
    """Rows too short for the blocks; a model that its header does not rebuild; a folder that is none."""
    (shown, button, code) = prepared(shelf, lab, language, replace(choice, format="Q4_K"))[-1]
    assert {"es": "no es múltiplo", "en": "not a multiple"}[language] in shown
    assert not button["visible"]
    assert not code["visible"]
    strange = Lab(extra=hub_folder)
    strange.loaded(choice.model).model.transformer.extra = nn.LayerNorm(2)
    *_, (shown, button, _) = prepared(shelf, strange, language, choice)
    assert {"es": "no se puede reconstruir", "en": "cannot be rebuilt"}[language] in shown
    assert not button["visible"]
    (tmp_path / "file").touch()
    *_, (shown, button, _) = prepared(Shelf(tmp_path / "file"), lab, language, choice)
    assert file_texts.FILE_NO_FOLDER[language].partition("{")[0] in unescape(shown)
    assert not button["visible"]
    assert files_in(tmp_path) == [tmp_path / "file"]  # nothing half-written stays
    assert prepared(shelf, lab, language, choice)[-1][1]["visible"]


# ---- the shelf


def put(shelf: Shelf, bits: int, n_bytes: int) -> Path:
    recipe = Recipe.uniform(Scheme.integer(bits, PerGroup(32)))
    return shelf.put(recipe, f"{bits}.safetensors", n_bytes, lambda path: path.write_bytes(bytes(n_bytes))).path


def test_the_shelf_keeps_to_its_room_and_lets_go_what_was_not_asked_for_longest(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, room_bytes=100)
    two, three = put(shelf, 2, 40), put(shelf, 3, 40)
    assert shelf.get(Recipe.uniform(Scheme.integer(2, PerGroup(32))))
    four = put(shelf, 4, 40)
    assert files_in(tmp_path) == sorted([two, four])
    assert shelf.get(Recipe.uniform(Scheme.integer(3, PerGroup(32)))) is None
    assert not three.parent.exists()
    large = put(shelf, 5, 500)  # larger than the room: it alone
    assert files_in(tmp_path) == [large]
    for _ in range(50):
        put(shelf, 6, 30)
    assert [f.name for f in files_in(tmp_path)] == ["6.safetensors"]
    assert shelf.held_bytes() == 30


def test_room_is_made_before_a_file_is_written(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, room_bytes=100)
    put(shelf, 2, 60)
    seen: list[Path] = []

    def write(path: Path) -> None:
        seen.extend(files_in(tmp_path))
        path.write_bytes(bytes(60))

    shelf.put(Recipe.uniform(Scheme.integer(3, PerGroup(32))), "3", 60, write)
    assert seen == []


def test_what_was_half_written_goes(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    kept = put(shelf, 2, 10)

    def write(path: Path) -> None:
        path.write_bytes(bytes(5))
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        shelf.put(Recipe.uniform(Scheme.integer(3, PerGroup(32))), "3", 10, write)
    assert [f for f in tmp_path.rglob("*") if f != kept.parent.parent] == [kept.parent, kept]


def test_the_folder_goes_with_the_shelf(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    assert list(tmp_path.iterdir()) == []
    put(shelf, 2, 10)
    del shelf
    assert list(tmp_path.iterdir()) == []
