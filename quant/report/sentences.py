"""From figures to sentences: each function states its rule, and prints no number but those of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quant.evaluation.figures import Figures
from quant.evaluation.verdict import BEATS_FLOAT, BROKEN_RATIO, NOT_APART, Verdict
from quant.recipe import Recipe
from quant.report import sentence_texts as t
from quant.report.casts import Casts
from quant.report.fact import Ref, Worth
from quant.report.naming import SHORT
from quant.report.phrase import Name, Part, Sentence, listed
from quant.report.rows import Compared, better, frontier, less, neighbours, steepest, tied
from quant.size import SizeReport
from quant.text import Text

SMALLER_FROM, LARGER_FROM = 1.02, 0.98  # float bytes over stored bytes
MUCH_FLOAT = 0.25  # of what is stored, from which on what stays in float32 is spoken of
MOST_TIES = 3
GOOD = (Verdict.INDISTINGUISHABLE, Verdict.SMALL)


def size_said(sizes: SizeReport) -> list[Sentence]:
    """Smaller where it takes at least 2 % less than in float32, larger where 2 % more, the same between.

    Where at least a quarter of what is stored is still float32, that is said too.
    """
    times = sizes.float_bytes / sizes.stored_bytes
    text = t.SMALLER if times >= SMALLER_FROM else t.LARGER if times <= LARGER_FROM else t.SAME_SIZE
    given: dict[str, Part] = {
        "before": Ref("model.float_bytes"),
        "after": Ref("size.stored"),
        "times": Ref("size.times"),
    }
    said = [Sentence(text, given)]
    left = sum(row.stored_bytes for row in sizes.rows if not row.quantized)
    if left >= MUCH_FLOAT * sizes.stored_bytes:
        said.append(Sentence(t.LEFT_IN_FLOAT, {"share": Ref("size.float_share"), "left": Ref("size.float_left")}))
    return said


def verdict_said(f: Figures) -> list[Sentence]:
    """The word of `verdict.py` and its three measures; then its doubts.

    A change of perplexity is given in per cent, and as a factor from the doubling on. A doubt is said where the
    interval of the difference contains 0 and the loss is not invisible, where there is no interval, and where the
    quantized model scores better beyond chance.
    """
    if not (f.log_ratio.value < math.inf and f.kl_mean.value < math.inf):
        return [Sentence(t.NOT_A_NUMBER, {"word": f.judgement.verdict.value})]
    given: dict[str, Part] = {
        "word": f.judgement.verdict.value, "kl": Ref("ptq.kl"), "same": Ref("ptq.same_top"), **_moved(f),
    }  # fmt: skip
    judged = _with(t.JUDGED, "moved", Sentence(_moved_text(f.log_ratio.value)))
    return [Sentence(judged.text, given), *doubts_said(f)]


def doubts_said(f: Figures) -> list[Sentence]:
    """What one should know before believing the figures; nothing where there is nothing."""
    interval = f.log_ratio.interval
    if interval is None:
        return [Sentence(t.SHORT_TEXT)]
    if interval.high < 0:
        return [Sentence(_beats())]
    return [Sentence(NOT_APART)] * (0 in interval and f.judgement.verdict is not Verdict.INDISTINGUISHABLE)


def _beats() -> Text:
    """The warning of `verdict.py`, without its parenthesis of figures, which the table has."""
    return Text(*(said.partition(" (")[0] + said.partition(")")[2] for said in (BEATS_FLOAT.es, BEATS_FLOAT.en)))


def _moved(f: Figures) -> dict[str, Part]:
    return {"before": Ref("baseline.perplexity"), "after": Ref("ptq.perplexity"), "change": Ref("ptq.moved"),
            "factor": Ref("ptq.factor")}  # fmt: skip


def _moved_text(log_ratio: float) -> Text:
    if log_ratio == 0:
        return t.UNMOVED
    if log_ratio >= math.log(BROKEN_RATIO):
        return t.TIMES
    return t.RISES if log_ratio > 0 else t.FALLS


def words_said() -> tuple[Sentence, ...]:
    """What each word of the verdict means, with its limits."""
    names = ("rise", "factor", "same_kl", "small_kl", "broken_kl", "small_share", "broken_share")
    limits: dict[str, Part] = {name: Ref(f"limit.{name}") for name in names}
    return tuple(Sentence(text, limits) for text in t.MEANS.values())


def text_said(first_difference: int | None) -> Sentence:
    """Where the two texts part; first_difference: the token of the continuation, from 1, None where they are one."""
    if first_difference is None:
        return Sentence(t.SAME_TEXT, {"tokens": Ref("written.original")})
    if first_difference <= 1:
        return Sentence(t.PARTED_AT_ONCE)
    return Sentence(t.PARTED, {"place": Ref("written.first_difference")})


def kind_said(recipe: Recipe, timed: bool) -> list[Sentence]:
    """QAT where the recipe trains, PTQ with calibration where it reads a text, PTQ of the weights alone else.

    timed: whether its making was timed here.
    """
    said = [Sentence(t.CALIBRATED, {"tokens": Ref("recipe.calibration")}) if recipe.calibration else
            Sentence(t.UNCALIBRATED)]  # fmt: skip
    if recipe.training:
        said = [Sentence(t.TRAINED, {"steps": Ref("recipe.training")})]
    return said + [Sentence(t.TOOK, {"seconds": Ref("ptq.seconds")})] * timed


def formats_said(casts: Casts) -> list[Sentence]:
    """Which formats of 16 bits hold every weight; of the others what they lose: their reach where a weight becomes zero
    or does not fit, digits else. Then what each cast costs, where that was measured.
    """
    said = []
    exact: list[Part] = [Name.of(SHORT[name]) for name in casts.exact]
    if exact:
        said.append(_with(t.HOLD_ALL if len(exact) == 1 else t.HOLD_BOTH, "names", listed(exact)))
    for cast in casts.casts[1:]:
        short = SHORT[cast.format.name]
        name: Part = Name.of(short)
        if cast.format.name not in casts.exact and cast.share:
            reaches = not (cast.share.zero or cast.share.beyond)
            given = {"name": name, **{what: Ref(f"{short}.{what}") for what in ("zero", "beyond", "db")}}
            said.append(Sentence(t.LOSES_DIGITS if reaches else t.LOSES_RANGE, given))
    for cast in casts.casts[1:]:
        if cast.row:
            short = SHORT[cast.format.name]
            given = {"name": Name.of(short), "perplexity": Ref(f"{short}.perplexity"), "kl": Ref(f"{short}.kl"),
                     "word": cast.row.figures.judgement.verdict.value}  # fmt: skip
            said.append(Sentence(t.CAST_COSTS, given))
    return said


def conclusions(rows: Sequence[Compared], speed: bool) -> list[Sentence]:
    """What the comparison comes to.

    The live recipe is beaten by one that `rows.better` says is, the one with the least KL of them; unbeaten where there
    is none; alone where nothing else was measured. It ties with those that `rows.tied` says, at most MOST_TIES, nearest
    by KL. Its neighbours on the frontier say what one size less or more would change. The smallest good one is that of
    the fewest bytes whose verdict is no worse than a small loss. The step is `rows.steepest`. speed: whether any row
    has a speed.
    """
    live = next(row for row in rows if row.live)
    said = [_against(rows, live), *_ties(rows, live), *_neighbours(rows, live), *_smallest(rows, live)]
    if pair := steepest(rows):
        given: dict[str, Part] = {"large": Name(pair[0].name), "small": Name(pair[1].name)}
        given |= {name: Ref(f"step.{name}") for name in ("saved", "share", "factor")}
        said.append(Sentence(t.STEP, given))
    return said if speed else [*said, Sentence(t.NO_SPEED)]


def _against(rows: Sequence[Compared], live: Compared) -> Sentence:
    if len(rows) == 1:
        return Sentence(t.ALONE)
    ahead = [row for row in rows if row is not live and better(row, live)]
    if not ahead:
        return Sentence(t.UNBEATEN, {"count": Ref("rows.count")})
    best = min(ahead, key=lambda row: (not less(row, live), row.entry.kl.value))
    text = t.BEATEN if less(best, live) else t.BEATEN_TIE
    own = rows.index(live)
    return Sentence(text, {**_of(rows, best), "own_bytes": Ref(f"row.{own}.bytes"), "own_kl": Ref(f"row.{own}.kl")})


def _neighbours(rows: Sequence[Compared], live: Compared) -> list[Sentence]:
    said = []
    for which, other in zip(("smaller", "larger"), neighbours(rows, live), strict=True):
        if other is None:
            continue
        given: dict[str, Part] = {"name": Name(other.name)}
        given |= {what: Ref(f"{which}.{what}") for what in ("bytes", "share", "factor")}
        known = min(live.entry.kl.value, other.entry.kl.value) > 0
        said.append(Sentence(t.NEIGHBOURS[which, known], given))
    return said


def _ties(rows: Sequence[Compared], live: Compared) -> list[Sentence]:
    def apart(row: Compared) -> float:
        return abs(row.entry.kl.value - live.entry.kl.value)

    near = sorted((row for row in rows if row is not live and tied(row, live)), key=apart)[:MOST_TIES]
    names: list[Part] = [Name(Text(f"«{row.name.es}»", f"“{row.name.en}”")) for row in near]
    return [_with(t.TIES, "names", listed(names))] if names else []


def _smallest(rows: Sequence[Compared], live: Compared) -> list[Sentence]:
    judged = [row for row in rows if row.verdict]
    good = [row for row in judged if row.verdict in GOOD]
    if not good:
        return [Sentence(t.NONE_GOOD)]
    best = min(good, key=lambda row: (row.entry.stored_bytes, row.entry.kl.value))
    return [Sentence(t.SMALLEST_IS_YOURS) if best is live else Sentence(t.SMALLEST_GOOD, _of(rows, best))]


def _of(rows: Sequence[Compared], row: Compared) -> dict[str, Part]:
    place = rows.index(row)
    return {"name": Name(row.name), "bytes": Ref(f"row.{place}.bytes"), "kl": Ref(f"row.{place}.kl")}


def _with(text: Text, field: str, phrase: Sentence) -> Sentence:
    """A sentence with a phrase in place of one of its fields."""
    filled = Text(text.es.replace(f"{{{field}}}", phrase.text.es), text.en.replace(f"{{{field}}}", phrase.text.en))
    return Sentence(filled, phrase.parts)


def dot_of(row: Compared, rows: Sequence[Compared]) -> str:
    """How a row is drawn: the live one, one that was measured, a recorded one; faded where another is better."""
    kind = "live" if row.live else "recorded" if row.worth is Worth.RECORDED else "measured"
    return kind if row.live or row in frontier(rows) else f"{kind} behind"
