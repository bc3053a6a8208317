"""The words for a choice: a point in a figure, the line on top, a row of a table, a line under a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from quant.methods import METHODS
from quant.text import Text, as_typed
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.fields import activation_title, steps_title
from quant.ui.sidebar.formats import CASTS, NO_ZERO
from quant.ui.sidebar.knobs import Owner, said_knobs, short_title
from quant.ui.sidebar.mixed import ways
from quant.ui.sidebar.offers import TABLES
from quant.ui.sidebar.together import chosen_steps, has_groups, owners, tables_per
from quant.ui.sidebar.trained import said_training

if TYPE_CHECKING:
    from quant.ui.sidebar.choice import Choice


def label(choice: Choice) -> Text:
    """A word or two."""
    parts = [_stored_label(choice)]
    parts += [short_title(METHODS[choice.chosen_method].title)] if choice.chosen_method else []
    parts += [t.LABEL_MIX] if choice.mixed else []
    return _joined([*parts, *_steps(choice), *_cache(choice), *_trained(choice, t.LABEL_TRAINED)], " · ")


def brief(choice: Choice) -> Text:
    """What a visitor chose, in the fewest words."""
    mixed = choice.mixed
    parts = [t.BRIEF_MIX.format(n=ways(choice.recipe().rules))] if mixed else [stored(choice)]
    parts += [t.BRIEF_TABLE] * (choice.table and not mixed)
    parts += [short_title(METHODS[choice.chosen_method].title)] if choice.chosen_method else []
    return _joined([*parts, *_steps(choice), *_cache(choice), *_trained(choice, t.BRIEF_TRAINED)], " · ")


def stored(choice: Choice) -> Text:
    """How matrices are stored, in the fewest words: of the line on top, what says no method."""
    parts = [_stored_label(choice)]
    if choice.format in TABLES:
        parts.append(t.BRIEF_TABLES[tables_per(choice)].format(group=choice.group))
    elif choice.has_granularity or has_groups(choice):
        named = choice.granularity if choice.has_granularity else "group"
        parts.append(t.BRIEF_GRANULARITIES[named].format(group=choice.group))
    if choice.has_bits:
        parts += [t.BRIEF_VARIANTS[choice.grid]] if choice.grid else [t.BRIEF_ZERO] * choice.zero_point
    return _joined(parts, " · ")


def how(choice: Choice) -> Text:
    """How matrices are stored, by which method after which steps, and what else is rounded."""
    said, turned = _stored(choice), choice.turned
    method, *steps = owners(choice)
    named = _with_knobs(method, turned)
    if choice.chosen_method or named != short_title(method.how.title):
        said = t.RECIPE_METHOD.format(how=said, method=named)
    if choice.mixed:
        said = t.RECIPE_MIX.format(how=said, n=len(choice.mixed))
    if steps:
        first = _joined([_with_knobs(step, turned) for step in steps], " + ")
        said = t.RECIPE_STEPS.format(how=said, steps=first)
    if choice.keys or choice.values:
        per = t.RECIPE_CACHE_PERS[choice.cache_per]
        cached = t.RECIPE_CACHE.format(keys=choice.keys or 32, values=choice.values or 32, per=per)
        said = t.RECIPE_WITH.format(how=said, other=cached)
    if choice.trained:
        said = t.RECIPE_WITH.format(how=said, other=said_training(choice.trained))
    return said


def _with_knobs(owner: Owner, turned: Mapping[str, float]) -> Text:
    title, moved = short_title(owner.how.title), said_knobs(owner, turned)
    return t.RECIPE_KNOBS.format(how=title, knobs=moved) if moved.es else title


def _joined(parts: Sequence[Text], between: str) -> Text:
    return Text(between.join(part.es for part in parts), between.join(part.en for part in parts))


def _steps(choice: Choice) -> list[Text]:
    return [steps_title(choice.steps)] if chosen_steps(choice) else []


def _cache(choice: Choice) -> list[Text]:
    if not (choice.keys or choice.values):
        return []
    return [t.BRIEF_CACHE.format(keys=choice.keys or 32, values=choice.values or 32)]


def _trained(choice: Choice, words: Text) -> list[Text]:
    return [words.format(n=choice.trained.steps)] if choice.trained else []


def _stored_label(choice: Choice) -> Text:
    if choice.rounds_activations:
        return as_typed(choice.arithmetic)
    if choice.has_bits:
        return t.LABEL_BITS.format(bits=choice.bits)
    if choice.format in TABLES:
        return t.LABEL_LEARNED.format(bits=choice.bits)
    if choice.format in NO_ZERO:
        return t.NAMES_NO_ZERO[choice.format]
    name = CASTS.get(choice.format, choice.format)
    return Text(name, name)


def _stored(choice: Choice) -> Text:
    said = _weights(choice)
    if not choice.rounds_activations:
        return said
    if choice.rounding == "int8":
        return t.RECIPE_INT8.format(how=said, name=choice.arithmetic)
    kind = activation_title(choice.rounding)
    return t.RECIPE_ACTIVATIONS.format(how=said, kind=kind, name=choice.arithmetic)


def _weights(choice: Choice) -> Text:
    granularity = t.RECIPE_GRANULARITIES[choice.granularity].format(group=choice.group)
    if choice.has_bits:
        grid = t.RECIPE_VARIANTS[choice.grid] if choice.grid else t.GRIDS[choice.zero_point]
        return t.RECIPE_INTEGERS.format(bits=choice.bits, granularity=granularity, grid=grid)
    if choice.format in TABLES:
        per = t.RECIPE_TABLES[tables_per(choice)].format(group=choice.group)
        return t.RECIPE_LEARNED.format(bits=choice.bits, granularity=per)
    if choice.has_granularity:
        return t.RECIPE_SCALED.format(name=choice.format, granularity=granularity)
    if choice.format in NO_ZERO:
        granularity = t.RECIPE_GRANULARITIES["group"].format(group=choice.group)
        return t.RECIPE_SCALED.format(name=t.NAMES_NO_ZERO[choice.format], granularity=granularity)
    if choice.format in CASTS:
        return t.RECIPE_CAST.format(name=CASTS[choice.format])
    return Text(choice.format, choice.format)
