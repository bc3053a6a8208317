"""The line on top of every tab, which opens the recipe: how the model is stored, and how big it is."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from quant.errors import QuantError
from quant.lab import Lab
from quant.model.load import EMBEDDED, LoadedModel
from quant.model.source import DEFAULT_HUB_ID
from quant.recipe import Recipe
from quant.size import SizeReport, cache_bytes, size_report
from quant.text import Language, Text, fixed, number, size
from quant.ui.shared import html
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar import texts as t
from quant.ui.sidebar.choice import Choice
from quant.ui.sidebar.mixed import ways
from quant.ui.sidebar.trained import said_training

LINE = "sidebar/status.html.j2"


def status_line(lab: Lab, language: Language, choice: Choice) -> Markup:
    """The line for `choice`, or what is wrong with it."""
    drawer = f"recipe-{language}"
    try:
        loaded = lab.loaded(choice.model)
        report, cached = size_report(loaded, choice.recipe()), _cache(loaded, choice, language)
    except QuantError as error:
        return macros(LINE).wrong(t.RECIPE[language], html.problem(error, language), drawer)
    before, after = size(report.float_bytes, language), size(report.stored_bytes, language)
    ratio = t.STATUS_RATIO.format(ratio=number(report.float_bytes / report.stored_bytes, language, 3))[language]
    return macros(LINE).line(
        t.RECIPE[language], choice.brief()[language], after, t.STATUS_BEFORE.format(size=before)[language], ratio,
        _model(loaded, language)[0], html.mark("packed", language), drawer, cached,
    )  # fmt: skip


def _cache(loaded: LoadedModel, choice: Choice, language: Language) -> Markup:
    """What keys and values take, where that was asked for: rounded, or for so many tokens."""
    if not (choice.keys or choice.values or choice.context):
        return html.NOTHING
    context = choice.context or loaded.context
    found = cache_bytes(loaded, choice.recipe(), context)
    said = t.STATUS_CACHE.format(
        n=_each(context, lambda n, language: fixed(n, language, 0)),
        after=_each(found.keys_bytes + found.values_bytes, size), before=_each(found.float_bytes, size),
    )[language]  # fmt: skip
    return html.spaced(html.mark("simulated", language), said)


def _each(value: int, written: Callable[[int, Language], str]) -> Text:
    return Text(written(value, "es"), written(value, "en"))


def about(lab: Lab, language: Language, choice: Choice) -> Markup:
    """What the drawer says beside its controls: the model, and its bits per weight; nothing for a bad choice."""
    try:
        loaded = lab.loaded(choice.model)
        report, cached = size_report(loaded, choice.recipe()), _cache(loaded, choice, language)
    except QuantError:
        return html.NOTHING
    name, said = _model(loaded, language)
    bits = marked(_bits(report, choice, language), language)
    return macros(LINE).about(name, said, bits, cached)


def about_more(language: Language, choice: Choice) -> Markup:
    """What no control says of the live model, a mix of formats and a training, and how to take each off."""
    return about_mix(language, choice) + about_training(language, choice)


def about_mix(language: Language, choice: Choice) -> Markup:
    """That some matrices are stored otherwise; nothing where none is."""
    apart = choice.mixed
    if not apart:
        return html.NOTHING
    said = t.MIX_LINE.format(n=ways(choice.recipe().rules), apart=len(apart))[language]
    return macros(LINE).more("mix", said, t.MIX_OFF[language], t.MIX_MOVES[language])


def about_training(language: Language, choice: Choice) -> Markup:
    """That the live model was trained; nothing where it was not."""
    trained = choice.trained
    if trained is None:
        return html.NOTHING
    said = t.TRAINED_LINE.format(said=said_training(trained))[language]
    return macros(LINE).more("training", said, t.TRAINED_OFF[language], t.TRAINED_MOVES[language])


def about_table(lab: Lab, language: Language, choice: Choice) -> Markup:
    """What the token table weighs, and what the model would take with it quantized and without."""
    try:
        loaded = lab.loaded(choice.model)
        reports = [size_report(loaded, _with_table(choice, table)) for table in (False, True)]
    except QuantError:
        return html.NOTHING
    without, packed = (size(r.stored_bytes, language) for r in reports)
    tables = [row for row, other in zip(*(r.rows for r in reports), strict=True) if row.quantized != other.quantized]
    share = 100 * sum(row.layer.parameters for row in tables) / loaded.parameters
    said = t.TABLE_WEIGHS.format(share=number(share, language, 2), without=without, packed=packed)
    return html.small(said[language])


def _with_table(choice: Choice, table: bool) -> Recipe:
    return Choice(**{**vars(choice), "table": table}).recipe()


def _model(loaded: LoadedModel, language: Language) -> tuple[str, list[str]]:
    """Its name, and what else there is to say of it."""
    title = {EMBEDDED: t.STATUS_EMBEDDED[language], DEFAULT_HUB_ID: DEFAULT_HUB_ID}.get(loaded.name, loaded.name)
    parameters = t.STATUS_PARAMETERS.format(millions=number(loaded.parameters / 1e6, language, 3))[language]
    if loaded.name == EMBEDDED:  # its title says where it comes from
        return title, [parameters]
    origin = loaded.origin[language] + (f" · {loaded.revision}" if loaded.revision else "")
    return title, [parameters, origin, *(note[language] for note in loaded.notes)]


def _bits(report: SizeReport, choice: Choice, language: Language) -> str:
    bits = number(report.quantized_bits_per_weight, language, 3)
    whole = number(report.bits_per_weight, language, 3)
    return (t.STATUS_BITS_ALL if choice.table else t.STATUS_BITS).format(bits=bits, whole=whole)[language]
