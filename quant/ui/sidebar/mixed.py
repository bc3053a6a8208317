"""The rules of a recipe before its last one as one text, as an address has it: matrices that are stored otherwise.

    3fa9c1.eJyLjq5WSk...    of what the rest stands for; the rules as JSON, packed by zlib, in letters of an address

The drawer says the last rule, which stores all that no other covers. The first part says which one that was, and of
which model: where the drawer has moved on from it, the rules were made for another recipe, and do not count.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from quant.errors import SchemeError
from quant.recipe import Calibration, Recipe, Rule
from quant.recipe_json import RuleJson
from quant.ui.sidebar import texts as t

SEAL_DIGITS = 6
MOST_LETTERS, MOST_BYTES, MOST_RULES = 8_000, 200_000, 500
RULES = TypeAdapter(list[RuleJson])
# Fields of the drawer that say nothing of the last rule, beside which a mix stays what it is.
APART = frozenset({"mix", "training", "activations", "keys", "values", "cache_per", "cache_group", "context",
                   "calibration", "tokens", "sequential"})  # fmt: skip


def written_mix(recipe: Recipe) -> str:
    """The rules of a recipe before its last, sealed; empty where it has but one."""
    *apart, last = recipe.rules
    if not apart:
        return ""
    said = [RuleJson.of(rule).model_dump(mode="json", exclude_defaults=True) for rule in apart]
    packed = zlib.compress(json.dumps(said, separators=(",", ":")).encode(), 9)
    return f"{seal(last, recipe.model)}.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def read_mix(written: str) -> tuple[Rule, ...]:
    """The rules that a text means; none where it is empty. Raises QuantError for what is no mix."""
    if not written:
        return ()
    _, dot, letters = written.partition(".")
    if not dot or len(written) > MOST_LETTERS:
        raise SchemeError(t.BAD_MIX)
    try:
        packed = base64.b64decode(letters + "=" * (-len(letters) % 4), b"-_", validate=True)
        opened = zlib.decompressobj()
        said = RULES.validate_json(opened.decompress(packed, MOST_BYTES), strict=True)
    except (binascii.Error, ValueError, zlib.error, ValidationError) as error:
        raise SchemeError(t.BAD_MIX) from error
    if opened.unconsumed_tail or not 0 < len(said) <= MOST_RULES:
        raise SchemeError(t.BAD_MIX)
    return tuple(rule.made(f"mix.{place}") for place, rule in enumerate(said))


def check_mix(written: str) -> None:
    """Raise QuantError for what is no mix."""
    read_mix(written)


def with_mix(recipe: Recipe, written: str, calibration: Calibration) -> Recipe:
    """`recipe` with the rules of a text before its own, where they were made for it; read with `calibration`."""
    if not mixes(written, recipe):
        return recipe
    return replace(recipe, rules=(*read_mix(written), *recipe.rules), calibration=calibration)


def mixes(written: str, recipe: Recipe) -> bool:
    """Whether a text says rules that go before the last rule of `recipe`."""
    return bool(written) and written.partition(".")[0] == seal(recipe.rules[-1], recipe.model)


def seal(last: Rule, model: str) -> str:
    """A few digits that tell a last rule, of a model, from others."""
    said = json.dumps([RuleJson.of(last).model_dump(mode="json"), model], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:SEAL_DIGITS]


def ways(rules: Sequence[Rule]) -> int:
    """In how many different ways rules store what they cover."""
    return len({(rule.scheme, rule.method, rule.knobs) for rule in rules})
