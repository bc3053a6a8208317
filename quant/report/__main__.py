"""The report of a recipe, written into a folder: python -m quant.report --out FOLDER [--model NAME] [RECIPE.json].

Without a file of a recipe it is of the default one: 4 bits, groups of 64. Both languages are written.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from quant.errors import QuantError
from quant.json_model import read_json
from quant.lab import Lab
from quant.recipe import Recipe
from quant.recipe_json import recipe_from_json
from quant.report.files import Files, files_of
from quant.report.gathered import gather, request


def main(arguments: list[str] | None = None) -> int:
    """Write the files; 0, or 1 with what is wrong on the error output."""
    asked = _parser().parse_args(arguments)
    try:
        files = report_files(asked.recipe, asked.model)
        files.write(asked.out)
    except (QuantError, OSError) as error:
        said = getattr(error.text, asked.lang) if isinstance(error, QuantError) else str(error)
        print(said, file=sys.stderr)
        return 1
    print("\n".join(str(asked.out / name) for name in files.content))
    return 0


def report_files(file: Path | None, model: str | None) -> Files:
    """The files of the recipe in a file, of a model by name or a folder. Raises QuantError, OSError."""
    recipe = Recipe() if file is None else recipe_from_json(read_json(file.read_text(encoding="utf8"), file.name))
    folder = Path(model) if model and Path(model).is_dir() else None
    lab = Lab(folder)
    name = lab.names()[0] if folder else model
    recipe = replace(recipe, model=name) if name else recipe
    work = gather(lab, request(recipe))
    while True:
        try:
            step = next(work)
        except StopIteration as done:
            return files_of(done.value)
        print(f"{100 * step.fraction:.0f} %", end="\r", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m quant.report", description=__doc__)
    parser.add_argument("recipe", type=Path, nargs="?", help="a recipe as JSON, as the page and its API write it")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--model", help="a model that is here by name, or a folder")
    parser.add_argument("--lang", choices=("es", "en"), default="es", help="of messages")
    return parser


if __name__ == "__main__":
    sys.exit(main())
