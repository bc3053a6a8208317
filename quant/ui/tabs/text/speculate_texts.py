"""Texto: the quantized model drafts, the original corrects."""

from __future__ import annotations

from quant.text import Text

SPECULATE_TITLE = Text(
    "Borrador y corrección (decodificación especulativa)", "Draft and correction (speculative decoding)"
)
SPECULATE_INTRO = Text(
    "El modelo cuantizado escribe unos cuantos tokens de borrador y el original los lee todos en una "
    "sola pasada: se queda con los que habría escrito él mismo y corrige el primero que no. El texto es el del original, "
    "así que solo cambia la velocidad; y como cada acierto es un token en el que cuantizar no ha cambiado la elección, la "
    "proporción de aciertos es también una medida de la cuantización.",
    "The quantized model drafts a few tokens and the original reads them all in a single pass: it keeps "
    "those that it would have written itself and corrects the first that it would not. The text is the original's, so "
    "only the speed changes; and since each hit is a token where quantizing did not change the choice, the share of hits "
    "is a measure of the quantization too.",
)
SPECULATE_DRAFTED = Text("Tokens de borrador por ronda", "Drafted tokens per round")
SPECULATE_DRAFTED_INFO = Text(
    "Con más tokens, una ronda acertada avanza más, pero un fallo tira más trabajo. El texto de partida y la longitud "
    "son los de «Escribir».",
    "With more tokens a good round gets further, but a miss throws more work away. Prompt and length are those of “Write”.",
)
SPECULATE_BAD_DRAFTED = Text(
    "{got} tokens de borrador por ronda: tiene que ser un número entero de 1 a {most}.",
    "{got} drafted tokens per round: it must be a whole number from 1 to {most}.",
)
SPECULATE_RUN = Text("Escribir con borrador", "Write with a draft")
SPECULATE_EMPTY = Text(
    "Pulsa «Escribir con borrador» para ver qué tokens del borrador acepta el original y si así escribe más deprisa.",
    "Press “Write with a draft” to see which drafted tokens the original accepts and whether it writes faster that way.",
)
SPECULATE_ALONE = Text("El original escribe solo, para comparar:", "The original writes alone, to compare:")
SPECULATE_GREEDY = Text(
    "Has marcado el muestreo; aquí no se usa: los dos toman siempre su token más probable, y así el texto se puede "
    "comparar con el del original.",
    "Sampling is ticked; it is not used here: both always take their most likely token, so that the text can be compared "
    "with the original's.",
)
SPECULATE_SO_FAR = Text(
    "De momento, el borrador acierta el {share} de las veces ({accepted}/{drafted}).",
    "So far the draft is right {share} of the time ({accepted}/{drafted}).",
)
SPECULATE_HITS = Text(
    "El borrador acertó el {share} de las veces ({accepted}/{drafted}). Comparado con el original solo, {compared}.",
    "The draft was right {share} of the time ({accepted}/{drafted}). Against the original alone: {compared}.",
)
SPECULATE_NO_DRAFT = Text(
    "Solo cabía un token, así que no hubo borrador: lo escribe el original. Sube la longitud máxima o acorta el texto de "
    "partida.",
    "Only one token fitted, so nothing was drafted: the original writes it. Raise the maximum length or shorten the "
    "prompt.",
)
SPECULATE_FASTER = Text("{factor}\N{NO-BREAK SPACE}veces más deprisa", "{factor}\N{NO-BREAK SPACE}times as fast")
SPECULATE_SLOWER = Text("{factor}\N{NO-BREAK SPACE}veces más despacio", "{factor}\N{NO-BREAK SPACE}times slower")
SPECULATE_EVEN = Text("tarda prácticamente lo mismo", "practically the same")
SPECULATE_SAME = Text(
    "El texto es, token a token, el que escribe el original solo.",
    "The text is, token by token, what the original writes alone.",
)
SPECULATE_DIFFERS = Text(
    "El texto se separa del que escribe el original solo en el token {n}: al leer varios tokens de una vez, las sumas se "
    "hacen en otro orden, y donde los dos mejores candidatos casi empatan la elección puede cambiar (casi empates en este "
    "texto: {tied}).",
    "The text first differs from what the original writes alone at token {n}: reading several tokens at once sums in "
    "another order, and where the two best candidates all but tie the choice can change (near ties in this text: {tied}).",
)
SPECULATE_MEASURED = Text(
    "Una sola pasada de cada uno en esta máquina, tras una ronda de calentamiento: primero el original solo y después "
    "los dos juntos, con la lectura del texto de partida incluida.",
    "A single run of each on this machine, after a round to warm up: first the original alone, then both together, with "
    "the reading of the prompt included.",
)
SPECULATE_WHY_SLOWER = Text(
    "El borrador se llevó el {share} del tiempo: para ganar tiene que tardar mucho menos que el original o acertar más, "
    "y un modelo pequeño tarda casi lo mismo con menos bits.",
    "The draft took {share} of the time: to pay off it must take far less than the original or be right more often, and "
    "a small model takes almost as long with fewer bits.",
)
SPECULATE_ACCEPTED = Text("del borrador, aceptado", "drafted, accepted")
SPECULATE_OWN = Text("del original: corrige o continúa", "the original's: corrects or continues")
SPECULATE_REJECTED = Text("del borrador, descartado", "drafted, thrown away")
SPECULATE_SEE = Text("ver lo descartado", "show what was thrown away")
SPECULATE_END = Text("[fin]", "[end]")
SPECULATE_REGION = Text("El texto, con el borrador y sus correcciones", "The text, with the draft and its corrections")
SPECULATE_DETAILS = Text("Con más detalle", "In more detail")
SPECULATE_AGREEMENT = Text("Acuerdo token a token", "Agreement, token by token")
SPECULATE_AGREEMENT_HINT = Text(
    "{accepted} de los {judged} que el original juzgó: tras el primer fallo de una ronda ya no mira más. No depende de "
    "cuántos pidas por ronda.",
    "{accepted} of the {judged} that the original judged: after a round's first miss it looks no further. It does not "
    "depend on how many are drafted per round.",
)
SPECULATE_PER_PASS = Text("Tokens por pasada del original", "Tokens per pass of the original")
SPECULATE_PER_PASS_HINT = Text(
    "{tokens} tokens en {rounds} pasadas; solo, da una pasada por token.",
    "{tokens} tokens in {rounds} passes; alone, it makes one pass per token.",
)
SPECULATE_SHARE = Text("Tiempo del borrador", "The draft's time")
SPECULATE_SHARE_HINT = Text("del total de los dos modelos", "of the total of both models")
SPECULATE_TIED = Text("Casi empates", "Near ties")
SPECULATE_TIED_HINT = Text(
    "sitios en los que los dos mejores logits del original distan 0,0001 o menos",
    "places where the original's two best logits are within 0.0001",
)
