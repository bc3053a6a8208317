"""The rows of a sweep as the page shows them: a sentence, a figure, a table, files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from markupsafe import Markup

from quant.evaluation.bootstrap import Interval
from quant.evaluation.certainty import Bin
from quant.evaluation.methods import difference
from quant.evaluation.sweep import Entry, Named
from quant.evaluation.sweep_table import as_csv, as_records, table
from quant.lab import Lab
from quant.model.layers import Kind, census
from quant.plots.certainty import certainty_svg
from quant.plots.pareto import Dot, pareto_svg
from quant.text import Language, Text, fixed, number, size
from quant.ui.shared import html
from quant.ui.shared.templates import macros
from quant.ui.sidebar.choice import query_of
from quant.ui.tabs.choose import sweep_texts as t
from quant.ui.tabs.choose.sweep_state import Seen, certainty, read_text, stores_table

PIECES = "tabs/choose/sweep.html.j2"
NONE = Text("", "")


def said(value: float, digits: int = 3) -> Text:
    return Text(number(value, "es", digits), number(value, "en", digits))


def sized(n_bytes: float) -> Text:
    return Text(size(n_bytes, "es"), size(n_bytes, "en"))


def joined(*texts: Text) -> Text:
    return Text("".join(x.es for x in texts), "".join(x.en for x in texts))


def lead(now: Seen) -> Text:
    """How many are on the front, where its knee is, and what lies under the floor."""
    if not now.entries:
        return t.NO_SPEED if now.view == "speed" else t.NOTHING
    if len(now.entries) == 1:
        one = now.entries[0]
        return t.ONE.format(name=one.name, kl=said(one.kl.value), size=sized(one.stored_bytes))
    words = t.FRONT_SPEED if now.view == "speed" else t.FRONT
    more = _overlap(now) if now.view == "speed" else _under(now)
    return joined(words.format(n=len(now.entries), m=len(now.best)), _knee(now), more)


def _knee(now: Seen) -> Text:
    found = now.knee
    if found is None:
        return NONE
    cost = sized(found.stored_bytes)
    if now.view == "speed" and found.pace:
        cost = t.TIMES.format(n=said(found.pace.ratio, 2))
    return t.KNEE.format(name=found.name, cost=cost, kl=said(found.kl.value))


def _overlap(now: Seen) -> Text:
    """How many cannot be told slower than the fastest: some round of theirs is as fast as its slowest."""
    paced = [(entry.pace.ratio, entry) for entry in now.entries if entry.pace]
    fastest = max(paced, key=lambda one: one[0])[1]
    tied = [e for _, e in paced if e is not fastest and e.pace and fastest.pace and e.pace.high >= fastest.pace.low]
    return t.OVERLAP.format(n=len(tied), name=fastest.name) if tied else NONE


def _under(now: Seen) -> Text:
    if now.lowest is None:
        return NONE
    given, under = {"floor": said(now.lowest.mean, 2)}, now.under
    if not under:
        return t.UNDER_NONE.format(**given)
    if len(under) == 1:
        return t.UNDER_ONE.format(name=under[0].name, **given)
    return t.UNDER.format(n=len(under), name=under[0].name, size=sized(under[0].stored_bytes), **given)


def saves(entries: Sequence[Entry]) -> Text:
    """What the token table is worth: of the pairs that differ in it alone, the one whose linear layers lose least."""
    pairs = [
        (one, twin) for one in entries if not stores_table(one)
        for twin in entries if stores_table(twin) and twin.name == f"{one.name} +emb"
    ]  # fmt: skip
    if not pairs:
        return NONE
    big, small = max(pairs, key=lambda pair: 1 - pair[1].stored_bytes / pair[0].stored_bytes)
    moved = difference(small, big)
    tie = t.TIE if moved is not None and 0 in moved else NONE
    return t.TABLE_SAVES.format(
        small=small.name, big=big.name, saved=sized(big.stored_bytes - small.stored_bytes), kl=said(small.kl.value),
        base=said(big.kl.value), tie=tie,
    )  # fmt: skip


def chart(now: Seen, language: Language) -> Markup:
    """The figure, and what to look at."""
    if not now.entries:
        return html.NOTHING
    picture = Markup(pareto_svg(dots(now), now.lowest, now.view, language))
    words = t.CAPTION_SPEED.format(machine=now.machine or "—") if now.view == "speed" else t.CAPTION
    return picture + html.caption(words[language])


def dots(now: Seen) -> list[Dot]:
    best, knee = now.best, now.knee
    return [_dot(entry, now.view, entry in best, entry is knee) for entry in now.entries]


def _dot(entry: Entry, view: str, on_front: bool, knee: bool) -> Dot:
    pace = entry.pace if view == "speed" else None
    cost, ends = (pace.ratio, (pace.low, pace.high)) if pace else (entry.stored_bytes / 1e6, None)
    return Dot(
        entry.name, hover(entry), query_of(entry.recipe), cost, entry.kl, on_front, knee, entry.live, ends
    )  # fmt: skip


def hover(entry: Entry) -> Text:
    """Everything that is known of a row."""
    pace = entry.pace
    speed = t.SAID_SPEED.format(n=said(pace.tokens_per_second), ratio=said(pace.ratio, 2)) if pace else NONE
    return t.SAID.format(
        name=entry.name, kl=said(entry.kl.value), ends=between(entry.kl.interval), size=sized(entry.stored_bytes),
        bits=said(entry.bits_per_weight), ppl=said(entry.perplexity.value), speed=speed,
        kind=t.LIVE if entry.live else t.RECORDED,
    )  # fmt: skip


def between(ends: Interval | None) -> Text:
    if ends is None:
        return NONE
    return Text(*(f" [{number(ends.low, la, 3)}; {number(ends.high, la, 3)}]" for la in ("es", "en")))


def rules_html(now: Seen, language: Language) -> Markup:
    """What the floor, the front and the knee are."""
    parts = [html.paragraph(t.NAME_RULE[language]), html.paragraph(t.FRONT_RULE[language])]
    if now.lowest:
        low = now.lowest
        words = t.FLOOR_RULE.format(
            mean=said(low.mean), n=len(low.seeds), low=said(low.low), high=said(low.high)
        )  # fmt: skip
        parts.append(html.paragraph(words[language]))
    if any(entry.kl.value == 0 for entry in now.entries):
        parts.append(html.paragraph(t.ZERO_RULE[language]))
    return html.folded(t.RULES[language], html.NOTHING.join(parts))


def table_html(now: Seen, language: Language) -> Markup:
    """All figures, and the same as files."""
    if not now.entries:
        return html.caption(lead(now)[language])
    best = now.best
    rows = [_row(entry, entry in best, language) for entry in now.entries]
    shown = html.table([head[language] for head in t.HEAD], rows)
    return html.legend(("recorded", "measured", "packed"), language) + shown + files_html(now.entries, language)


def files_html(entries: Sequence[Entry], language: Language) -> Markup:
    """The tidy table to download, in English and with decimal points."""
    made = table(entries, query_of)
    written = json.dumps(as_records(made), ensure_ascii=False)
    links = [
        ("sweep.csv", "text/csv", t.CSV[language], quote(as_csv(made))),
        ("sweep.json", "application/json", t.JSON[language], quote(written)),
    ]
    found: Markup = macros(PIECES).files(links)
    return found


def _row(entry: Entry, on_front: bool, language: Language) -> list[str]:
    address = query_of(entry.recipe)
    use = macros(PIECES).use(address, t.USE[language]) if address else html.NOTHING
    mark = html.mark("measured" if entry.live else "recorded", language)
    first = html.row_name(entry.name, html.spaced(mark, use), t.ON_FRONT[language] if on_front else "")
    ends = entry.kl.interval
    low_high = f"{number(ends.low, language, 3)} – {number(ends.high, language, 3)}" if ends else ""
    speed: str = t.UNKNOWN[language]
    if entry.pace:
        tokens = t.TOKENS.format(n=said(entry.pace.tokens_per_second))[language]
        speed = html.cell(t.PACE.format(n=said(entry.pace.ratio, 2))[language], tokens)
    per_weight = t.BITS_EACH.format(bits=said(entry.bits_per_weight))[language]
    return [
        first, html.cell(size(entry.stored_bytes, language), per_weight),
        html.cell(number(entry.kl.value, language, 3), low_high),
        number(entry.perplexity.value, language, 3), speed,
    ]  # fmt: skip


def certainty_html(lab: Lab, model: str, entries: Sequence[Entry], language: Language) -> Markup:
    """Where the tokens are on which a recipe errs."""
    found = certainty(lab, model, entries)
    if not found:
        return html.caption(t.NOTHING[language])
    name, bins = next(reversed(found.items()))
    picture = Markup(certainty_svg(found, language))
    return html.verdict(sure(name, bins)[language]) + picture + html.caption(t.SURE_CAPTION[language])


def sure(name: str, bins: Sequence[Bin]) -> Text:
    """The first and the last bin of one recipe, and the one with most of its KL."""
    first, last, worst = bins[0], bins[-1], max(bins, key=lambda one: one.share)
    more = last.kl.value > first.kl.value
    factor = last.kl.value / first.kl.value if more else first.kl.value / max(last.kl.value, 1e-12)
    word = (t.TIMES_MORE if more else t.TIMES_LESS).format(n=said(factor, 2))
    span = t.RANGE.format(low=percent(worst.low), high=percent(worst.high))
    return t.SURE.format(
        name=name, low=percent(first.high), high=percent(last.low), first=said(first.kl.value, 2),
        last=said(last.kl.value, 2), word=word, worst=span, share=percent(round(worst.share, 2)),
    )  # fmt: skip


def percent(share: float) -> Text:
    return Text(*(f"{fixed(100 * share, la, 0)}{html.percent_sign(la)}" for la in ("es", "en")))


def estimate(lab: Lab, model: str, asked: Sequence[Named]) -> Text:
    """How long a live sweep would take, by the rows that this machine has made."""
    if not asked:
        return t.ESTIMATE_NONE
    text, loaded = read_text(), lab.loaded(model)
    missing = [one for one in asked if lab.rows.get(one.recipe, text) is None]
    if not missing:
        return t.ESTIMATE_DONE.format(n=len(asked))
    weights = sum(layer.parameters for layer in census(loaded) if layer.kind is Kind.LINEAR)
    known = [seconds for one in missing if (seconds := lab.rows.expected(one.recipe, weights, text)) is not None]
    if not known:
        return t.ESTIMATE_NEW.format(n=len(asked))
    given = {"n": len(asked), "seconds": said(sum(known), 2)}
    unknown = len(missing) - len(known)
    return t.ESTIMATE_SOME.format(m=unknown, **given) if unknown else t.ESTIMATE.format(**given)
