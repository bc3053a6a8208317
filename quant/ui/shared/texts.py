"""Header, badges, tabs, queue, footer: what every tab shares."""

from __future__ import annotations

from quant.evaluation.verdict import Verdict
from quant.text import Text

TITLE = Text("Laboratorio de cuantización", "Quantization lab")
SUBTITLE = Text(
    "Quítale bits a un GPT-2 de verdad y mira qué pierde: en sus números, en lo que escribe y en su nota.",
    "Take bits away from a real GPT-2 and watch what breaks: in its numbers, in what it writes, in its score.",
)
PREVIEW_TITLE = Text("{tab} · {title}", "{tab} · {title}")
PREVIEW = Text("{recipe}: de {before} a {after}. {about}", "{recipe}: from {before} to {after}. {about}")
ASKED = Text("Receta que pide un enlace", "Recipe that a link asks for")
SKIP = Text("Saltar al contenido", "Skip to the content")
API = Text("API para programas", "API for programs")
OTHER_LANGUAGE = Text("English", "Español")
BADGES = {
    "simulated": (
        Text("simulado", "simulated"),
        Text(
            "Aritmética con copias en coma flotante de los valores cuantizados: el error es el de verdad, pero esas "
            "copias no son lo que ocupa el modelo.",
            "Arithmetic on floating-point copies of the quantized values: the error is the real one, but those copies "
            "are not what the model takes.",
        ),
    ),
    "packed": (
        Text("empaquetado", "packed"),
        Text(
            "Bytes que existen, contados uno a uno: los que el modelo tiene en memoria y los que ocupa su archivo. "
            "Códigos, escalas, puntos cero, relleno y lo que queda en float32.",
            "Bytes that exist, counted one by one: those that the model holds in memory and those that its file takes. "
            "Codes, scales, zero points, padding and what stays in float32.",
        ),
    ),
    "measured": (
        Text("medido", "measured"),
        Text("Una ejecución que ocurrió en esta máquina.", "A run that happened on this machine."),
    ),
    "recorded": (
        Text("grabado", "recorded"),
        Text(
            "Medido antes con este mismo modelo y guardado en el proyecto, para que se vea al abrir la página.",
            "Measured before with this very model and kept in the project, so that it is there when the page opens.",
        ),
    ),
}
SIGNS = {"simulated": "◌", "packed": "■", "measured": "◷", "recorded": "●"}
VERDICTS = {
    Verdict.INDISTINGUISHABLE: ("=", "none"), Verdict.SMALL: ("≈", "small"), Verdict.NOTICEABLE: ("▲", "noticeable"),
    Verdict.BROKEN: ("✗", "broken"),
}  # fmt: skip
OLD_RECIPE = Text("De otra receta: repetir", "Of another recipe: repeat")
QUEUE_ONE = Text(
    "Hay una tarea delante; la tuya empezará en cuanto acabe.", "One task is ahead of yours; it starts right after."
)
QUEUE_MANY = Text(
    "Hay {n} tareas delante; la tuya empezará en cuanto acaben.",
    "{n} tasks are ahead of yours; it starts right after.",
)
STOPPED = Text("Detenido. Se conserva lo que ya estaba hecho.", "Stopped. What was already done stays.")
MISSING_NUMBER = Text("Falta un número en «{name}».", "A number is missing in “{name}”.")
FOOTER = Text(
    "Código Apache-2.0 · modelo incluido y textos de Wikipedia CC BY-SA 4.0 · lo que escribes solo llega al ordenador "
    "que sirve esta página",
    "Code Apache-2.0 · built-in model and Wikipedia texts CC BY-SA 4.0 · what you write only reaches the computer that "
    "serves this page",
)
BADGES_TITLE = Text(
    "Qué significan simulado, empaquetado, medido y grabado", "What simulated, packed, measured and recorded mean"
)
STOP = Text("Detener", "Stop")
ORIGINAL = Text("Original", "Original")
QUANTIZED = Text("Cuantizado", "Quantized")
DEFAULT_PROMPT = "Me gusta mucho el futbol"
QUANTIZING = Text("Cuantizando el modelo:", "Quantizing the model:")
TRAINING = Text("Entrenando otra vez el modelo, {n} pasos:", "Training the model again, {n} steps:")
BLOCK = Text("Bloque {n}", "Block {n}")
PARTS = {
    "attn.c_attn": Text("atención, QKV", "attention, QKV"),
    "attn.c_proj": Text("atención, salida", "attention, out"),
    "mlp.c_fc": Text("MLP, entrada", "MLP, in"),
    "mlp.c_proj": Text("MLP, salida", "MLP, out"),
}
TOKEN_TABLE = Text("tabla de tokens", "token table")
WEIGHTS_LAYER = Text("Capa", "Layer")
