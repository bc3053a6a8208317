"""What the section about keys and values says."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Claves y valores", "Keys and values")
INTRO = Text(
    "De cada token que lee, el modelo guarda una *clave* y un *valor* en cada capa, y con un contexto largo eso llega a "
    "ocupar más que los pesos. ¿En cuál de los dos conviene gastar los bits?",
    "Of each token that it reads the model keeps a *key* and a *value* in every layer, and with a long context they "
    "come to take more than the weights. On which of the two should the bits be spent?",
)
KEYS = Text("Bits de las claves", "Bits of the keys")
VALUES = Text("Bits de los valores", "Bits of the values")
PER = Text("Una escala para cada…", "One scale for each…")
PERS = {"token": Text("token", "token"), "channel": Text("canal", "channel")}
PER_SAID = {
    "token": Text("por token: una escala para cada token y cabeza", "per token: a scale for each token and head"),
    "channel": Text(
        "por canal: una escala para cada canal y cada 32 tokens; los de un grupo sin completar siguen en float",
        "per channel: a scale for each channel and every 32 tokens; those of an incomplete group stay in float",
    ),
}
CONTEXT = Text("Tokens de contexto", "Tokens of context")
BEYOND = Text(
    "Este modelo lee {context} tokens como mucho; más allá solo se cuentan bytes.",
    "This model reads {context} tokens at most; beyond that only bytes are counted.",
)
CARDS = {
    "keys": Text("Claves", "Keys"), "values": Text("Valores", "Values"), "both": Text("Las dos cosas", "Both"),
    "weights": Text("Pesos de tu receta", "Weights of your recipe"),
}  # fmt: skip
FLOATS = Text("en float32, {size}", "in float32, {size}")
BOTH_FLOATS = Text("en 16 bits, {half}; en float32, {size}", "in 16 bits, {half}; in float32, {size}")
AGAINST = Text("{times} veces la caché", "{times} times the cache")

TABLE = Text(
    "Lo que pierde cada par: KL en nats; a la izquierda, los bits de las claves; arriba, los de los valores",
    "What each pair loses: KL in nats; bits of the keys on the left, of the values on top",
)
CORNER = Text("claves ↓ valores →", "keys ↓ values →")
KEY_CHOSEN = Text("▣ la que has elegido", "▣ the one you chose")
KEY_EQUAL = Text("= los mismos bytes que ella", "= the same bytes as it")
EMBEDDED_ONLY = Text(
    "Del modelo incluido, con sus pesos en float, en {kb} kB de la Enciclopedia; cuanto más largo el texto, más pesan las claves. "
    "Pulsa una casilla y será tu receta.",
    "Of the built-in model, its weights in float, on {kb} kB of the Encyclopedia; the longer the text, the more the keys count. "
    "Press a cell and it becomes your recipe.",
)
ALMOST = Text("≈ 0", "≈ 0")
CELL = Text("claves a {k} bits, valores a {v} bits: KL {kl}", "keys at {k} bits, values at {v} bits: KL {kl}")

SWAPPED = Text(
    "K{k}V{v} pierde {a} nats. Al revés, K{v}V{k}, ocupa los mismos bytes y pierde {b}: {factor} veces {word}.",
    "K{k}V{v} loses {a} nats. The other way round, K{v}V{k} takes the same bytes and loses {b}: {factor} times {word}.",
)
MORE, LESS = Text("más", "more"), Text("menos", "less")
ALONE = Text(
    "Solo las claves a {k} bits cuestan {a} nats, y solo los valores, {b}: {factor} veces {word}.",
    "The keys alone at {k} bits cost {a} nats, and the values alone {b}: {factor} times {word}.",
)
SPEND_KEYS = Text(" Gasta los bits en las claves.", " Spend the bits on the keys.")
FINE = Text("En 16 bits no se nota nada: KL {a}.", "At 16 bits nothing is noticed: KL {a}.")
DISAGREE = Text(
    "El error de los números no lo avisa: a {k} bits las claves conservan {kdb} dB y los valores {vdb}, así que las "
    "claves se reconstruyen mejor y aun así salen más caras. Su error decide a qué token se mira; el de los valores "
    "se promedia entre todos.",
    "The error of the numbers does not tell: at {k} bits the keys keep {kdb} dB and the values {vdb}, so the keys are "
    "rebuilt better and still cost more. Their error decides which token is looked at; that of the values is averaged "
    "over all.",
)
AGREE = Text(
    "A {k} bits las claves conservan {kdb} dB y los valores {vdb}.",
    "At {k} bits the keys keep {kdb} dB and the values {vdb}.",
)
CHANNEL_GAIN = Text(
    "Por canal, K{k}V{v} ocupa {more} más y pierde {b} nats en vez de {a}. {whose}",
    "Per channel, K{k}V{v} takes {more} more and loses {b} nats instead of {a}. {whose}",
)
GAIN_KEYS = Text(
    "Lo ganan sobre todo las claves (solo ellas, de {ka} a {kb}; solo los valores, de {va} a {vb}).{why}",
    "Most of that is gained by the keys (they alone, from {ka} to {kb}; the values alone, from {va} to {vb}).{why}",
)
GAIN_VALUES = Text(
    "Lo ganan sobre todo los valores (solo ellos, de {va} a {vb}; solo las claves, de {ka} a {kb}).",
    "Most of that is gained by the values (they alone, from {va} to {vb}; the keys alone, from {ka} to {kb}).",
)
GAIN_KEYS_ONLY = Text("Lo ganan las claves.{why}", "It is gained by the keys.{why}")
GAIN_VALUES_ONLY = Text("Lo ganan los valores.", "It is gained by the values.")
GAIN_WHY = Text(
    " Las claves tienen canales grandes en todos los tokens, y así cada uno lleva su escala.",
    " Keys have channels that are large in every token, and so each has its own scale.",
)

TRY = Text("Pruébalo en tu receta:", "Try it in your recipe:")
TRIES = {
    "keys=8&values=4&cache_per=token": Text("K8V4", "K8V4"),
    "keys=4&values=8&cache_per=token": Text("K4V8", "K4V8"),
    "keys=4&values=4&cache_per=token": Text("K4V4", "K4V4"),
    "keys=4&values=4&cache_per=channel": Text("K4V4 por canal", "K4V4 per channel"),
}
NAME = Text("K{k}V{v}", "K{k}V{v}")
NAME_CHANNEL = Text("K{k}V{v} por canal", "K{k}V{v} per channel")

MEASURE = Text("Medir estos pares ahora", "Measure these pairs now")
MEASURE_SAID = Text(
    "El modelo de tu receta lee unos {kb} kB de texto con cada caché, sus pesos en float: alrededor de un minuto.",
    "The model of your recipe reads some {kb} kB of text with each cache, its weights in float: about a minute.",
)
MEASURING = Text("Midiendo {name} ({i} de {n}):", "Measuring {name} ({i} of {n}):")
HEAD = (
    Text("caché", "cache"), Text("bytes", "bytes"), Text("KL (nats)", "KL (nats)"),
    Text("claves (dB)", "keys (dB)"), Text("valores (dB)", "values (dB)"),
)  # fmt: skip
