"""The card at the top of Métrica."""

from __future__ import annotations

from quant.text import Text

PACKED = Text("Pesos empaquetados", "Packed weights")
SMALLER = Text("{change} frente a {before} en memoria (float32)", "{change} against {before} in memory (float32)")
PERPLEXITY = Text("[[Perplejidad|perplejidad]]", "[[Perplexity|perplejidad]]")
INTERVAL = Text("{change} (IC 95\N{NARROW NO-BREAK SPACE}%: {ends})", "{change} (95% CI: {ends})")
SAME = Text("sin cambio", "no change")
SAME_WORDS = Text("[[Palabras|token]] iguales a las del original", "[[Words|token]] equal to the original’s")
SAME_SHARE = Text("en el {share} de los sitios, la más probable", "in {share} of places, the most likely one")
RULE_LABEL = Text("Cómo se decide", "How this is decided")
A_PART = Text("{title}, una parte", "{title}, a part")
RECORDED_SAID = Text(
    "Se midió de antemano con esta receta; «Medir» lo repite ahora.",
    "Measured beforehand with this recipe; “Measure” repeats it now.",
)
NOT_MEASURED = Text(
    "Con esta receta ya se sabe lo que ocupa. Lo que pierde se sabe al pulsar «Medir».",
    "How much this recipe takes is known already. What it loses, you learn by pressing “Measure”.",
)
EXACT = Text(
    "Sin error porque estos pesos ya venían en {format}; con otros modelos no es así.",
    "No error, because these weights came in {format} already; with other models it is not so.",
)
EXACT_FILE = Text("{said} El archivo publicado ocupa {size}.", "{said} The published file takes {size}.")
ABOVE_VOCABULARY = Text(
    "Una perplejidad mayor que los {n} tokens del vocabulario significa que duda más que si eligiera al azar: apuesta, muy "
    "seguro, por otras palabras, o el texto usa signos que apenas ha visto.",
    "A perplexity above the {n} tokens of the vocabulary means that it does worse than choosing at random: it bets, very "
    "sure, on other words, or the text has signs that it has hardly seen.",
)
