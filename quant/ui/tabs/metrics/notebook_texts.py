"""El cuaderno de la práctica."""

from __future__ import annotations

from quant.text import Text

NOTEBOOK_TITLE = Text(
    "El cuaderno de la práctica: ¿qué hizo de verdad quantize_dynamic?",
    "The assignment’s notebook: what did quantize_dynamic really do?",
)
NOTEBOOK_INTRO = Text(
    "Este laboratorio nació de un cuaderno que cuantiza GPT-2 con una sola llamada:\n\n"
    "```python\ntorch.quantization.quantize_dynamic(\n    model, {nn.Linear, nn.LayerNorm},\n    dtype=torch.qint8)\n```\n\n"
    "y da por cuantizadas las capas lineales y las LayerNorm. Aquí esa misma llamada se ejecuta sobre el modelo que tengas "
    "elegido, montado como lo carga transformers, y se mira qué ha hecho. Los bits y el formato de tu receta no "
    "intervienen.",
    "This lab grew from a notebook that quantizes GPT-2 with a single call:\n\n"
    "```python\ntorch.quantization.quantize_dynamic(\n    model, {nn.Linear, nn.LayerNorm},\n    dtype=torch.qint8)\n```\n\n"
    "and takes the linear layers and the LayerNorms to be quantized. Here that same call runs on the model that you chose, "
    "put together as transformers loads it, and we look at what it did. The bits and the format of your recipe play no "
    "part.",
)
NOTEBOOK_RUN = Text("Ejecutar el cuaderno", "Run the notebook")
NOTEBOOK_EMPTY = Text(
    "Pulsa «Ejecutar el cuaderno». Con el modelo incluido tarda unos segundos; con un GPT-2 de 124 millones de parámetros, "
    "alrededor de un minuto.",
    "Press “Run the notebook”. With the built-in model it takes a few seconds; with a GPT-2 of 124 million parameters, "
    "about a minute.",
)
NOTEBOOK_RUNNING = Text("Ejecutando el cuaderno:", "Running the notebook:")
NOTEBOOK_ORIGINAL = Text("Original", "Original")
NOTEBOOK_RECIPE = Text("La receta del cuaderno", "The notebook's recipe")
NOTEBOOK_BROKEN = Text(
    "Roto a propósito: {bits} bits, una escala por matriz", "Broken on purpose: {bits} bits, one scale per matrix"
)

NOTEBOOK_CENSUS_TITLE = Text("Qué capas ha tocado", "Which layers it touched")
NOTEBOOK_TOUCHED_NONE = Text(
    "De las {modules} capas con pesos, la receta no ha tocado ninguna.",
    "Of the {modules} layers with weights, the recipe touched none.",
)
NOTEBOOK_TOUCHED_ONE = Text(
    "De las {modules} capas con pesos, la receta solo ha tocado {name}: {parameters} de {total} parámetros ({share}). Las "
    "demás siguen en float32.",
    "Of the {modules} layers with weights, the recipe touched only {name}: {parameters} of {total} parameters ({share}). "
    "The others are still float32.",
)
NOTEBOOK_TOUCHED_MANY = Text(
    "De las {modules} capas con pesos, la receta ha tocado {n}: {parameters} de {total} parámetros ({share}). Las demás "
    "siguen en float32.",
    "Of the {modules} layers with weights, the recipe touched {n}: {parameters} of {total} parameters ({share}). The "
    "others are still float32.",
)
NOTEBOOK_CENSUS_HEAD = [
    Text("", ""),
    Text("Capas", "Layers"),
    Text("Tocadas", "Touched"),
    Text("Parámetros", "Parameters"),
]
NOTEBOOK_WHY_TOUCHED = Text(
    "pesos en 8 bits con una escala por matriz; al calcular, también se redondea lo que entra",
    "weights in 8 bits with one scale per matrix; when it computes, what comes in is rounded too",
)
NOTEBOOK_WHY_NO_VERSION = Text(
    "la receta la pide, pero PyTorch no tiene versión dinámica y la deja igual sin avisar",
    "the recipe asks for it, but PyTorch has no dynamic version and leaves it alone without a word",
)
NOTEBOOK_WHY_CONV1D = Text(
    "hace lo mismo que nn.Linear con la matriz traspuesta, pero es otra clase: la receta no la ve",
    "does what nn.Linear does with the matrix transposed, but is another class: the recipe does not see it",
)
NOTEBOOK_WHY_NOT_ASKED = Text("la receta no la pide", "the recipe does not ask for it")
NOTEBOOK_TABLE_SHARED = Text(
    "Los porcentajes suman más de cien: la tabla de tokens del original es a la vez la de la entrada y la de la salida.",
    "The percentages add up to more than a hundred: the original's token table serves both input and output.",
)
NOTEBOOK_CONV1D = Text(
    "Para que a tu receta no le pase lo mismo, este laboratorio convierte cada Conv1D en nn.Linear "
    "al cargar el modelo. PyTorch, por su parte, considera obsoleta quantize_dynamic.",
    "So that the same does not happen to your recipe, this lab turns each Conv1D into nn.Linear when it "
    "loads the model. PyTorch, for its part, calls quantize_dynamic deprecated.",
)
NOTEBOOK_NO_CONV1D = Text(
    "Este modelo no tiene capas Conv1D, que son cosa de GPT-2: la receta se ha ejecutado sobre él tal como está cargado, y "
    "lo que se ve aquí no es lo que pasa con el GPT-2 del cuaderno. PyTorch considera obsoleta quantize_dynamic.",
    "This model has no Conv1D layers, which belong to GPT-2: the recipe ran on it as it is loaded, and what you see here "
    "is not what happens to the notebook's GPT-2. PyTorch calls quantize_dynamic deprecated.",
)

NOTEBOOK_COST_TITLE = Text("Cuánto ocupa y a qué velocidad escribe", "How large it is and how fast it writes")
NOTEBOOK_GROWS = Text(
    "El archivo crece de {before} a {after} ({change}).", "The file grows from {before} to {after} ({change})."
)
NOTEBOOK_SHRINKS = Text(
    "El archivo baja de {before} a {after} ({change}).", "The file shrinks from {before} to {after} ({change})."
)
NOTEBOOK_SAME_SIZE = Text("El archivo sigue ocupando {before}.", "The file still takes {before}.")
NOTEBOOK_TABLE_TWICE = Text(
    "La tabla de tokens se guardaba una vez para la entrada y la salida. Ahora la entrada la conserva en float32 y la "
    "salida añade su propia copia en 8 bits, de {packed}.",
    "The token table was stored once for input and output. Now the input keeps it in float32 and the output adds a copy "
    "of its own in 8 bits, of {packed}.",
)
NOTEBOOK_FASTER = Text(
    "Con la receta escribe más deprisa: gana en las {n} rondas ({change} de mediana).",
    "With the recipe it writes faster: it wins all {n} rounds ({change} in the median).",
)
NOTEBOOK_SLOWER = Text(
    "Con la receta escribe más despacio: pierde en las {n} rondas ({change} de mediana).",
    "With the recipe it writes more slowly: it loses all {n} rounds ({change} in the median).",
)
NOTEBOOK_SAME_PACE = Text(
    "En velocidad no se distinguen: de {n} rondas, la receta gana {won}.",
    "Their speeds cannot be told apart: of {n} rounds, the recipe wins {won}.",
)
NOTEBOOK_COST_HEAD = [
    Text("", ""),
    Text("Original", "Original"),
    Text("Receta", "Recipe"),
    Text("Cambio", "Change"),
]
NOTEBOOK_FILE = Text("Archivo", "File")
NOTEBOOK_FILE_HINT = Text("lo que escribe torch.save(model.state_dict())", "what torch.save(model.state_dict()) writes")
NOTEBOOK_FLOATS = Text("de ellos, en float32", "of which float32")
NOTEBOOK_PACKED = Text("de ellos, en 8 bits", "of which 8 bits")
NOTEBOOK_SPEED = Text(
    "Velocidad al escribir, con el código de transformers (tokens/s)",
    "Writing speed, with transformers’ own code (tokens/s)",
)
NOTEBOOK_SPEED_HINT = Text(
    "no se compara con la de «Medir», donde escribe el código de este laboratorio; por turnos; solo se da por distinta si gana el mismo en todas las rondas, lo que por azar pasaría una vez de cada {odds}",
    "not to be compared with “Measure”, where this lab’s code writes; taking turns; called different only when the same one wins every round, which chance alone would do once in {odds}",
)
NOTEBOOK_UNCLEAR = Text("no se distingue", "indistinguishable")

NOTEBOOK_METRIC_TITLE = Text("Qué mide su «pérdida»", "What its “loss” measures")
NOTEBOOK_BLIND = Text(
    "La «pérdida» del cuaderno, tokens que salen menos tokens que entran, da {loss} con los tres modelos. Se sabe sin "
    "ejecutar ninguno: el texto se corta al llegar a {most} tokens, así que solo mide lo cortas que son las frases.",
    "The notebook's “loss”, tokens that come out minus tokens that go in, is {loss} for all three models. That is known "
    "without running any: the text is cut at {most} tokens, so all it measures is how short the sentences are.",
)
NOTEBOOK_NOT_BLIND = Text(
    "La «pérdida» del cuaderno, tokens que salen menos tokens que entran, no coincide porque alguno ha terminado antes de "
    "los {most} tokens. Cuenta cuánto escribe cada modelo, no si lo que escribe vale algo; un modelo que se callara "
    "enseguida sacaría la mejor nota.",
    "The notebook's “loss”, tokens that come out minus tokens that go in, differs because some model ended before {most} "
    "tokens. It counts how much each one writes, not whether that is any good; a model that fell silent at once would "
    "get the best mark.",
)
NOTEBOOK_PERPLEXITY_SEES = Text(
    "La perplejidad, en cambio, pasa de {original} en el original a {broken} en el roto; con la receta es {recipe}.",
    "Perplexity, though, goes from {original} for the original to {broken} for the broken one; with the recipe it is "
    "{recipe}.",
)
NOTEBOOK_METRIC_HEAD = [
    Text("", ""),
    Text("«Pérdida» del cuaderno", "The notebook's “loss”"),
    Text("Perplejidad", "Perplexity"),
    Text("Bits por byte", "Bits per byte"),
]
NOTEBOOK_WRITES = Text("escribe: «{text}»", "writes: “{text}”")
NOTEBOOK_SENTENCES = Text(
    "Bajo cada nombre, cómo sigue la primera frase. No conocemos las tres del cuaderno, con las que le salió {theirs}; las "
    "nuestras son «{a}», «{b}» y «{c}». Como él, no fijamos longitud: transformers corta entonces a los {most} tokens. Cada "
    "modelo escribe siempre su token más probable.",
    "Under each name, how it continues the first sentence. We do not know the three of the notebook, which gave it "
    "{theirs}; ours are “{a}”, “{b}” and “{c}”. As in the notebook no length is set, and transformers then cuts at {most} "
    "tokens. Each model always writes its most likely token.",
)
NOTEBOOK_PROTOCOL = Text(
    "Perplejidad y bits por byte: menos es mejor. Texto: {text}; los primeros {bytes} bytes en {windows} ventanas de hasta "
    "{context} tokens, {tokens} tokens puntuados una vez cada uno. Con tan poco texto basta para ver un modelo roto, no para "
    "comparar dos buenos: para eso está «Medir».",
    "Perplexity and bits per byte: lower is better. Text: {text}; the first {bytes} bytes in {windows} windows of up to "
    "{context} tokens, {tokens} tokens scored once each. So little text is enough to see a broken model, not to compare two "
    "good ones: “Measure” is for that.",
)
