"""The house has one-way stairs: a room imports only from rooms below it, and only the top ones know gradio.

The rules are read off the source with `ast`, so nothing is imported and an import inside a function counts too.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Lowest first. A room is a module or a folder of quant/; "quant" is quant/__init__.py, the public names, and "app" is
# app.py. A new module gets its place here.
ROOMS = (
    "text",
    "changes",
    "errors",
    "arguments",
    "work",
    "json_model",
    "vml",
    "nearest",
    "codebooks",
    "floats",
    "formats",
    "scheme",
    "blocks",
    "format_names",
    "targets",
    "cache",
    "scheme_json",
    "qtensor",
    "hadamard",
    "weight",
    "texts",
    "training",
    "methods",
    "activations",
    "packing",
    "kernels",
    "model",
    "run",
    "estimator",
    "recipe",
    "recipe_json",
    "allocation",
    "size",
    "named",
    "drawn",
    "folding",
    "calibrate",
    "blockwise",
    "training_text",
    "student",
    "qat",
    "quantization",
    "loading",
    "file",
    "generation",
    "speculate",
    "evaluation",
    "advice",
    "recorded",
    "recorded_activations",
    "recorded_cache",
    "recorded_methods",
    "recorded_choices",
    "recorded_sweep",
    "recorded_training",
    "trained",
    "lane",
    "lab",
    "plots",
    "report",
    "quant",
    "ui",
    "app",
)
# Programs run by hand: they may import any room below `ui` and each other; nothing but a tool imports one, and nothing
# but bench imports bench.
TOOLS = ("bench", "train")
INTERFACE_ROOMS = ("ui", "app")
INTERFACE_LIBRARIES = ("gradio", "gradio_client")
BROAD = ("Exception", "BaseException")


@dataclass(frozen=True)
class Module:
    """A source file by its path from the root, and its syntax tree."""

    path: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its dotted name: quant.methods.rtn, quant (for quant/__init__.py), app."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """What a relative import in it starts from."""
        return self.name if self.path.endswith("/__init__.py") else self.name.rpartition(".")[0]

    @property
    def room(self) -> str:
        """Its room: methods, quant, app."""
        return room_of(self.name)


def room_of(name: str) -> str:
    """The room that a dotted name of this project lies in."""
    parts = name.split(".")
    return parts[1] if parts[0] == "quant" and len(parts) > 1 else parts[0]


@cache
def read_project() -> list[Module]:
    """Every source file under quant/, and app.py when there is one."""
    files = [*sorted((ROOT / "quant").rglob("*.py")), *ROOT.glob("app.py")]
    return [Module(f.relative_to(ROOT).as_posix(), ast.parse(f.read_text(encoding="utf8"))) for f in files]


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each thing imported; `from quant import x` names quant.x when x is a room or a tool."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node)
            for alias in node.names:
                is_module = source == "quant" and alias.name in (*ROOMS, *TOOLS)
                yield node.lineno, f"quant.{alias.name}" if is_module else source
        elif isinstance(node, ast.Call) and (name := dynamic_import(node)):
            yield node.lineno, name


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """The absolute name of the module that a `from ... import` reads."""
    if node.level == 0:
        return node.module or ""
    parts = module.package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def dynamic_import(call: ast.Call) -> str | None:
    """The name given to `importlib.import_module("...")` or `__import__("...")`."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in ("import_module", "__import__") or not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    return str(call.args[0].value)


def is_ours(name: str) -> bool:
    return name.split(".")[0] in ("quant", "app")


def misplaced(module: Module) -> Iterator[str]:
    """A module that the lists above do not place."""
    if module.room not in (*ROOMS, *TOOLS):
        yield f"{module.path}: room '{module.room}' has no place: put it into ROOMS (or TOOLS) of tests/test_layers.py"


def upward(module: Module) -> Iterator[str]:
    """Imports that climb: of a higher room, or of a tool."""
    for line, name in imports(module):
        if is_ours(name) and not may_import(module.room, room_of(name)):
            yield f"{module.path}:{line}: '{module.room}' may not import '{name}'"


def may_import(importer: str, imported: str) -> bool:
    """Whether a file in room `importer` may import from room `imported`."""
    if imported == importer:
        return True
    if imported in TOOLS:
        return importer in TOOLS and imported != "bench"
    if imported not in ROOMS or importer not in (*ROOMS, *TOOLS):
        return False
    highest = ROOMS.index("ui") if importer in TOOLS else ROOMS.index(importer)
    return ROOMS.index(imported) < highest


def interface(module: Module) -> Iterator[str]:
    """gradio outside the interface, torch inside the plots."""
    for line, name in imports(module):
        library = name.split(".")[0]
        if library in INTERFACE_LIBRARIES and module.room not in INTERFACE_ROOMS:
            yield f"{module.path}:{line}: '{library}' belongs in quant/ui and app.py only"
        if library == "torch" and module.room == "plots":
            yield f"{module.path}:{line}: a plot takes results, not tensors: no torch here"


def broad_excepts(module: Module) -> Iterator[str]:
    """Handlers that would also hide a bug: bare, Exception or BaseException, and suppress() of those."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or names_broad(node.type)):
            yield f"{module.path}:{node.lineno}: name the exceptions that can be handled here"
        if isinstance(node, ast.Call) and last_name(node.func) == "suppress" and any(map(names_broad, node.args)):
            yield f"{module.path}:{node.lineno}: name the exceptions to suppress"


def names_broad(expression: ast.expr) -> bool:
    elements = expression.elts if isinstance(expression, ast.Tuple) else [expression]
    return any(last_name(element) in BROAD for element in elements)


def last_name(expression: ast.expr) -> str:
    """The identifier at the end of `a.b.c`, or of a plain name."""
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


Rule = Callable[[Module], Iterator[str]]
RULES: tuple[Rule, ...] = (misplaced, upward, interface, broad_excepts)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_obeys(rule: Rule) -> None:
    found = [violation for module in read_project() for violation in rule(module)]
    assert not found, "\n" + "\n".join(found)


def test_the_project_is_read() -> None:
    names = {module.name for module in read_project()}
    assert {"quant", "quant.formats", "quant.methods.rtn", "quant.ui.page", "app"} <= names


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (misplaced, "quant/utils.py", ""),
        (misplaced, "quant/helpers/strings.py", ""),
        (upward, "quant/formats.py", "import quant.scheme"),
        (upward, "quant/formats.py", "from quant.model.load import load_model"),
        (upward, "quant/formats.py", "from quant import scheme"),
        (upward, "quant/formats.py", "from . import scheme"),
        (upward, "quant/methods/rtn.py", "from ..packing import Layout"),
        (upward, "quant/methods/__init__.py", "from ..model import load"),
        (upward, "quant/text.py", "from quant.errors import QuantError"),
        (upward, "quant/scheme.py", "def late():\n    from quant.qtensor import QTensor"),
        (upward, "quant/scheme.py", "import importlib\nimportlib.import_module('quant.ui.page')"),
        (upward, "quant/scheme.py", "__import__('quant.lab')"),
        (upward, "quant/lab.py", "from quant import load_model"),
        (upward, "quant/__init__.py", "from quant.ui.page import build"),
        (upward, "quant/ui/page.py", "import app"),
        (upward, "quant/ui/page.py", "from quant.bench import embedded"),
        (upward, "quant/texts.py", "from quant.train.holdout import read_documents"),
        (upward, "quant/bench/embedded.py", "from quant.ui import page"),
        (upward, "quant/train/pretrain.py", "from quant.bench.embedded import main"),
        (upward, "quant/scheme.py", "from quant.utils import clamp"),
        (interface, "quant/lab.py", "import gradio as gr"),
        (interface, "quant/plots/histogram.py", "from gradio import Plot"),
        (interface, "quant/bench/page.py", "from gradio_client import Client"),
        (interface, "quant/plots/histogram.py", "import torch"),
        (interface, "quant/plots/histogram.py", "from torch.nn import Module"),
        (broad_excepts, "quant/lab.py", "try:\n    pass\nexcept:\n    pass"),
        (broad_excepts, "quant/lab.py", "try:\n    pass\nexcept Exception as e:\n    pass"),
        (broad_excepts, "quant/lab.py", "try:\n    pass\nexcept (OSError, BaseException):\n    pass"),
        (broad_excepts, "app.py", "import contextlib\nwith contextlib.suppress(Exception):\n    pass"),
    ],
)
def test_a_violation_is_caught(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Module(path, ast.parse(source))))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("quant/errors.py", "from quant.text import Text"),
        ("quant/recipe.py", "from .model.layers import census\nfrom .scheme import Scheme\nimport torch"),
        ("quant/__init__.py", "from quant.lab import Lab\nfrom . import formats"),
        ("quant/ui/page.py", "import gradio as gr\nfrom quant import Scheme\nfrom quant.plots.histogram import draw"),
        ("quant/plots/histogram.py", "import plotly.graph_objects as go\nfrom quant.text import Text"),
        ("quant/train/pretrain.py", "from quant.train.holdout import ngrams"),
        ("quant/bench/embedded.py", "from quant.bench.environment import versions\nfrom quant import load_model"),
        ("app.py", "import gradio\nfrom quant.ui.page import build"),
        ("quant/lab.py", "try:\n    pass\nexcept (OSError, ValueError):\n    pass"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    module = Module(path, ast.parse(source))
    assert [violation for rule in RULES for violation in rule(module)] == []
