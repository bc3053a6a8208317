"""Números. What the scripts say is here too: they get it as JSON and fill the fields themselves."""

from __future__ import annotations

from quant.text import Text

TITLE = Text("Números", "Numbers")
NUMBERS_INTRO = Text(
    "Cada peso es un número con decimales; en memoria, unos y ceros: un **signo**, un **exponente** (qué potencia de dos: "
    "el alcance) y una **mantisa** (dónde cae entre esa potencia y la siguiente: la precisión).",
    "Every weight is a number with decimals; in memory, ones and zeros: a **sign**, an **exponent** (which power of two: "
    "the range) and a **mantissa** (where it lies between that power and the next: the precision).",
)
NUMBERS_PARTS = {
    "bits": Text("Un número, bit a bit", "One number, bit by bit"),
    "ranges": Text("Alcance frente a precisión", "Range against precision"),
    "wrong": Text("Lo que muchos apuntes cuentan mal", "What many course notes get wrong"),
}
NUMBERS_LINE_TITLE = Text("Todos los valores de un formato", "All the values of a format")
NUMBERS_EXPONENTS_TITLE = Text(
    "Qué potencias de dos usan los pesos, y qué perdería cada formato",
    "Which powers of two the weights use, and what each format would lose",
)
NUMBERS_BITS_TRY = Text(
    "Escribe un número, arrástralo o toma un peso; luego pulsa un bit.",
    "Type a number, drag it or take a weight; then press a bit.",
)
NUMBERS_LINE_TRY = Text(
    "Cada raya es un valor que existe. Arriba, los pesos de la capa; abajo, cuántos van a parar a cada valor.",
    "Each mark is a value that exists. Above, the weights of the layer; below, how many end up at each value.",
)
NUMBERS_RANGES_CAPTION = Text(
    "Más alta la barra, más alcance; más a la derecha, más precisión. BF16 llega casi tan lejos como FP32 (hasta "
    "{bf16_max}) con solo {bf16_p} bits significativos; FP16 tiene {fp16_p}, pero se acaba en {fp16_max}. Lo rayado son "
    "los números subnormales: tan pequeños que van perdiendo precisión.",
    "The taller the bar, the more range; the further right, the more precision. BF16 reaches almost as far as FP32 (to "
    "{bf16_max}) with only {bf16_p} significant bits; FP16 has {fp16_p}, but ends at {fp16_max}. Hatched are the "
    "subnormal numbers: so small that they lose precision little by little.",
)
NUMBERS_WHICH = Text(
    "¿Cuál usar? [[FP32|float32]] para comparar; BF16 para entrenar y para usar el modelo en máquinas recientes; FP16 donde "
    "no hay BF16. Con menos de 16 bits hace falta una [[escala]].",
    "Which one to use? [[FP32|float32]] to compare with; BF16 to train, and to run the model on recent machines; FP16 where "
    "there is no BF16. Below 16 bits a [[scale|escala]] is needed.",
)
NUMBERS_WHICH_MORE = Text("Todos, uno por uno, en Métrica", "All of them, one by one, in Metrics")
NUMBERS_EXACT = Text(
    "Los pesos de este modelo ya venían en {formats}: al guardarlos así no cambia ninguno, y el error es 0. Con un modelo "
    "entrenado en float32 no sería así.",
    "This model’s weights already came in {formats}: stored that way none of them changes, and the error is 0. With a model "
    "trained in float32 it would not be so.",
)
NUMBERS_PROPERTIES = Text("Las cifras de todos los formatos", "The figures of all formats")
NUMBERS_PROPERTIES_HEAD = [
    Text("Formato", "Format"),
    Text("Bits", "Bits"),
    Text("Bits significativos", "Significant bits"),
    Text("Mayor", "Largest"),
    Text("Menor normal", "Smallest normal"),
    Text("Menor positivo", "Smallest positive"),
    Text("Épsilon", "Epsilon"),
    Text("Valores", "Values"),
]
NUMBERS_EXPONENTS_CAPTION = Text(
    "El {middle} de los {count} pesos de las capas está entre 2{low} y 2{high}. float16 y bfloat16 llegan a casi todos sin "
    "ayuda; float8 (E4M3) redondea a 0 el {fp8_zero} y float4, el {fp4_zero}: por eso los formatos pequeños llevan una "
    "escala.",
    "{middle} of the {count} weights of the layers lie between 2{low} and 2{high}. float16 and bfloat16 reach nearly all of "
    "them unaided; float8 (E4M3) rounds {fp8_zero} to 0, and float4 {fp4_zero}: that is why small formats carry a scale.",
)
NUMBERS_SHARES_HEAD = [
    Text("Formato, sin escala", "Format, without a scale"),
    Text("Normales", "Normal"),
    Text("Subnormales", "Subnormal"),
    Text("A 0", "To 0"),
    Text("No caben", "Too large"),
]
NUMBERS_BANDS = Text(
    "Verde liso: números normales. Azul rayado: subnormales. Fuera de la banda, el formato no llega.",
    "Solid green: normal numbers. Hatched blue: subnormals. Outside its band a format does not reach.",
)
NUMBERS_WRONG_SHOWN = 4
NUMBERS_WRONG_MORE = Text("Cinco más", "Five more")
NUMBERS_WRONG_TRY = Text(
    "Nueve cosas que se leen a menudo. Elige antes de mirar.",
    "Nine things that are often read. Choose before you look.",
)
NUMBERS_WRONG_SAID = Text("Se lee: «{claim}»", "You may read: “{claim}”")
NUMBERS_QUIZ = {
    "show": Text("Mostrar", "Show"),
    "right": Text("✓ Eso es.", "✓ That is it."),
    "wrong": Text("✗ Es la otra.", "✗ It is the other one."),
    "score": Text("Aciertos: {right} de {answered}.", "Right so far: {right} of {answered}."),
}
# A question, its two answers, which of them is right, what is often read, and what is so.
NUMBERS_WRONG = [
    (Text("¿Qué es más preciso, BF16 o FP16?", "Which is more precise, BF16 or FP16?"),
     (Text("BF16", "BF16"), Text("FP16", "FP16")), 1,
     Text("BF16 es más preciso que FP16.", "BF16 is more precise than FP16."), Text(
        "Al revés: tiene {bf16_p} bits significativos y FP16, {fp16_p}. Lo que tiene es más alcance: hasta {bf16_max}, como FP32, frente a {fp16_max}.",
        "The other way round: it has {bf16_p} significant bits and FP16 has {fp16_p}. What it has is more range: to {bf16_max}, like FP32, against {fp16_max}.")),
    (Text("¿Qué guarda FP16 cuando el número es 0,00000001?", "What does FP16 store when the number is 0.00000001?"),
     (Text("Casi el mismo número", "Nearly the same number"), Text("Un 0", "A 0")), 1,
     Text("De FP16 solo importa que acaba en ±{fp16_max}.", "All that matters of FP16 is that it ends at ±{fp16_max}."), Text(
        "También empieza: por debajo de {fp16_normal} pierde precisión y hasta {fp16_half} todo se redondea a 0.",
        "It begins, too: below {fp16_normal} it loses precision and up to {fp16_half} everything rounds to 0.")),
    (Text("En FP16, ¿cuánto hay del 1 al número siguiente (el [[épsilon]])?", "In FP16, how far is it from 1 to the next number ([[epsilon|épsilon]])?"),
     (Text("2⁻¹⁰", "2⁻¹⁰"), Text("2⁻¹¹", "2⁻¹¹")), 0,
     Text("El épsilon de FP16 es 2⁻¹¹.", "The epsilon of FP16 is 2⁻¹¹."), Text(
        "Es 2⁻¹⁰, unas {fp16_eps} (en BF16, 2⁻⁷, unas {bf16_eps}). 2⁻¹¹ es el mayor error relativo al redondear: la mitad.",
        "It is 2⁻¹⁰, about {fp16_eps} (in BF16, 2⁻⁷, about {bf16_eps}). 2⁻¹¹ is the largest relative error of rounding: half of it.")),
    (Text("¿Cuánto ocupa un peso con 4 bits y una escala cada 64 pesos?", "How much does a weight take with 4 bits and a scale for every 64 weights?"),
     (Text("4 bits", "4 bits"), Text("4,25 bits", "4.25 bits")), 1,
     Text("4 bits son 4 bits por peso.", "4 bits are 4 bits per weight."), Text(
        "Faltan las escalas: con una float16 por cada 64 pesos son 4,25; Q4_0 y NVFP4 gastan 4,5. Compara formatos a igual número de bits por peso.",
        "The scales are missing: with a float16 one for every 64 weights it is 4.25; Q4_0 and NVFP4 spend 4.5. Compare formats at equal bits per weight.")),
    (Text("¿Cuántos valores distintos tiene E2M1, un formato de 4 bits?", "How many distinct values does E2M1, a 4-bit format, have?"),
     (Text("15", "15"), Text("16", "16")), 0,
     Text("E2M1 tiene 16 valores e INT8 simétrico, 256.", "E2M1 has 16 values and symmetric INT8 has 256."), Text(
        "E2M1 tiene {fp4_values}, porque 0 y −0 son el mismo. INT8 con absmax va de −127 a 127: {int8_levels} niveles de los {int8_values} que existen.",
        "E2M1 has {fp4_values}, since 0 and −0 are the same. INT8 with absmax runs from −127 to 127: {int8_levels} levels of the {int8_values} that exist.")),
    (Text("¿Tienen infinito todos los FP8?", "Do all FP8 formats have an infinity?"),
     (Text("Sí", "Yes"), Text("No", "No")), 1,
     Text("FP8 tiene infinito, como los demás.", "FP8 has an infinity, like the others."), Text(
        "float8_e5m2 sí, y llega a {e5m2_max}. float8_e4m3fn no: gasta esos códigos en números y llega a {e4m3_max}, con {e4m3_nan} códigos para NaN.",
        "float8_e5m2 does, and reaches {e5m2_max}. float8_e4m3fn does not: it spends those codes on numbers and reaches {e4m3_max}, with {e4m3_nan} codes for NaN.")),
    (Text("El FP8 llamado E4M3 acaba en {e4m3_max}. ¿Qué sale al guardar 1000?", "The FP8 called E4M3 ends at {e4m3_max}. What comes out when 1000 is stored?"),
     (Text("Según la biblioteca", "It depends on the library"), Text("Siempre {e4m3_max}", "Always {e4m3_max}")), 0,
     Text("Lo que no cabe en E4M3 [[satura|saturar]].", "What does not fit in E4M3 [[saturates|saturar]]."), Text(
        "Depende de la biblioteca y hasta de su versión: en PyTorch {torch}, el de esta página, 1000 da {e4m3_torch}; en ml_dtypes da NaN. La norma de OCP admite las dos cosas y el panel de arriba deja elegir.",
        "It depends on the library and even on its version: in PyTorch {torch}, this page’s, 1000 gives {e4m3_torch}; in ml_dtypes it gives NaN. OCP’s standard allows both, and the panel above lets you choose.")),
    (Text("¿Cuánto de GPT-2 cuantiza quantize_dynamic, de PyTorch?", "How much of GPT-2 does PyTorch’s quantize_dynamic quantize?"),
     (Text("Una sola matriz", "A single matrix"), Text("Todas sus matrices", "All of its matrices")), 0,
     Text("quantize_dynamic cuantiza todo GPT-2.", "quantize_dynamic quantizes all of GPT-2."), Text(
        "Solo toca lm_head: las otras 48 matrices son Conv1D, no Linear. El archivo crece de 497,8 a unos 536 MB, porque la tabla compartida se guarda dos veces.",
        "It touches only lm_head: the other 48 matrices are Conv1D, not Linear. The file grows from 497.8 to about 536 MB, since the tied table is stored twice.")),
    (Text("Con menos bits, ¿va el modelo más rápido?", "With fewer bits, does a model run faster?"),
     (Text("Siempre", "Always"), Text("No por sí solo", "Not by itself")), 1,
     Text("Con menos bits, el modelo va más rápido.", "With fewer bits a model runs faster."), Text(
        "Quitar bits no acelera nada por sí solo: hace falta un programa que lea los códigos empaquetados. Sin él hay que descomprimirlos antes de multiplicar, y eso suele costar más de lo que ahorra. Métrica mide lo que pasa en esta máquina.",
        "Fewer bits alone do not make it faster: it takes a program that reads the packed codes. Without one they have to be unpacked before they are multiplied, which usually costs more than it saves. Metrics measures what happens on this machine.")),
]  # fmt: skip
NUMBERS_WHERE = Text("{layer}, fila {row}, columna {column}", "{layer}, row {row}, column {column}")
NUMBERS_NO_SCRIPT = Text(
    "Este panel se mueve en el navegador y necesita JavaScript.",
    "This panel moves in the browser and needs JavaScript.",
)
NUMBERS_BITS = {
    "sign": Text("signo", "sign"),
    "exponent": Text("exponente", "exponent"),
    "mantissa": Text("mantisa", "mantissa"),
    "code": Text("código (posición en la tabla)", "code (place in the table)"),
    "value": Text("valor", "value"),
    "bits": Text("bits", "bits"),
    "bit": Text("bit", "bit"),
    "nBits": Text("{n} bits", "{n} bits"),
    "number": Text("Número", "Number"),
    "drag": Text("Arrástralo", "Drag it"),
    "fromModel": Text("Del modelo:", "From the model:"),
    "largest": Text("el mayor", "the largest"),
    "median": Text("uno de tamaño mediano", "one of median size"),
    "random": Text("uno al azar", "a random one"),
    "randomTitle": Text("Un peso cualquiera de las capas lineales", "Any weight of the linear layers"),
    "examples": Text("Ejemplos:", "Examples:"),
    "patternOf": Text("Bits en el formato", "Bits in the format"),
    "hex": Text("Hexadecimal", "Hexadecimal"),
    "binary": Text("Binario", "Binary"),
    "original": Text("Exacto, en float64", "Exactly, in float64"),
    "nearest": Text("lo más cercano en binario", "the nearest in binary"),
    "formats": Text("Formatos:", "Formats:"),
    "choose": Text("Más formatos, y uno a tu medida", "More formats, and one of your own"),
    "byHand": Text("Escribir los bits a mano", "Write the bits by hand"),
    "more": Text("Ver vecinos y fórmula", "Show neighbours and formula"),
    "exmy": Text("ExMy, a tu medida", "ExMy, your own"),
    "exponentBits": Text("Bits de exponente", "Exponent bits"),
    "mantissaBits": Text("Bits de mantisa", "Mantissa bits"),
    "withSpecials": Text("con infinito y NaN", "with infinity and NaN"),
    "overflow": Text("Si el número no cabe:", "If the number is too large:"),
    "nothing": Text("no se puede guardar", "cannot be stored"),
    "error": Text("Error", "Error"),
    "exact": Text("ninguno: es exacto", "none: it is exact"),
    "noError": Text("no es un número finito", "not a finite number"),
    "errorBoth": Text("{absolute} (relativo: {relative})", "{absolute} (relative: {relative})"),
    "neighbours": Text("Vecinos", "Neighbours"),
    "below": Text("{value}, a {gap} por debajo", "{value}, {gap} below"),
    "above": Text("{value}, a {gap} por encima", "{value}, {gap} above"),
    "lowest": Text("por debajo no hay más: es el menor", "none below: it is the lowest"),
    "highest": Text("por encima no hay más: es el mayor", "none above: it is the largest"),
    "keys": Text(
        "Con el teclado: el tabulador pasa de un formato a otro, las flechas de un bit a otro, y el espacio lo cambia.",
        "With the keyboard: Tab moves from one format to the next, the arrows from bit to bit, and Space flips it.",
    ),
    "tableFormula": Text("valor número {n} de la tabla", "value number {n} of the table"),
    "twosComplement": Text("complemento a dos", "two’s complement"),
    "plainBinary": Text("binario", "binary"),
}
NUMBERS_POLICIES = {
    "saturate": Text("→ el mayor", "→ the largest"),
    "infinity": Text("→ infinito", "→ infinity"),
    "nan": Text("→ NaN", "→ NaN"),
}
NUMBERS_PROBLEMS = {
    "empty": Text("Escribe un número.", "Type a number."),
    "noBits": Text("Escribe los bits.", "Type the bits."),
    "number": Text(
        "«{typed}» no es un número. Sirve, por ejemplo: 0,1 · -3,5 · 1e-3 · 2^-24 · inf · NaN · -0. Se conserva el anterior.",
        "“{typed}” is not a number. Allowed, for example: 0.1 · -3.5 · 1e-3 · 2^-24 · inf · NaN · -0. The previous one stays.",
    ),
    "huge": Text(
        "«{typed}» no cabe ni en float64, que llega a 1,797… × 10³⁰⁸. Para infinito escribe inf. Se conserva el anterior.",
        "“{typed}” does not fit even in float64, which reaches 1.797… × 10³⁰⁸. For infinity write inf. The previous one stays.",
    ),
    "tiny": Text(
        "«{typed}» es tan pequeño que hasta float64 lo redondea a 0; su menor valor es 4,94… × 10⁻³²⁴. Se conserva el anterior.",
        "“{typed}” is so small that even float64 rounds it to 0; its smallest value is 4.94… × 10⁻³²⁴. The previous one stays.",
    ),
    "bits": Text(
        "«{typed}» son {bits} bits y {format} tiene {allowed}: como mucho {digits} cifras hexadecimales o {allowed} binarias. Se conserva el anterior.",
        "“{typed}” is {bits} bits and {format} has {allowed}: at most {digits} hexadecimal digits or {allowed} binary ones. The previous one stays.",
    ),
    "hex": Text(
        "«{typed}» no es hexadecimal: se permiten las cifras 0-9 y A-F, con 0x delante o sin él; {digits} como mucho en {format}.",
        "“{typed}” is not hexadecimal: digits 0-9 and A-F are allowed, with or without 0x in front; at most {digits} in {format}.",
    ),
    "binary": Text(
        "«{typed}» no es binario: se permiten ceros y unos, con 0b delante o sin él; {allowed} como mucho en {format}.",
        "“{typed}” is not binary: zeros and ones are allowed, with or without 0b in front; at most {allowed} in {format}.",
    ),
}
NUMBERS_WHY = {
    "nanIeee": Text(
        "NaN («no es un número»): exponente todo unos y mantisa distinta de 0. No es igual a nada, ni a sí mismo.",
        "NaN (“not a number”): the exponent all ones and the mantissa not 0. It equals nothing, not even itself.",
    ),
    "nanFn": Text(
        "NaN: en {format} solo el código con todos los bits a uno (salvo el signo). No hay infinito.",
        "NaN: in {format} only the code with every bit set (but the sign). There is no infinity.",
    ),
    "nanFnuz": Text(
        "NaN: en {format} es el código que en otros formatos sería −0. No hay infinito ni −0.",
        "NaN: in {format} it is the code that other formats use for −0. There is neither infinity nor −0.",
    ),
    "nanOther": Text("Este código no se usa: no es ningún número.", "This code is unused: it is no number."),
    "noNan": Text(
        "{format} no tiene ningún código para NaN: todos son números.",
        "{format} has no code for NaN: all of them are numbers.",
    ),
    "infinity": Text(
        "Infinito: exponente todo unos y mantisa 0. Es lo que da 1/0.",
        "Infinity: the exponent all ones and the mantissa 0. It is what 1/0 gives.",
    ),
    "overflowInfinity": Text(
        "Desborda: el mayor es {max}, y lo que al redondear lo supera pasa a infinito.",
        "Overflow: the largest is {max}, and what rounds past it becomes infinity.",
    ),
    "overflowSaturate": Text(
        "{x} pasa del mayor, {max}, y se queda en él: satura.",
        "{x} is past the largest, {max}, and stays there: it saturates.",
    ),
    "overflowNan": Text(
        "Desborda: el mayor es {max}, y lo que al redondear lo supera da NaN.",
        "Overflow: the largest is {max}, and what rounds past it gives NaN.",
    ),
    "infinitySaturated": Text(
        "Aquí el infinito se guarda como {max}, el mayor.", "Here infinity is stored as {max}, the largest."
    ),
    "clipped": Text(
        "No cabe: sin una escala {format} acaba en {max}, y ahí se queda.",
        "It does not fit: without a scale {format} ends at {max}, and there it stays.",
    ),
    "unsigned": Text(
        "{format} no tiene signo, y un número negativo da NaN: guarda escalas, no pesos.",
        "{format} has no sign, and a negative number gives NaN: it stores scales, not weights.",
    ),
    "zeroless": Text(
        "{format} no tiene 0: solo potencias de dos. Guarda escalas, no pesos.",
        "{format} has no 0: only powers of two. It stores scales, not weights.",
    ),
    "underflow": Text(
        "Desaparece: hasta {half}, la mitad del menor valor positivo, todo se redondea a 0.",
        "It vanishes: up to {half}, half of the smallest positive value, everything rounds to 0.",
    ),
    "integerZero": Text(
        "Se redondea a 0: un entero necesita una escala que suba los pesos hasta él.",
        "It rounds to 0: an integer needs a scale that lifts the weights up to it.",
    ),
    "tableZero": Text(
        "El valor más cercano de la tabla es 0; con una escala se aprovecharían los demás.",
        "The nearest value of the table is 0; with a scale the others would be of use.",
    ),
    "zero": Text("Cero: todos los bits a 0.", "Zero: every bit is 0."),
    "minusZero": Text(
        "Menos cero: al comparar es igual que 0, pero conserva el signo, y 1/−0 da −∞.",
        "Minus zero: it compares equal to 0 but keeps the sign, and 1/−0 gives −∞.",
    ),
    "noMinusZero": Text("{format} no tiene −0: guarda 0.", "{format} has no −0: it stores 0."),
    "subnormal": Text(
        "Subnormal: por debajo de {normal} el exponente ya no baja y no hay 1 implícito; quedan {left} de {of} bits significativos.",
        "Subnormal: below {normal} the exponent goes no lower and there is no implicit 1; {left} of {of} significant bits are left.",
    ),
    "table": Text(
        "Los valores están en una tabla, sin exponente ni mantisa, y la tabla acaba en {max}: se usa con una escala.",
        "The values are in a table, with no exponent or mantissa, and the table ends at {max}: it is used with a scale.",
    ),
}
NUMBERS_LINE = {
    "format": Text("Formato", "Format"),
    "zoom": Text("Acercar al 0", "Zoom in on 0"),
    "scaled": Text(
        "Ajustar la escala: el peso más grande cae en el valor más grande",
        "Fit the scale: the largest weight meets the largest value",
    ),
    "log": Text("Eje en potencias de dos (solo la parte positiva)", "Axis in powers of two (the positive part only)"),
    "lineLabel": Text(
        "Valores del formato; las flechas recorren uno a uno", "Values of the format; arrows go one by one"
    ),
    "lineSummary": Text(
        "{format}: {n} valores distintos, de {low} a {high}; el menor positivo es {least}.",
        "{format}: {n} distinct values, from {low} to {high}; the smallest positive one is {least}.",
    ),
    "lineScaled": Text(
        "Con los pesos de «{layer}» multiplicados por {factor} se usan {used} de los {n}, y el {zero} de los pesos cae en el 0.",
        "With the weights of “{layer}” multiplied by {factor}, {used} of the {n} are used, and {zero} of the weights land on 0.",
    ),
    "linePlain": Text(
        "Con los pesos de «{layer}» tal como son se usan {used} de los {n}; el {zero} cae en el 0 y el {cut} se sale por los extremos.",
        "With the weights of “{layer}” as they are, {used} of the {n} are used; {zero} land on 0 and {cut} fall off the ends.",
    ),
    "lineUnsigned": Text(
        "No tiene negativos: guarda escalas, o códigos con punto cero, y por eso no se dibujan los pesos.",
        "It has no negatives: it stores scales, or codes with a zero point, so no weights are drawn.",
    ),
    "readout": Text("Valor {value} · código {code}", "Value {value} · code {code}"),
    "readoutShare": Text(
        " · le corresponde un peso de {weight} · aquí va el {share} de los pesos",
        " · stands for a weight of {weight} · {share} of the weights come here",
    ),
    "asTable": Text("Los mismos valores en una tabla", "The same values in a table"),
}
NUMBERS_LINE_TABLE = [
    Text("Valor", "Value"),
    Text("Código", "Code"),
    Text("Parte de los pesos", "Share of the weights"),
]
