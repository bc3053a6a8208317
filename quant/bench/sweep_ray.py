"""The recipes of a sweep over a Ray cluster: each is independent, so each is a task.

Ray is optional (`pip install quant-lab[ray]`) and imported where it is asked for alone. A worker loads the model once
and keeps it; the driver writes the store, so that an interrupted run goes on as any other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from quant.bench.methods import text_named
from quant.errors import QuantError
from quant.evaluation.methods import row
from quant.evaluation.sweep import Entry, Named, entry_of
from quant.evaluation.sweep_json import EntryJson
from quant.evaluation.sweep_store import Store
from quant.json_model import parsed, read_json
from quant.lab import Lab
from quant.recipe_json import recipe_from_json, recipe_to_json
from quant.text import Text
from quant.work import finished

LOCAL, LOCAL_WORKERS = "local", 2


class RayError(QuantError):
    """Ray is not installed, or no cluster answers at that address."""


@lru_cache(maxsize=1)
def _lab(model: str) -> Lab:
    """One for each worker."""
    return Lab(Path(model) if model else None)


def one_row(model: str, name: str, recipe: dict[str, Any], text_name: str) -> str:
    """What a worker does: the entry of a recipe as JSON; what is wrong with it, after "!"."""
    lab, text = _lab(model), text_named(text_name)
    try:
        made = recipe_from_json(recipe)
        lab.loaded(made.model)
        return EntryJson.of(entry_of(name, finished(row(lab, made, text)), text)).model_dump_json()
    except QuantError as error:
        return f"!{error}"


def on_ray(address: str, model: Path | None, asked: Sequence[Named], text_name: str, store: Store,
           say: Callable[[str], None]) -> list[Entry]:  # fmt: skip
    """An entry for each recipe that can be made, in their order. Raises RayError.

    address: of a running cluster, or "local" for one of LOCAL_WORKERS workers that ends with the run. The folder of the
    model must be at the same path on all its machines.
    """
    ray = started(address)
    try:
        task = ray.remote(one_row)
        folder = str(model.resolve()) if model else ""
        waiting = {
            task.remote(folder, one.name, recipe_to_json(one.recipe), text_name): one
            for one in asked if store.get(one) is None
        }  # fmt: skip
        while waiting:
            (done, *_), _ = ray.wait(list(waiting), num_returns=1)
            one, said = waiting.pop(done), ray.get(done)
            if said.startswith("!"):
                say(f"{one.name}: {said[1:]}")
                continue
            store.put(parsed(EntryJson, read_json(said, "ray"), "ray").made(live=True))
            say(f"{one.name}: {len(waiting)} left")
    finally:
        ray.shutdown()
    return [entry for one in asked if (entry := store.get(one))]


def started(address: str) -> Any:
    """Ray, connected. Raises RayError."""
    try:
        import ray
    except ImportError as error:
        raise RayError(
            Text("Para repartir el barrido hace falta Ray, que no está instalado: pip install ray.",
                 "To spread the sweep takes Ray, which is not installed: pip install ray.")
        ) from error  # fmt: skip
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody unless somebody asks for it
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
    try:
        if address == LOCAL:
            ray.init(num_cpus=LOCAL_WORKERS, **options)
        else:
            ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise RayError(
            Text("En «{address}» no responde ningún clúster de Ray: {reason}",
                 "No Ray cluster answers at “{address}”: {reason}").format(address=address, reason=str(error))
        ) from error  # fmt: skip
    return ray
