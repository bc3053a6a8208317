"""The README as its readers take it: a Space reads the front matter, a stranger copies commands, a notebook runs."""

from __future__ import annotations

import re
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
RUN_COMMAND = "pip install -r requirements.txt && python app.py"
TEST_COMMAND = "pip install -r requirements.txt -r tests/requirements.txt && python -m pytest"
REQUIRED_FIELDS = {
    "title",
    "emoji",
    "colorFrom",
    "colorTo",
    "sdk",
    "sdk_version",
    "python_version",
    "app_file",
    "license",
    "short_description",
    "models",
    "tags",
    "suggested_hardware",
    "startup_duration_timeout",
    "preload_from_hub",
    "pinned",
}
SPACE_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
# What a free Space (ZeroGPU) installs: the newest torch that it accepts.
NEWEST_TORCH_ON_A_SPACE = Version("2.11.0")
TOP_LEVEL = {"app.py", "quant", "requirements.txt", "tests", "README.md", "LICENSE", "pyproject.toml", "CHANGELOG.md"}


@pytest.fixture(scope="module")
def front_matter() -> dict[str, Any]:
    """The fields as the Hub's own client reads them."""
    return SpaceCard(README, ignore_metadata_errors=False).data.to_dict()


def requirements(file: str) -> list[Requirement]:
    """The requirements of `file`, comments dropped."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text(encoding="utf8").splitlines())
    return [Requirement(line) for line in lines if line]


def pinned_version(name: str, python: str) -> Version:
    """The one version of `name` that requirements.txt pins for a Python version such as 3.12.12."""
    environment = {"python_version": python.rpartition(".")[0], "python_full_version": python}
    chosen = [
        r
        for r in requirements("requirements.txt")
        if r.name == name and (r.marker is None or r.marker.evaluate(environment))
    ]
    assert len(chosen) == 1, f"{name} on Python {python}: {[str(r) for r in chosen]}"
    return Version(str(chosen[0].specifier).removeprefix("=="))


def file_map(language: str) -> list[str]:
    """The paths of the map of files in one language: the first word of each line."""
    block = re.search(rf"<!-- files {language} -->\n```\n(.*?)```\n<!-- /files -->", README, re.DOTALL)
    assert block, f"no map of files in '{language}'"
    return [line.split()[0] for line in block[1].splitlines()]


def notebook() -> str:
    """The code of the notebook example."""
    block = re.search(r"<!-- notebook -->\n```python\n(.*?)```\n<!-- /notebook -->", README, re.DOTALL)
    assert block, "no notebook example"
    return block[1]


def test_front_matter_has_the_fields(front_matter: dict[str, Any]) -> None:
    assert set(front_matter) >= REQUIRED_FIELDS
    assert not [name for name in REQUIRED_FIELDS if front_matter[name] in (None, "", [])]


def test_front_matter_values_are_what_a_space_accepts(front_matter: dict[str, Any]) -> None:
    assert front_matter["sdk"] == "gradio"
    assert front_matter["license"] == "apache-2.0"
    assert front_matter["suggested_hardware"] == "cpu-basic"
    assert isinstance(front_matter["pinned"], bool)
    assert {front_matter["colorFrom"], front_matter["colorTo"]} <= SPACE_COLOURS
    assert len(front_matter["short_description"]) <= 60
    assert re.fullmatch(r"\d+[mh]", front_matter["startup_duration_timeout"])


def test_front_matter_emoji_is_one(front_matter: dict[str, Any]) -> None:
    emoji = front_matter["emoji"].removesuffix("\N{VARIATION SELECTOR-16}")
    assert len(emoji) == 1
    assert unicodedata.category(emoji) == "So"


def test_front_matter_names_files_that_exist(front_matter: dict[str, Any]) -> None:
    assert front_matter["app_file"] == "app.py"
    assert (ROOT / front_matter["app_file"]).is_file()


def test_front_matter_agrees_with_the_pins(front_matter: dict[str, Any]) -> None:
    python = front_matter["python_version"]
    assert re.fullmatch(r"3\.\d+\.\d+", python)
    assert Version(front_matter["sdk_version"]) == pinned_version("gradio", python)
    assert pinned_version("torch", python) <= NEWEST_TORCH_ON_A_SPACE


def test_front_matter_preloads_named_files_of_a_listed_model(front_matter: dict[str, Any]) -> None:
    for line in front_matter["preload_from_hub"]:
        repository, _, files = line.partition(" ")
        assert repository in front_matter["models"]
        # Without names the whole repository comes along, TensorFlow and Flax copies too.
        assert {"config.json", "pytorch_model.bin", "vocab.json", "merges.txt"} <= set(files.split(","))
        assert all(re.fullmatch(r"[\w.-]+\.(json|bin|txt|safetensors)", file) for file in files.split(","))


@pytest.mark.parametrize("python", ["3.11.0", "3.12.12", "3.13.0"])
def test_one_torch_for_each_python(python: str) -> None:
    assert pinned_version("torch", python).release[:2] == ((2, 13) if python.startswith("3.11") else (2, 11))


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_requirements_are_pinned_exactly(file: str) -> None:
    loose = [str(r) for r in requirements(file) if not re.fullmatch(r"==\d+(\.\d+)+", str(r.specifier))]
    assert not loose


@pytest.mark.parametrize("file", ["requirements.txt", "tests/requirements.txt"])
def test_the_changelog_says_why_each_dependency_is_here(file: str) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    assert [r.name for r in requirements(file) if f"- `{r.name}`: " not in changelog] == []


@pytest.mark.parametrize("command", [RUN_COMMAND, TEST_COMMAND])
def test_both_halves_give_the_command(command: str) -> None:
    assert README.splitlines().count(command) == 2


def test_ci_runs_the_command_of_the_readme() -> None:
    shown = subprocess.run(
        ["bash", ".ci/run", "--test-command"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert shown == TEST_COMMAND + "\n"
    script = (ROOT / ".ci" / "run").read_text(encoding="utf8")
    assert 'bash -euo pipefail -c "$test_command"' in script.splitlines()
    assert "pytest -" not in script
    assert "export QUANT_BROWSER_TESTS=required" in script


def test_ci_is_executable() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_path_of_the_map_exists() -> None:
    assert [path for path in file_map("es") if not (ROOT / path).exists()] == []


def test_both_maps_list_the_same_paths() -> None:
    assert file_map("en") == file_map("es")


def test_every_part_of_the_package_is_on_the_map() -> None:
    parts = {
        f.relative_to(ROOT).as_posix()
        for f in (ROOT / "quant").glob("*")
        if f.name not in ("__init__.py", "__pycache__")
    }
    assert [part for part in sorted(parts) if not any(path.startswith(part) for path in file_map("es"))] == []


def test_links_to_files_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_top_level_is_what_it_should_be() -> None:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf8").split()}
    names = {f.name for f in ROOT.iterdir() if not f.name.startswith(".")}
    assert names - ignored <= TOP_LEVEL


def test_the_provenance_is_complete() -> None:
    assert "{{" not in (ROOT / "quant" / "assets" / "PROVENANCE.md").read_text(encoding="utf8")


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(notebook(), "README.md", "exec"), {"__name__": "__main__"})
