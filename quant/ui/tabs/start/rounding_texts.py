"""Inicio: the rounding workbench, sixteen values on a grid. The names are also the keys of the page's JavaScript (round_words.js)."""

from __future__ import annotations

from quant.text import Text

ROUND_HEADING = Text("Redondea tú dieciséis pesos", "Round sixteen weights yourself")
ROUND_INTRO = Text(
    "Arrastra un círculo azul, o muévelo con las flechas: se va a la línea más cercana de la [[rejilla]], y el trazo "
    "rojo es el error. De cada peso solo se guarda un número entero, su [[código]]; la [[escala]], una vez por grupo.",
    "Drag a blue circle, or move it with the arrow keys: it goes to the nearest line of the [[grid|rejilla]], and the "
    "red stroke is the error. All that is stored of each weight is an integer, its [[code|código]]; the "
    "[[scale|escala]], once per group.",
)
ROUND_BITS = Text("Bits por peso", "Bits per weight")
ROUND_USE = Text("Usar estos bits en el modelo", "Use these bits in the model")
ROUND_GRID = Text("Rejilla", "Grid")
ROUND_SYMMETRIC = Text("simétrica (absmax)", "symmetric (absmax)")
ROUND_ZERO_POINT = Text("con punto cero (mín–máx)", "zero point (min–max)")
ROUND_CLIP = Text("Parte del rango que se conserva", "Part of the range that is kept")
ROUND_GROUPS = Text("Una escala para…", "One scale for…")
ROUND_GROUPS_16 = Text("los 16", "all 16")
ROUND_GROUPS_8 = Text("cada 8", "each 8")
ROUND_GROUPS_4 = Text("cada 4", "each 4")
ROUND_RECIPE_TENSOR = Text("en tu receta, toda la matriz", "in your recipe, the entire matrix")
ROUND_RECIPE_CHANNEL = Text("en tu receta, cada canal de salida", "in your recipe, each output channel")
ROUND_RECIPE_GROUP = Text("en tu receta, cada {group} pesos", "in your recipe, each {group} weights")
ROUND_OUTLIER = Text("Añadir un valor atípico, 8 veces el mayor", "Add an outlier, 8 times the largest")
ROUND_REPAIR = Text("Reparar con grupos de 4", "Repair with groups of 4")
ROUND_UNREPAIR = Text("Volver a una sola escala", "Back to a single scale")
ROUND_RANDOM = Text("Al azar", "Random")
ROUND_LIVE = Text("Otros 16 del modelo", "Another 16 of the model")
ROUND_RESET = Text("Empezar de nuevo", "Start again")
ROUND_SOURCE_START = Text("Valores: los dieciséis pesos de arriba.", "Values: the sixteen weights above.")
ROUND_SOURCE_RANDOM = Text("Valores: al azar, semilla {seed}.", "Values: random, seed {seed}.")
ROUND_SOURCE_LIVE = Text(
    "Valores: pesos {first} a {last} de «{layer}».",
    "Values: weights {first} to {last} of “{layer}”.",
)
ROUND_SOURCE_MOVED = Text("Luego los has movido tú.", "Then moved by you.")
ROUND_LEGEND_ORIGINAL = Text("valor original", "original value")
ROUND_LEGEND_QUANTIZED = Text(
    "valor redondeado (borde grueso, si satura)", "rounded value (thick outline if it saturates)"
)
ROUND_LEGEND_ERROR = Text("error", "error")
ROUND_ROW_VALUE = Text("valor", "value")
ROUND_ROW_CODE = Text("código", "code")
ROUND_ROW_SCALE = Text("escala", "scale")
ROUND_ROW_ZERO = Text("cero", "zero")
ROUND_HANDLE = Text("Valor {i}", "Value {i}")
ROUND_HANDLE_TEXT = Text("{w}; código {q}, que vale {d}", "{w}; code {q}, which stands for {d}")
ROUND_OUTLIER_NAME = Text("atípico", "outlier")
ROUND_SUMMARY = Text(
    "Dieciséis valores sobre una rejilla de {levels} valores; error típico {rms}, error máximo {largest}. La tabla de "
    "abajo da cada valor con su código.",
    "Sixteen values on a grid of {levels} values; typical error {rms}, largest error {largest}. The table below gives "
    "each value with its code.",
)
ROUND_CAPTION = Text(
    "Con {bits} bits hay {levels} códigos{scales}. A la derecha, los códigos del grupo elegido.",
    "With {bits} bits there are {levels} codes{scales}. On the right, the codes of the chosen group.",
)
ROUND_CAPTION_SYMMETRIC = Text(
    "Con {bits} bits la rejilla tiene {levels} valores ({power} menos uno: es simétrica y el 0 está en medio){scales}. A la "
    "derecha, los códigos del grupo elegido.",
    "With {bits} bits the grid has {levels} values ({power} less one: it is symmetric, with 0 in the middle){scales}. On "
    "the right, the codes of the chosen group.",
)
ROUND_CAPTION_ONE = Text(" y una sola escala para todos", " and a single scale for all")
ROUND_CAPTION_MANY = Text(
    " y {k} escalas: la rejilla es más fina donde los valores son más pequeños",
    " and {k} scales: the grid is finer where values are smaller",
)
ROUND_BAND = Text(
    "La banda gris son líneas tan juntas que no se distinguen.",
    "The grey band is lines too close to be told apart.",
)
ROUND_SATURATES = Text(
    "Un valor satura: cae fuera de la rejilla y se queda en su extremo.",
    "One value saturates: it lies beyond the grid and stays at its end.",
)
ROUND_SATURATE = Text(
    "{k} valores saturan: caen fuera de la rejilla y se quedan en su extremo.",
    "{k} values saturate: they lie beyond the grid and stay at its end.",
)
ROUND_OUTLIER_CODES = Text(
    "Un solo valor atípico ha estirado la rejilla de todos: los otros {others} usan ahora solo {k} de los {levels} "
    "códigos (sin él, {before}); {rise}.",
    "A single outlier has stretched everybody’s grid: the other {others} now use only {k} of the {levels} codes "
    "(without it, {before}); {rise}.",
)
ROUND_OUTLIER_ONE_CODE = Text(
    "Un solo valor atípico ha estirado la rejilla de todos: los otros {others} caen en un mismo código de los {levels} "
    "(sin él usan {before}) y ya no se distinguen; {rise}.",
    "A single outlier has stretched everybody’s grid: the other {others} all fall on one code of the {levels} (without "
    "it they use {before}) and can no longer be told apart; {rise}.",
)
ROUND_OUTLIER_GROUPS = Text(
    "Con grupos de {size} solo lo pagan los {sharing} valores que comparten escala con el atípico: {rise}. Los otros "
    "{rest} se redondean igual que sin él. El precio: de {from} a {to} bits por peso.",
    "With groups of {size} only the {sharing} values that share a scale with the outlier pay: {rise}. The other {rest} "
    "round just as they do without it. The price: from {from} to {to} bits per weight.",
)
ROUND_RISE_TIMES = Text(
    "su error típico se ha multiplicado por {times}", "their typical error is {times} times what it was"
)
ROUND_RISE_SAME = Text("su error típico no ha cambiado", "their typical error has not changed")
ROUND_RISE_FROM_ZERO = Text("su error típico pasa de 0 a {rms}", "their typical error goes from 0 to {rms}")
ROUND_RMS = Text("Error típico (RMS)", "Typical error (RMS)")
ROUND_RMS_SMALL = Text("raíz de la media de los cuadrados", "root of the mean square")
ROUND_LARGEST = Text("Error máximo", "Largest error")
ROUND_LARGEST_SMALL = Text("valor {i}: {w} → {q}", "value {i}: {w} → {q}")
ROUND_SQNR = Text("Relación señal-error (SQNR)", "Signal-to-error ratio (SQNR)")
ROUND_SQNR_SMALL = Text("unos 6 dB más por cada bit", "about 6 dB more for each bit")
ROUND_SQNR_OUTLIER = Text("ojo: el atípico pone el {share} de la señal", "beware: the outlier is {share} of the signal")
ROUND_EXACT = Text("sin error", "no error")
ROUND_BPW = Text("Bits por peso", "Bits per weight")
ROUND_BPW_SMALL = Text(
    "{bits} de código y {rest} de escalas float16", "{bits} for the code, {rest} for the float16 scales"
)
ROUND_BPW_ZERO = Text(
    "{bits} de código y {rest} de escalas float16 y puntos cero",
    "{bits} for the code, {rest} for float16 scales and zero points",
)
ROUND_FORMULA = Text("La cuenta del valor {i}: w = {w}", "The arithmetic of value {i}: w = {w}")
ROUND_MIN = Text("mín", "min")
ROUND_MAX = Text("máx", "max")
ROUND_SCALE = Text("escala", "scale")
ROUND_ROUND_FN = Text("redondear", "round")
ROUND_CLIP_FN = Text("acotar", "clip")
ROUND_ERROR_NAME = Text("error", "error")
ROUND_ZERO_GROUP = Text("todo el grupo vale 0", "the whole group is 0")
ROUND_MORE = Text("La cuenta, paso a paso, y la tabla", "The arithmetic, step by step, and the table")
ROUND_TABLE = Text("Los dieciséis valores, en una tabla", "The sixteen values, in a table")
ROUND_HEAD_ROUNDED = Text("redondeado", "rounded")
ROUND_NOTE = Text(
    "Es la misma cuenta que hace la biblioteca de este proyecto, con una diferencia: aquí la escala no se redondea "
    "a float16. Los empates van al par: 2,5 se redondea a 2 y 3,5 a 4. La rejilla con punto cero siempre contiene el 0. "
    "Los grupos son diminutos para que quepan en la pantalla; en un modelo suelen tener de 32 a 128 pesos, y una escala "
    "float16 cuesta entonces de 0,5 a 0,125 bits por peso.",
    "This is the arithmetic of this project’s own library with one difference: here the scale is not rounded to "
    "float16. Ties go to the even number: 2.5 rounds to 2, and 3.5 to 4. The zero-point grid always contains 0. Groups "
    "are tiny so that they fit the screen; in a model they usually hold 32 to 128 weights, and a float16 scale then "
    "costs 0.5 to 0.125 bits per weight.",
)
