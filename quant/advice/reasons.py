"""Why a recipe is recommended, and what would change that: sentences, each of which follows from figures.

A candidate goes by the name of its `Entry`. Which sentence is said is decided here alone, by what `recommend.py` found.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context

from quant.advice.recommend import Change, Lack, Moved, Recommendation
from quant.advice.rules import Matters, Option, Users, Wants, timed
from quant.targets import LEAST_MANY, MOST_FEW
from quant.text import Language, Text, number, size

LANGUAGES: tuple[Language, Language] = ("es", "en")
MATTERS = {
    Matters.SIZE: Text("el tamaño", "size"),
    Matters.SPEED: Text("la velocidad", "speed"),
    Matters.FIDELITY: Text("la fidelidad", "fidelity"),
}
USERS = {
    Users.FEW: Text("uno o pocos a la vez (hasta {n})", "one or a few at once (up to {n})").format(n=MOST_FEW),
    Users.MANY: Text("muchos a la vez ({n} o más)", "many at once ({n} or more)").format(n=LEAST_MANY),
}
ONLY = Text("De las {m} medidas que se ejecutan {where}, es la única que cumple lo que pides.",
            "Of the {m} measured that run {where}, it is the only one that satisfies what you want.")  # fmt: skip
AMONG = Text("De las {n} que cumplen lo que pides, es {what}.", "Of the {n} that satisfy what you want, it is {what}.")
WHAT = {
    Matters.SIZE: Text("la que menos ocupa", "the smallest"),
    Matters.FIDELITY: Text("la que menos pierde", "the one that loses least"),
    Matters.SPEED: Text("la que menos bytes lee para cada token, que es lo que se espera; su velocidad ahí no está "
                        "medida",
                        "the one that reads fewest bytes for each token, which is what is waited for; its speed there "
                        "is not measured"),
}  # fmt: skip
FASTEST = Text("la más rápida: {speed} tokens por segundo, medidos en esta página",
               "the fastest: {speed} tokens a second, measured on this page")  # fmt: skip
MEMORY = Text("Sus pesos son {weights} y lo que recuerda {of}, {cache}: en total {total}.",
              "Its weights are {weights} and what it remembers {of}, {cache}: {total} in all.")  # fmt: skip
MEMORY_OF = Text("Sus pesos son {weights} y lo que recuerda {of}, {cache}: {total} de los {memory} que tienes.",
                 "Its weights are {weights} and what it remembers {of}, {cache}: {total} of the {memory} that you "
                 "have.")  # fmt: skip
OF_ONE = Text("de {context} tokens", "of {context} tokens")
OF_MANY = Text("de {n} conversaciones de {context} tokens", "of {n} conversations of {context} tokens")
LOSS = Text("Pierde {kl} nats de media; con su intervalo del 95 %, {high} como mucho, y tu límite es {most}.",
            "It loses {kl} nats on average; by its 95% interval {high} at most, and your limit is {most}.")  # fmt: skip
LOSS_ALONE = Text("Pierde {kl} nats de media, sin intervalo, y tu límite es {most}.",
                  "It loses {kl} nats on average, without an interval, and your limit is {most}.")  # fmt: skip
WEIGHTS_ONLY = Text("Con {users}, se espera a que los pesos lleguen de la memoria: basta con redondear los pesos.",
                    "With {users}, what is waited for is weights coming from memory: to round the weights is "
                    "enough.")  # fmt: skip
BOTH = Text("Con {users}, cuenta también la aritmética: por eso redondea además lo que se multiplica ({name}).",
            "With {users}, arithmetic counts too: so it also rounds what is multiplied ({name}).")  # fmt: skip
NO_BOTH = Text("Aunque sean muchos, {where} no se multiplica en menos bits: se redondean solo los pesos.",
               "Though they are many, {where} nothing multiplies in fewer bits: only weights are rounded.")  # fmt: skip
TIES = Text("No se distingue de {names}: la diferencia de KL cabe en el azar de estos textos.",
            "It cannot be told from {names}: the difference in KL is within the chance of these texts.")  # fmt: skip
MIX = Text("Mezcla formatos. De las de un solo formato que ocupan lo mismo o menos, la que menos pierde es «{name}»: "
           "{kl} nats y {total}.",
           "It mixes formats. Of those of one format that take the same or less, “{name}” loses least: {kl} nats and "
           "{total}.")  # fmt: skip
RUNNER_UP = Text("Detrás queda «{name}»: {total} y {kl} nats.", "Next comes “{name}”: {total} and {kl} nats.")
LACKS = {
    Lack.MEASURED: Text("De lo que se ejecuta {where}{users} no hay nada medido en este modelo.",
                        "Of what runs {where}{users} nothing is measured on this model."),
    Lack.MEMORY: Text("No cabe nada de lo medido: lo que menos ocupa es «{name}», con {total}, y tienes {memory}.",
                      "Nothing that is measured fits: the smallest is “{name}”, with {total}, and you have {memory}."),
    Lack.FIDELITY: Text("Nada de lo que cabe pierde tan poco: lo que menos, «{name}», llega a {high} nats, y tu límite "
                        "es {most}.",
                        "Nothing that fits loses so little: the least, “{name}”, reaches {high} nats, and your limit "
                        "is {most}."),
}  # fmt: skip
FOR_MANY = Text(" para muchos a la vez, con pesos y activaciones redondeados,",
                " for many at once, weights and activations rounded,")  # fmt: skip
NOBODY = Text("no cumple nada de lo medido", "nothing that is measured does")
NAMED = Text("«{name}»", "“{name}”")
MOVES = {
    Moved.MORE_MEMORY: Text("con {memory} o más, {best}", "with {memory} or more, {best}"),
    Moved.LESS_MEMORY: Text("con menos de {total}, {best}", "with less than {total}, {best}"),
    Moved.MORE_LOSS: Text("si admites {most} nats, {best}", "if you accept {most} nats, {best}"),
    Moved.LESS_LOSS: Text("si exiges menos de {most} nats, {best}", "if you want less than {most} nats, {best}"),
    Moved.MORE_CONTEXT: Text("con un contexto de {context} tokens, {best}", "with a context of {context}, {best}"),
    Moved.USERS: Text("para {users}, {best}", "for {users}, {best}"),
    Moved.MATTERS: Text("si te importa más {matters}, {best}", "if {matters} matters most to you, {best}"),
    Moved.TARGET: Text("{where}, {best}", "{where}, {best}"),
}


def reasons(found: Recommendation) -> list[Text]:
    """Why the best is the best. There is one."""
    best, wants = found.best, found.wants
    assert best is not None
    said = [_first(found, best), _memory(best, wants), _loss(best, wants)]
    if not wants.runs_on.reads_everything:
        said.append(_arithmetic(best, wants))
    if found.ties:
        said.append(TIES.format(names=_listed([named(one) for one in found.ties])))
    if (uniform := found.uniform_beside(best)) is not None:
        said.append(MIX.format(name=uniform.entry.name, kl=_nats(uniform.kl), total=_size(uniform.total_bytes)))
    return said


def runner_up(found: Recommendation) -> Text | None:
    """What comes next, where anything does."""
    one = found.runner_up
    if one is None:
        return None
    return RUNNER_UP.format(name=one.entry.name, total=_size(one.total_bytes), kl=_nats(one.kl))


def lack(found: Recommendation) -> Text:
    """Why there is no answer, and the least possible. There is none."""
    assert found.lack is not None
    wants, one = found.wants, found.nearest
    if one is None:
        return LACKS[found.lack].format(
            where=wants.runs_on.where, users=FOR_MANY if wants.rounds_activations else Text("", "")
        )
    return LACKS[found.lack].format(
        name=one.entry.name, total=_size(one.total_bytes), memory=_size(wants.memory_bytes or 0),
        high=_nats(_three(one.highest_kl, up=True)), most=_nats(wants.most_kl),
    )  # fmt: skip


def change(moved: Change) -> Text:
    """One thing that would change the answer, and what it would be then."""
    wants = moved.wants
    best = named(moved.best) if moved.best else NOBODY
    memory = wants.memory_bytes or 0
    return MOVES[moved.moved].format(
        best=best, memory=_size(_three(memory, up=True)), total=_size(_three(memory + 1, up=False)),
        most=_nats(_three(wants.most_kl, up=moved.moved is Moved.MORE_LOSS)),
        context=Text(*(number(wants.context, la) for la in LANGUAGES)), users=USERS[wants.users],
        matters=MATTERS[wants.matters], where=wants.runs_on.where,
    )  # fmt: skip


def named(option: Option) -> Text:
    return NAMED.format(name=option.entry.name)


def _first(found: Recommendation, best: Option) -> Text:
    """By what it is the best of those that satisfy the wants."""
    wants, n = found.wants, len(found.fitting)
    if n == 1:
        return ONLY.format(m=len(found.options), where=wants.runs_on.where)
    what = WHAT[wants.matters]
    if timed([best], wants):
        speed = best.entry.tokens_per_second or 0.0
        what = FASTEST.format(speed=Text(*(number(speed, la, 3) for la in LANGUAGES)))
    return AMONG.format(n=n, what=what)


def _memory(best: Option, wants: Wants) -> Text:
    context = Text(*(number(wants.context, la) for la in LANGUAGES))
    of = (OF_MANY if wants.sequences > 1 else OF_ONE).format(n=wants.sequences, context=context)
    text = MEMORY if wants.memory_bytes is None else MEMORY_OF
    return text.format(
        weights=_size(best.entry.stored_bytes), cache=_size(best.cache_bytes), total=_size(best.total_bytes),
        memory=_size(wants.memory_bytes or 0), of=of,
    )  # fmt: skip


def _loss(best: Option, wants: Wants) -> Text:
    text = LOSS if best.entry.kl.interval else LOSS_ALONE
    return text.format(kl=_nats(best.kl), high=_nats(_three(best.highest_kl, up=True)), most=_nats(wants.most_kl))


def _arithmetic(best: Option, wants: Wants) -> Text:
    if wants.users is Users.FEW:
        return WEIGHTS_ONLY.format(users=USERS[Users.FEW])
    if wants.rounds_activations:
        return BOTH.format(users=USERS[Users.MANY], name=best.entry.recipe.activations.name)
    return NO_BOTH.format(where=wants.runs_on.where)


def _nats(value: float) -> Text:
    return Text(*(number(value, la, 3) for la in LANGUAGES))


def _three(value: float, *, up: bool) -> float:
    """To three digits, never beyond the side on which what is said of it holds: a limit that is shown can be typed."""
    return float(Context(prec=3, rounding=ROUND_CEILING if up else ROUND_FLOOR).create_decimal(repr(value)))


def _size(n_bytes: float) -> Text:
    return Text(*(size(n_bytes, la) for la in LANGUAGES))


def _listed(names: list[Text]) -> Text:
    return Text(*(", ".join(name[la] for name in names) for la in LANGUAGES))
