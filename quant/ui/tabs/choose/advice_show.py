"""A recommendation as the page shows it: what the guess was worth, one big sentence, reasons, changes, the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup

from quant.advice.reasons import change, lack, reasons, runner_up
from quant.advice.recommend import Lack, Moved, Recommendation, recommend
from quant.advice.rules import Option, Wants, band, remembered, satisfies
from quant.advice.sizes import Sized, sizes
from quant.lab import Lab
from quant.model.load import LoadedModel
from quant.recipe import Recipe
from quant.targets import FEW_OR_MANY, LEAST_MANY, MOST_FEW, TARGETS
from quant.text import Language, Text, number, size
from quant.ui.shared import html
from quant.ui.shared.glossary import marked
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import choice_of, query_of
from quant.ui.tabs.choose import advice_texts as t
from quant.ui.tabs.choose.advice_entries import entries, live

PIECES = "tabs/choose/advice.html.j2"
LANGUAGES: tuple[Language, Language] = ("es", "en")


def found_for(lab: Lab, model: str, wants: Wants) -> Recommendation:
    """Raises QuantError where the model cannot be had, or what it remembers cannot be told."""
    return recommend(entries(lab, model), wants, remembered(lab.loaded(model)))


def answer_html(found: Recommendation, language: Language) -> Markup:
    """The answer, or why there is none and what would give one."""
    changes = [one for one in found.changes if one.moved is not Moved.TARGET]
    said = [_sentence(change(one)[language]) for one in changes]
    if found.best is None:
        notice = html.notice(lack(found)[language], "note")
        return macros(PIECES).lack(notice, t.CHANGES[language], said)
    best, then = found.best, runner_up(found)
    big = t.BIG.format(name=best.entry.name, total=_size(best.total_bytes), kl=_nats(best.kl))
    elsewhere = [_sentence(change(one)[language]) for one in found.changes if one.moved is Moved.TARGET]
    words = said_of(best.entry.recipe)[1][language]
    return macros(PIECES).answer(
        guessed(found, language), html.chip(band(best.kl), language), big[language],
        words, use(best.entry.recipe, language), t.WHY[language], [one[language] for one in reasons(found)],
        then[language] if then else "", t.CHANGES[language], said or [t.NO_CHANGE[language]], t.ELSEWHERE[language],
        elsewhere,
    )  # fmt: skip


def guessed(found: Recommendation, language: Language) -> list[tuple[str, str]]:
    """For each guess whether it was right: the one that loses least of those that fit decides."""
    least = found.least_lossy
    if least is None:
        return []
    right = band(least.kl).name
    words = {"name": least.entry.name, "kl": _nats(least.kl), "band": t.BANDS[right]}
    return [(one, (t.HIT if one == right else t.MISS).format(**words)[language]) for one in t.GUESSES]


def table_html(lab: Lab, model: str, found: Recommendation, language: Language) -> Markup:
    """What is in question, and the others folded; sizes alone where nothing is measured."""
    if found.lack is Lack.MEASURED:
        return sized_html(lab.loaded(model), found.wants, language)
    asked = [one for one in found.options if _in_question(one, found)]
    others = [one for one in found.options if one not in asked]
    head = [name[language] for name in t.HEAD]
    shown: Markup = macros(PIECES).rows(head, [_row(lab, one, found, language) for one in asked])
    kinds = ("recorded", "measured")
    inside = html.heading(3, t.TABLE[language]) + html.caption(marked(t.TABLE_SAID[language], language)) + shown
    if others:
        rest = macros(PIECES).rows(head, [_row(lab, one, found, language, brief=True) for one in others])
        inside += html.folded(t.OTHERS.format(n=len(others))[language], rest)
    return inside + html.legend(kinds, language)


def sized_html(loaded: LoadedModel, wants: Wants, language: Language) -> Markup:
    """Exact sizes of what runs there, none of which is measured."""
    rows = [_sized(one, wants, language) for one in _sizes(loaded, wants)]
    if not rows:
        return html.caption(t.NO_FORMAT[language])
    fitting, others = ([row for row in rows if (row[0] == "") is fits] for fits in (True, False))
    head = [name[language] for name in t.SIZED_HEAD]
    inside = html.caption(t.UNMEASURED[language])
    inside += macros(PIECES).rows(head, fitting) if fitting else html.paragraph(t.NONE_FITS[language])
    if others:
        rest = macros(PIECES).rows(head, others)
        inside += html.folded(t.DO_NOT_FIT.format(n=len(others))[language], rest)
    return inside + macros(PIECES).measure(f"#choose-sweep-{language}", t.MEASURE[language])


def sources_html(language: Language) -> Markup:
    """The table of targets in words, each row with its sources."""
    found = []
    for one in TARGETS.values():
        name = Markup("<b>{}</b>.").format(one.title[language])
        links = [(s.title, s.url, t.SOURCE.format(read=s.read)[language]) for s in one.sources]
        found.append((html.spaced(name, one.why[language]), links))
    guide = t.GUIDE.format(few=MOST_FEW, many=LEAST_MANY, title=FEW_OR_MANY.title)[language]
    return macros(PIECES).sources(t.SOURCES[language], found, guide)


def guess_html(language: Language) -> Markup:
    """The question before the answer: chips of the page's own, that ask the server nothing."""
    choices = [(value, said[language]) for value, said in t.GUESSES.items()]
    return macros(PIECES).guess(language, t.GUESS[language], choices, t.LOOK[language])


@lru_cache(maxsize=1000)  # to find the address of a recipe takes some hundredths of a second
def said_of(recipe: Recipe) -> tuple[str, Text]:
    """The address of a recipe and what the drawer calls it; empty where no address can say it."""
    choice = choice_of(recipe)
    return (choice.query(), choice.short()) if choice else (query_of(recipe) or "", Text("", ""))


def use(recipe: Recipe, language: Language) -> Markup:
    """A link that loads a recipe, where an address can say it."""
    address, _ = said_of(recipe)
    return macros(PIECES).use(address, t.USE[language]) if address else html.NOTHING


def _in_question(one: Option, found: Recommendation) -> bool:
    """Whether it stands in the table at once: the answer, what is next to it, and what nothing beats."""
    if found.best and one in (found.best, found.runner_up, found.uniform_beside(found.best), *found.ties):
        return True
    return one is found.nearest or (satisfies(one, found.wants) and not found.is_dominated(one))


def _row(lab: Lab, one: Option, found: Recommendation, language: Language, *, brief: bool = False
         ) -> tuple[str, list[str]]:  # fmt: skip
    """A line and its class; brief: without the link and the words, which take a while to find."""
    faded = not satisfies(one, found.wants) or found.is_dominated(one)
    css = "pick" if one is found.best else "faded" if faded else ""
    kind = "measured" if live(lab, one.entry) else "recorded"
    words = "" if brief else said_of(one.entry.recipe)[1][language]
    below = " · ".join([*filter(None, [words]), *_marks(one, found, language)])
    link = html.NOTHING if brief else use(one.entry.recipe, language)
    beside = html.spaced(html.mark(kind, language), link)
    ends = one.entry.kl.interval
    between = f"{number(ends.low, language, 3)} – {number(ends.high, language, 3)}" if ends else ""
    weights = t.OF_WHICH.format(weights=_size(one.entry.stored_bytes))[language]
    return css, [
        html.row_name(one.entry.name, beside, below), html.cell(number(one.kl, language, 3), between),
        html.cell(size(one.total_bytes, language), weights), number(one.entry.bits_per_weight, language, 3),
    ]  # fmt: skip


def _marks(one: Option, found: Recommendation, language: Language) -> list[str]:
    """What a candidate is in the answer, in words."""
    wants = found.wants
    too_large = wants.memory_bytes is not None and one.total_bytes > wants.memory_bytes
    marks = [
        (one is found.best, t.BEST), (one is found.runner_up, t.SECOND), (one in found.ties, t.TIED),
        (too_large, t.TOO_LARGE), (one.highest_kl > wants.most_kl, t.TOO_LOSSY),
        (bool(found.best and found.uniform_beside(found.best) is one), t.UNIFORM),
    ]  # fmt: skip
    return [said[language] for holds, said in marks if holds]


def _sized(one: Sized, wants: Wants, language: Language) -> tuple[str, list[str]]:
    fits = wants.memory_bytes is None or one.total_bytes <= wants.memory_bytes
    weights = t.OF_WHICH.format(weights=_size(one.stored_bytes))[language]
    name = html.row_name(one.name, use(one.recipe, language), "")
    return "" if fits else "faded", [name, html.cell(size(one.total_bytes, language), weights), t.FITS[fits][language]]


@lru_cache(maxsize=64)
def _sizes(loaded: LoadedModel, wants: Wants) -> Sequence[Sized]:
    return sizes(loaded, wants, remembered(loaded))


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:] + "."


def _nats(value: float) -> Text:
    return Text(*(number(value, la, 3) for la in LANGUAGES))


def _size(n_bytes: int) -> Text:
    return Text(*(size(n_bytes, la) for la in LANGUAGES))
