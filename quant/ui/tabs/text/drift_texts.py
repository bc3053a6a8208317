"""Texto: how far each token of a text moved."""

from __future__ import annotations

from quant.text import Text

DRIFT_TITLE = Text("Token a token: qué esperaba cada uno", "Token by token: what each one expected")
DRIFT_INTRO = Text(
    "Aquí no escribe ninguno: los dos leen tu texto, y en cada token se compara qué esperaba cada uno después de todo lo "
    "anterior. Toca un token para ver los cinco candidatos de cada modelo.",
    "Here neither of them writes: both read your text, and at each token what is compared is what each one expected after "
    "all that comes before. Tap a token to see the five candidates of each model.",
)
DRIFT_TEXT = Text("Texto que leen los dos", "Text that both read")
DRIFT_TEXT_INFO = Text(
    "Escribe o pega el tuyo; si no cabe en el contexto del modelo, se muestra el principio.",
    "Write or paste your own; where it does not fit in the model's context, its beginning is shown.",
)
DRIFT_READ = Text("Comparar token a token", "Compare token by token")
DRIFT_READING = Text("Leyendo con los dos modelos:", "Reading with both models:")
DRIFT_EMPTY = Text(
    "Pulsa «Comparar token a token» para ver en qué puntos del texto cambia lo que espera el modelo.",
    "Press “Compare token by token” to see where in the text what the model expects changes.",
)
DRIFT_CUT = Text(
    "Tu texto tiene {total} tokens; aquí están los {shown} primeros, que son los que caben en el contexto del modelo.",
    "Your text has {total} tokens; here are the first {shown}, which is what fits in the model's context.",
)
DRIFT_NONE_MOVED = Text(
    "Ningún token ha cambiado de probabilidad: los dos modelos esperan exactamente lo mismo en los {n}.",
    "No token changed its probability: both models expect exactly the same at all {n}.",
)
DRIFT_ALL_AGREE = Text(
    "En los {n} tokens los dos habrían puesto lo mismo en primer lugar, aunque no con la misma seguridad.",
    "At all {n} tokens both would have put the same one first, if not with the same confidence.",
)
DRIFT_SOME_AGREE = Text(
    "En {agree} de los {n} tokens los dos habrían puesto lo mismo en primer lugar.",
    "At {agree} of the {n} tokens both would have put the same one first.",
)
DRIFT_PART = Text(
    "La primera vez que no coinciden, en el token {at}, «{piece}», el original habría puesto «{a}» y el cuantizado, «{b}».",
    "The first time they differ, at token {at}, “{piece}”, the original would have put “{a}” and the quantized one “{b}”.",
)
DRIFT_AGREEMENT = Text("Mismo token en primer lugar", "Same token first")
DRIFT_AGREEMENT_HINT = Text("{agree} de {n} tokens", "{agree} of {n} tokens")
DRIFT_KL = Text("[[Divergencia KL|KL]] media", "Mean [[KL divergence|KL]]")
DRIFT_KL_UNIT = Text("{kl} nats", "{kl} nats")
DRIFT_KL_HINT = Text("0 es no haber cambiado nada", "0 means that nothing changed")
DRIFT_PARTING = Text("Primer desacuerdo", "First disagreement")
DRIFT_PARTING_AT = Text("token {at}", "token {at}")
DRIFT_PARTING_HINT = Text("marcado con ≠ en el texto", "marked with ≠ in the text")
DRIFT_NO_PARTING = Text("ninguno", "none")
DRIFT_NO_PARTING_HINT = Text("en los {n} tokens", "in {n} tokens")
DRIFT_LEGEND = Text(
    "Azul: lo esperaba más el original. Naranja: lo espera más el cuantizado. Cuántas veces:",
    "Blue: the original expected it more. Orange: the quantized model expects it more. How many times:",
)
DRIFT_BEYOND = Text("{sign} {low} o más", "{sign} {low} or more")
DRIFT_BETWEEN = Text("{sign} {low} a {high}", "{sign} {low} to {high}")
DRIFT_NEUTRAL = Text("casi igual", "about the same")
DRIFT_LEGEND_NATS = Text(
    "Subrayado de puntos, pierde probabilidad al cuantizar; continuo, la gana. Los límites, en logaritmos: {limits} "
    "[[nats]].",
    "Dotted underline, quantizing lowers its probability; solid, it raises it. The limits, in logarithms: {limits} "
    "[[nats]].",
)
DRIFT_HINT = Text(
    "Pasa por encima de un token, tócalo o entra en el texto con el tabulador y recórrelo con las flechas ← →; Esc "
    "cierra la ficha.",
    "Hover or tap a token, or enter the text with Tab and walk it with the arrows ← →; Esc closes the card.",
)
DRIFT_REGION = Text(
    "El texto, token a token; las flechas izquierda y derecha lo recorren",
    "The text, token by token; the left and right arrows walk through it",
)
DRIFT_TOKEN = Text("token {n}", "token {n}")
DRIFT_TOKENS = Text("tokens {n} a {last}", "tokens {n} to {last}")
DRIFT_P_RANK = Text("{p}, puesto {rank}", "{p}, rank {rank}")
DRIFT_TOKEN_KL = Text("KL {kl} nats", "KL {kl} nats")
DRIFT_SHARED = Text(
    "{n} tokens comparten estos caracteres: sus probabilidades van multiplicadas y sus KL sumadas; el puesto y las "
    "listas son los del primero.",
    "{n} tokens share these characters: their probabilities are multiplied and their KL summed; rank and lists are "
    "those of the first.",
)
DRIFT_PARTIAL = Text("parte de un carácter (n.º {id})", "part of a character (no. {id})")
DRIFT_UNWRITTEN = Text("n.º {id}", "no. {id}")
DRIFT_MOST_MOVED = Text("Los que más han cambiado", "The most changed")
DRIFT_LOST = Text(
    "baja del {before} al {after} ({change}), del puesto {rank_before} al {rank_after}",
    "falls from {before} to {after} ({change}), from rank {rank_before} to {rank_after}",
)
DRIFT_GAINED = Text(
    "sube del {before} al {after} ({change}), del puesto {rank_before} al {rank_after}",
    "rises from {before} to {after} ({change}), from rank {rank_before} to {rank_after}",
)
DRIFT_LOST_SAME_RANK = Text(
    "baja del {before} al {after} ({change}) y sigue en el puesto {rank_before}",
    "falls from {before} to {after} ({change}) and stays at rank {rank_before}",
)
DRIFT_GAINED_SAME_RANK = Text(
    "sube del {before} al {after} ({change}) y sigue en el puesto {rank_before}",
    "rises from {before} to {after} ({change}) and stays at rank {rank_before}",
)
