"""What is compared: what is recorded is of the recipes as they are. That each differs: tests/test_every_method.py."""

from __future__ import annotations

from quant.errors import SchemeError
from quant.evaluation.contenders import contenders, standard
from quant.loading import load_model
from quant.recorded_methods import RECORDED_BITS, recorded_methods


# Holds once `python -m quant.bench.methods --record` has been run on the code as it is.
def test_every_contender_is_recorded_as_it_is_now() -> None:
    """A row of the very recipe for each contender at 8, 4, 3 and 2 bits, or no format of so many bits."""
    loaded, wrong = load_model(), []
    for bits in RECORDED_BITS:
        rows = {row.name: row for row in recorded_methods().at(bits)}
        for name in contenders():
            try:
                recipe = standard(name, bits, loaded)
            except SchemeError:
                recipe = None
            row = rows.get(name)
            if (row.made if row else None) != recipe:
                wrong.append(f"{name} at {bits} bits")
    assert not wrong, wrong
