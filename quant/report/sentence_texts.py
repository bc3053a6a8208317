"""The sentences that follow from figures; `sentences.py` says which when. Fields are numbers by their ids, or names."""

from __future__ import annotations

from quant.evaluation.verdict import Verdict
from quant.text import Text

SMALLER = Text(
    "Los pesos pasan de {before} a {after}: {times} veces menos.",
    "The weights go from {before} to {after}: {times} times less.",
)
SAME_SIZE = Text(
    "Los pesos ocupan casi lo mismo que al principio: {before} antes y {after} después.",
    "The weights take almost what they took: {before} before and {after} after.",
)
LARGER = Text(
    "Los pesos ocupan más que al principio: {before} antes y {after} después.",
    "The weights take more than they did: {before} before and {after} after.",
)
LEFT_IN_FLOAT = Text(
    "De lo guardado, un {share} sigue en `float32` ({left}): ahí queda lo que aún se puede ahorrar.",
    "Of what is stored, {share} is still `float32` ({left}): that is where more can be saved.",
)
RISES = Text(
    "la perplejidad pasa de {before} a {after} (sube un {change})",
    "perplexity goes from {before} to {after} (a rise of {change})",
)
FALLS = Text(
    "la perplejidad pasa de {before} a {after} (baja un {change})",
    "perplexity goes from {before} to {after} (a fall of {change})",
)
TIMES = Text(
    "la perplejidad pasa de {before} a {after} (se multiplica por {factor})",
    "perplexity goes from {before} to {after} ({factor} times as much)",
)
UNMOVED = Text("la perplejidad no cambia ({before})", "perplexity does not change ({before})")
JUDGED = Text(
    "Veredicto: {word}. En el texto de prueba, {moved}, la KL media es de {kl} nats y el token más probable es el mismo "
    "en el {same} de los casos.",
    "Verdict: {word}. On the test text, {moved}, mean KL is {kl} nats and the most likely token is the same {same} of "
    "the time.",
)
NOT_A_NUMBER = Text(
    "Veredicto: {word}. El modelo cuantizado ya no da números, así que no hay nada que medir.",
    "Verdict: {word}. The quantized model no longer gives numbers, so there is nothing to measure.",
)
MEANS = {
    Verdict.INDISTINGUISHABLE: Text(
        "sin pérdida que se vea: lo que exige la pérdida pequeña y, además, que el intervalo de la diferencia de "
        "log-perplejidad contenga el cero y la KL no pase de {same_kl} nats",
        "no visible loss: what a small loss asks for and, besides, that the interval of the difference in log-perplexity "
        "contains zero and KL is at most {same_kl} nats",
    ),
    Verdict.SMALL: Text(
        "pérdida pequeña: la perplejidad no sube más de un {rise}, la KL media no pasa de {small_kl} nats y el token más "
        "probable coincide al menos el {small_share} de las veces",
        "small loss: perplexity rises by no more than {rise}, mean KL is at most {small_kl} nats and the most likely "
        "token is the same at least {small_share} of the time",
    ),
    Verdict.NOTICEABLE: Text("pérdida apreciable: lo que queda en medio", "noticeable loss: whatever lies between"),
    Verdict.BROKEN: Text(
        "roto: la perplejidad se multiplica por {factor} o más, la KL media llega a {broken_kl} nats o la coincidencia "
        "baja hasta el {broken_share}",
        "broken: perplexity is multiplied by {factor} or more, mean KL reaches {broken_kl} nats or agreement falls to "
        "{broken_share}",
    ),
}
PARTED = Text(
    "Los dos textos empiezan igual y se separan en el token {place} de la continuación.",
    "The two texts begin alike and part at token {place} of the continuation.",
)
PARTED_AT_ONCE = Text(
    "Los dos textos se separan ya en el primer token de la continuación.",
    "The two texts part at the very first token of the continuation.",
)
SAME_TEXT = Text(
    "Los dos escriben lo mismo, token por token: {tokens} tokens.",
    "Both write the same, token by token: {tokens} tokens.",
)
NOT_A_MEASURE = Text(
    "Es una sola continuación: ilustra, pero no mide. Lo que mide es la tabla de abajo.",
    "It is a single continuation: it illustrates, and does not measure. The table below measures.",
)
TRAINED = Text(
    "Tu receta lleva, además, {steps} pasos de entrenamiento con los pesos redondeados: es QAT, y parte de lo que dejó "
    "la PTQ.",
    "Your recipe has {steps} steps of training with rounded weights on top: it is QAT, and starts from what PTQ left.",
)
CALIBRATED = Text(
    "Tu receta es PTQ con calibración: antes de redondear se leen {tokens} tokens de un texto que no es el de la prueba.",
    "Your recipe is PTQ with calibration: {tokens} tokens of a text that is not the test text are read before rounding.",
)
UNCALIBRATED = Text(
    "Tu receta es PTQ sin calibración: solo mira los pesos.",
    "Your recipe is PTQ without calibration: it looks at the weights alone.",
)
TOOK = Text("Cuantizar el modelo llevó {seconds} segundos en este ordenador.",
            "Quantizing the model took {seconds} seconds on this computer.")  # fmt: skip
HOLD_ALL = Text(
    "{names} guarda todos los pesos de este modelo tal como son: en ese formato se publicó.",
    "{names} holds every weight of this model as it is: it was published in that format.",
)
HOLD_BOTH = Text(
    "{names} guardan todos los pesos de este modelo tal como son.", "{names} hold every weight of this model as it is."
)
LOSES_RANGE = Text(
    "{name} no llega a todos: un {zero} de los pesos pasa a ser cero y un {beyond} no cabe.",
    "{name} does not reach them all: {zero} of the weights become zero and {beyond} do not fit.",
)
LOSES_DIGITS = Text(
    "En {name} no se sale ningún peso de su alcance; lo que se pierde son cifras: la señal queda {db} dB por encima del "
    "error.",
    "In {name} no weight is out of reach; what is lost is digits: the signal is {db} dB above the error.",
)
CAST_COSTS = Text(
    "Pasar el modelo entero a {name} deja la perplejidad en {perplexity} y la KL media en {kl} nats: {word}.",
    "Casting the entire model to {name} leaves perplexity at {perplexity} and mean KL at {kl} nats: {word}.",
)
BEATEN = Text(
    "Otra receta sale mejor en este modelo: «{name}» ocupa {bytes} y su KL media es de {kl} nats, frente a {own_bytes} y "
    "{own_kl} de la tuya.",
    "Another recipe does better on this model: “{name}” takes {bytes} with a mean KL of {kl} nats, against {own_bytes} "
    "and {own_kl} for yours.",
)
BEATEN_TIE = Text(
    "Otra receta ocupa menos y no se distingue de la tuya en lo que pierde: «{name}», {bytes} y {kl} nats, frente a "
    "{own_bytes} y {own_kl}.",
    "Another recipe takes less and cannot be told from yours by what it loses: “{name}”, {bytes} and {kl} nats, against "
    "{own_bytes} and {own_kl}.",
)
UNBEATEN = Text(
    "De las {count} recetas comparadas, ninguna es mejor que la tuya: no hay otra que pierda menos sin ocupar más, ni que "
    "ocupe claramente menos sin perder más.",
    "Of the {count} recipes compared, none is better than yours: no other loses less without taking more, and none takes "
    "clearly less without losing more.",
)
ALONE = Text(
    "No se ha medido ninguna otra receta de este modelo con este texto: no hay con qué comparar la tuya.",
    "No other recipe of this model has been measured on this text: there is nothing to compare yours with.",
)
TIES = Text(
    "Por lo que pierden, el texto de prueba no distingue la tuya de {names}: es un empate.",
    "By what they lose, the test text cannot tell yours from {names}: it is a tie.",
)
NEIGHBOURS = {
    ("smaller", True): Text(
        "La siguiente más pequeña de las que nadie mejora, «{name}», ocupa {bytes} menos (un {share}) y su KL es {factor} "
        "veces la tuya.",
        "The next smaller of those that none is better than, “{name}”, takes {bytes} less ({share}) and its KL is {factor} "
        "times yours.",
    ),
    ("smaller", False): Text(
        "La siguiente más pequeña de las que nadie mejora, «{name}», ocupa {bytes} menos (un {share}).",
        "The next smaller of those that none is better than, “{name}”, takes {bytes} less ({share}).",
    ),
    ("larger", True): Text(
        "La siguiente más grande, «{name}», ocupa {bytes} más (un {share}) y su KL es {factor} veces menor.",
        "The next larger, “{name}”, takes {bytes} more ({share}) and its KL is {factor} times less.",
    ),
    ("larger", False): Text(
        "La siguiente más grande, «{name}», ocupa {bytes} más (un {share}) y no pierde nada.",
        "The next larger, “{name}”, takes {bytes} more ({share}) and loses nothing.",
    ),
}
SMALLEST_GOOD = Text(
    "La más pequeña cuya pérdida no pasa de pequeña es «{name}»: {bytes}, con una KL media de {kl} nats.",
    "The smallest whose loss is no more than small is “{name}”: {bytes}, with a mean KL of {kl} nats.",
)
SMALLEST_IS_YOURS = Text(
    "La más pequeña cuya pérdida no pasa de pequeña es la tuya.",
    "The smallest whose loss is no more than small is yours.",
)
NONE_GOOD = Text(
    "Ninguna de las comparadas se queda en una pérdida pequeña.", "None of those compared keeps to a small loss."
)
STEP = Text(
    "El precio no sube por igual: entre las mejores de cada tamaño, el salto mayor es de «{large}» a «{small}», que "
    "ahorra {saved} (un {share}) y multiplica la KL por {factor}.",
    "The price does not rise evenly: among the best of each size, the largest step is from “{large}” to “{small}”, which "
    "saves {saved} ({share}) and multiplies KL by {factor}.",
)
NO_SPEED = Text(
    "Este informe no ha medido la velocidad, así que no dice nada de ella: menos bits son menos bytes, y solo eso.",
    "This report has not measured speed, so that it says nothing of it: fewer bits are fewer bytes, and no more.",
)
SHORT_TEXT = Text(
    "El texto de prueba es demasiado corto para dar intervalos: toma las cifras como un indicio.",
    "The test text is too short for intervals: take the figures as a hint.",
)
