"""From figures to a word: no visible loss, small, noticeable, broken. The rule is fixed, and printed with the word.

Perplexity, KL and top-1 agreement are each put into a band, and the worst of the three decides. The bounds lie between
what llama.cpp publishes for LLaMA 3 8B on WikiText-2 (pull request 6936, "perplexity: more statistics"):

    format     perplexity   mean KL   same first token        verdict on it
    Q6_K          +0.35 %    0.0055         -                 small, or no visible loss on a short text
    Q4_K_M        +2.8 %     0.031        91.9 %              small
    Q4_0             -       0.072          -                 noticeable
    Q2_K           +56 %     0.445        71.1 %              noticeable, at its end

and a doubled perplexity is broken; so is 60 % agreement (Mistral-7B at 1.8 bits, IQ1_S: 61.6 %, perplexity x 2.5; pull
request 5676). Agreement depends on the model: where many tokens are about as likely, less KL is enough to lose it.
"No visible loss" needs the interval too. A short text cannot tell anything apart, so an interval that contains 0 is
not enough without a small KL; and without an interval the word is never said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from quant.evaluation.bootstrap import Interval
from quant.text import Language, Text, as_typed, number


class Verdict(Enum):
    """From no loss to no use; the order is that of the members. Each stands alone on a chip, in a table, in CSV."""

    INDISTINGUISHABLE = Text("sin pérdida que se vea", "no visible loss")
    SMALL = Text("pérdida pequeña", "small loss")
    NOTICEABLE = Text("pérdida apreciable", "noticeable loss")
    BROKEN = Text("roto", "broken")


SMALL_RATIO, BROKEN_RATIO = 1.05, 2  # perplexity, quantized over original
SAME_KL, SMALL_KL, BROKEN_KL = 0.0055, 0.05, 0.45  # mean, nats
SMALL_AGREEMENT, BROKEN_AGREEMENT = 0.9, 0.6
LEAST_CHANGE = 0.05  # per cent of perplexity: below, both hesitate the same
HARDLY_EVER, NEARLY_ALWAYS = 0.05, 0.95  # agreement; from the latter on it is told out of 100, not of 10
LANGUAGES: tuple[Language, Language] = ("es", "en")


def _percent(value: object) -> Text:
    """A number, or a `Text` of one, with its sign: the Spanish page leaves a thin space before it."""
    return Text("{value}\N{NARROW NO-BREAK SPACE}%", "{value}%").format(value=value)


LIMITS: dict[str, object] = {
    "rise": _percent(round(100 * (SMALL_RATIO - 1))), "factor": as_typed(BROKEN_RATIO), "same_kl": as_typed(SAME_KL),
    "small_kl": as_typed(SMALL_KL), "broken_kl": as_typed(BROKEN_KL),
    "small_share": _percent(round(100 * SMALL_AGREEMENT)), "broken_share": _percent(round(100 * BROKEN_AGREEMENT)),
}  # fmt: skip
RULE = Text(
    "La regla: decide la peor de tres medidas. «Pérdida pequeña»: la perplejidad no sube más de un {rise}, la KL media "
    "no pasa de {small_kl} nats y el token más probable es el mismo al menos el {small_share} de las veces. «Roto»: la "
    "perplejidad se multiplica por {factor} o más, la KL llega a {broken_kl} nats o la coincidencia baja hasta el "
    "{broken_share}. «Apreciable»: lo que queda en medio. «Sin pérdida que se vea»: además de pequeña, el intervalo "
    "de la diferencia de log-perplejidad contiene el 0 y la KL no pasa de {same_kl} nats. Para orientarte: llama.cpp "
    "publica, con LLaMA 3 8B, una KL media de 0,0055 nats en Q6_K, de 0,031 en Q4_K_M y de 0,45 en Q2_K.",
    "The rule: the worst of three measures decides. “Small loss”: perplexity rises by no more than {rise}, mean KL is "
    "at most {small_kl} nats and the most likely token is the same at least {small_share} of the time. “Broken”: "
    "perplexity is multiplied by {factor} or more, KL reaches {broken_kl} nats or agreement falls to {broken_share}. "
    "“Noticeable”: whatever lies between. “No visible loss”: small, and besides the interval of the difference in "
    "log-perplexity contains 0 and KL is at most {same_kl} nats. For orientation: with LLaMA 3 8B, llama.cpp publishes "
    "a mean KL of 0.0055 nats for Q6_K, 0.031 for Q4_K_M and 0.45 for Q2_K.",
).format(**LIMITS)
# What a page says in large letters, and in one sentence beside it.
WORDS = {verdict: Text(verdict.value.es.capitalize(), verdict.value.en.capitalize()) for verdict in Verdict}
IN_BRIEF = Text("{doubts} ({before} → {after}) y {agrees}.", "{doubts} ({before} → {after}) and {agrees}.")
DOUBTS_SAME = Text("Duda lo mismo que el original", "It hesitates as much as the original")
DOUBTS_MORE = Text("Duda un {change} más que el original", "It hesitates {change} more than the original")
DOUBTS_LESS = Text("Duda un {change} menos que el original", "It hesitates {change} less than the original")
DOUBTS_TIMES = Text("Duda {change} veces lo que el original", "It hesitates {change} times as much as the original")
AGREES_ALWAYS = Text("elige siempre la misma palabra", "always picks the same word")
AGREES_OFTEN = Text("elige la misma palabra {often}", "picks the same word {often}")
AGREES_NEVER = Text("casi nunca elige la misma palabra", "hardly ever picks the same word")
ALWAYS = Text("siempre", "always")
OUT_OF = Text("{n} de cada {of} veces", "{n} times out of {of}")
ONCE = Text("1 de cada {of} veces", "one time in {of}")
SENTENCES = {
    Verdict.INDISTINGUISHABLE: Text(
        "Sin pérdida que se vea: {reasons}; el intervalo de la diferencia de log-perplejidad contiene el 0 y la KL no "
        "pasa de {same_kl} nats.",
        "No visible loss: {reasons}; the interval of the difference in log-perplexity contains 0 and KL is at most "
        "{same_kl} nats.",
    ),
    Verdict.SMALL: Text(
        "Pérdida pequeña: {reasons}; los límites son un {rise}, {small_kl} nats y el {small_share}.",
        "Small loss: {reasons}; the limits are {rise}, {small_kl} nats and {small_share}.",
    ),
    Verdict.NOTICEABLE: Text(
        "Pérdida apreciable: {reasons}; «pequeña» llega hasta un {rise}, {small_kl} nats y el {small_share}.",
        "Noticeable loss: {reasons}; “small” ends at {rise}, {small_kl} nats and {small_share}.",
    ),
    Verdict.BROKEN: Text(
        "Roto: {reasons}; basta con una: perplejidad × {factor}, KL de {broken_kl} nats o coincidencia de hasta un "
        "{broken_share}.",
        "Broken: {reasons}; any one is enough: perplexity × {factor}, KL {broken_kl} nats, or agreement down to "
        "{broken_share}.",
    ),
}
NOT_A_NUMBER = Text(
    "Roto: el modelo ya no da números, así que no hay nada que medir.",
    "Broken: the model no longer gives numbers, so there is nothing to measure.",
)
NO_INTERVAL = Text(
    "Sin intervalo: el texto es demasiado corto para saber cuánto hay de azar; tómalo como un indicio.",
    "No interval: the text is too short to know how much of it is chance; take it as a hint.",
)
NOT_APART = Text(
    "El intervalo de la diferencia de log-perplejidad contiene el 0: este texto no basta para decir cuál de los dos "
    "predice mejor, solo que no predicen lo mismo.",
    "The interval of the difference in log-perplexity contains 0: this text is not enough to say which of the two "
    "predicts better, only that they do not predict the same.",
)
WITH_DOUBT = Text("{sentence} {doubt}", "{sentence} {doubt}")
RISES = Text("la perplejidad sube un {change}", "perplexity rises by {change}")
FALLS = Text("la perplejidad baja un {change}", "perplexity falls by {change}")
TIMES = Text("la perplejidad se multiplica por {change}", "perplexity is multiplied by {change}")
UNCHANGED = Text("la perplejidad no cambia", "perplexity does not change")
DIVERGES = Text("la KL media es de {kl} nats", "mean KL is {kl} nats")
AGREES = Text(
    "el token más probable es el mismo el {share} de las veces", "the most likely token is the same {share} of the time"
)
BEATS_FLOAT = Text(
    "Cuidado: el cuantizado sale mejor que el original en este texto (su log-perplejidad baja entre {low} y {high} "
    "nats). Redondear no enseña nada: que aquí acierte más es casualidad, o cosa de un texto corto o poco variado. No "
    "lo tomes por una mejora; prueba con otro texto y mira la KL, que mide cuánto ha cambiado.",
    "Careful: the quantized model beats the original on this text (its log-perplexity falls by {low} to {high} nats). "
    "Rounding teaches nothing: that it does better here is chance, or a short or monotonous text. Do not take it for "
    "an improvement; try another text and look at KL, which measures how much has changed.",
)
RANKS_APART = Text(
    "Cuidado: por perplejidad gana «{a}», pero por KL gana «{b}» ({kl_a} nats frente a {kl_b}). La perplejidad solo "
    "mira el token que venía, y ahí ganancias y pérdidas se compensan; la KL compara todas las probabilidades con las "
    "del original. Para saber cuál se le parece más, fíate de la KL.",
    "Careful: “{a}” wins by perplexity, but “{b}” wins by KL ({kl_a} nats against {kl_b}). Perplexity only looks at "
    "the token that came, where gains and losses cancel; KL compares all probabilities with the original’s. To know "
    "which is closer to it, trust KL.",
)


def in_brief(before: float, after: float, difference: float, agreement: float) -> Text:
    """The cost in one sentence. before, after: perplexities; difference: of their logs; agreement: 0 to 1."""
    if not difference < math.inf:
        return NOT_A_NUMBER
    ends = {name: Text(*(number(v, la, 3) for la in LANGUAGES)) for name, v in (("before", before), ("after", after))}
    return IN_BRIEF.format(doubts=_doubts(difference), agrees=_picks(agreement), **ends)


def out_of(share: float) -> Text:
    """A share as one says it, “7 times out of 10”; cut near 1, so that almost always is not always."""
    if share == 1:
        return ALWAYS
    of = 100 if share >= NEARLY_ALWAYS else 10
    n = min(round(share * of), of - 1)
    return (ONCE if n == 1 else OUT_OF).format(n=n, of=of)


def _doubts(difference: float) -> Text:
    ratio = math.exp(min(difference, 700))
    change = 100 * abs(ratio - 1)
    if change < LEAST_CHANGE:
        return DOUBTS_SAME
    if ratio >= BROKEN_RATIO:
        return DOUBTS_TIMES.format(change=_short(ratio))
    return (DOUBTS_MORE if ratio > 1 else DOUBTS_LESS).format(change=_percent(_short(change)))


def _picks(agreement: float) -> Text:
    if agreement == 1:
        return AGREES_ALWAYS
    return AGREES_NEVER if agreement < HARDLY_EVER else AGREES_OFTEN.format(often=out_of(agreement))


@dataclass(frozen=True)
class Judgement:
    """The word and the sentence that gives its grounds."""

    verdict: Verdict
    sentence: Text


@dataclass(frozen=True)
class Candidate:
    """A scheme on a text, for comparing two. difference: mean of log-perplexity minus the original's, nats."""

    name: Text
    difference: float
    mean_kl: float


def judge(difference: float, interval: Interval | None, mean_kl: float, agreement: float) -> Judgement:
    """Apply RULE. difference: quantized minus original log-perplexity, nats, with its interval; agreement: 0 to 1."""
    if not (difference < math.inf and mean_kl < math.inf):  # NaN too
        return Judgement(Verdict.BROKEN, NOT_A_NUMBER)
    measures = [
        (_band(difference, math.log(SMALL_RATIO), math.log(BROKEN_RATIO)), _change(difference)),
        (_band(mean_kl, SMALL_KL, BROKEN_KL), DIVERGES.format(kl=_short(mean_kl))),
        (_band(-agreement, -SMALL_AGREEMENT, -BROKEN_AGREEMENT), AGREES.format(share=_share(agreement))),
    ]
    worst = max((band for band, _ in measures), key=list(Verdict).index)
    reasons = _listed([reason for band, reason in measures if band is worst])
    holds_zero = interval is not None and 0 in interval
    if worst is Verdict.SMALL and holds_zero and mean_kl <= SAME_KL:
        worst = Verdict.INDISTINGUISHABLE
    sentence = SENTENCES[worst].format(reasons=reasons, **LIMITS)
    doubt = NO_INTERVAL if interval is None else NOT_APART if holds_zero else None
    if doubt and worst is not Verdict.INDISTINGUISHABLE:
        sentence = WITH_DOUBT.format(sentence=sentence, doubt=doubt)
    return Judgement(worst, sentence)


def quantized_beats_float(interval: Interval | None) -> Text | None:
    """A warning when all of the interval of the difference in log-perplexity lies below 0."""
    if interval is None or interval.high >= 0:
        return None
    return BEATS_FLOAT.format(low=_short(-interval.high), high=_short(-interval.low))


def better_perplexity_worse_kl(a: Candidate, b: Candidate) -> Text | None:
    """A warning when two schemes on the same text are ranked one way by perplexity and the other way by KL."""
    if (a.difference - b.difference) * (a.mean_kl - b.mean_kl) >= 0:
        return None
    first, second = (a, b) if a.difference < b.difference else (b, a)
    return RANKS_APART.format(a=first.name, b=second.name, kl_a=_short(first.mean_kl), kl_b=_short(second.mean_kl))


def _band(value: float, small: float, broken: float) -> Verdict:
    """The verdict on a measure that is worse the larger it is, by the limits of its bands."""
    if value >= broken:
        return Verdict.BROKEN
    return Verdict.SMALL if value <= small else Verdict.NOTICEABLE


def _change(difference: float) -> Text:
    """A difference of log-perplexity in words."""
    if difference == 0:
        return UNCHANGED
    if difference >= math.log(BROKEN_RATIO):
        return TIMES.format(change=_short(math.exp(min(difference, 700))))
    change = 100 * math.expm1(difference)
    return (RISES if change > 0 else FALLS).format(change=_percent(_short(abs(change))))


def _short(value: float) -> Text:
    """`value` to two significant digits, as each language writes it."""
    return Text(number(value, "es", 2), number(value, "en", 2)) if value else Text("0", "0")


def _share(share: float) -> Text:
    """`share` in per cent; cut, never rounded up, so that 99.996 does not read as 100."""
    cut = math.floor(share * 10_000) / 100
    digits = 0 if cut == 100 else 4 if cut >= 99 else 3
    return _percent(Text(number(cut, "es", digits), number(cut, "en", digits)))


def _listed(parts: list[Text]) -> Text:
    """The parts in one phrase: “one, two and three”."""
    es, en = [p.es for p in parts], [p.en for p in parts]
    if len(parts) == 1:
        return parts[0]
    return Text(f"{', '.join(es[:-1])} y {es[-1]}", f"{', '.join(en[:-1])} and {en[-1]}")
