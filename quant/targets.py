"""What will run the model: for each program or machine, the formats that it reads, and what else it can round.

A format that nothing reads is no choice, however little it loses: so this is asked first. The names are those of
`format_names.py`; a test holds that each of them is a format of this project. What a table of its authors does not say
is left out here, even where it may work.

One or a few at once, the weights are what is waited for, and it is they that are worth rounding; from many on the
arithmetic counts too, and then what the weights are multiplied by (NVIDIA, see `FEW_OR_MANY`). Between the two, from 5
to 15, NVIDIA's guide does not say: it depends on the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from quant.text import Text

READ = "2026-11"  # when each address was read
MOST_FEW, LEAST_MANY = 4, 16  # sequences at once
EVERYTHING = "*"


@dataclass(frozen=True)
class Source:
    """Where a row comes from, and when it was read there."""

    title: str
    url: str
    read: str = READ


@dataclass(frozen=True)
class Pair:
    """A format of the weights, and the name (`Activations.name`) of what they are multiplied by."""

    weights: str
    activations: str


@dataclass(frozen=True)
class Target:
    """A row. name: in an address; where: in a sentence, “on a Mac”; formats: of weights alone, names of
    `format_names.py`, or EVERYTHING; both: weights and activations; half_cache: whether keys and values stay in 16
    bits, as programs keep them unless asked, rather than in the float32 of this page; why: a sentence.
    """

    name: str
    title: Text
    where: Text
    formats: tuple[str, ...]
    both: tuple[Pair, ...]
    why: Text
    sources: tuple[Source, ...]
    half_cache: bool = True

    @property
    def reads_everything(self) -> bool:
        return EVERYTHING in self.formats

    def reads(self, weights: str | None, activations: str = "float") -> bool:
        """Whether it runs weights of that format, multiplied by that; None has no name, and only this page runs it."""
        if self.reads_everything:
            return True
        if activations == "float":
            return weights in self.formats
        return Pair(weights or "", activations) in self.both


def _integers(bits: tuple[int, ...], per: tuple[str, ...], grid: str = "") -> tuple[str, ...]:
    return tuple(f"int{b} {where} {grid}".rstrip() for b in bits for where in per)


GGUF = ("Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "Q3_K", "Q2_K")
_FLOATS = ("float16", "bfloat16")
_GROUPS = ("g32", "g64", "g128")
# Marlin: integers around 0 in groups or rows, and 4 bits with a zero point; 8 and 4-bit floats for the weights alone.
_MARLIN = (
    *_integers((8, 4), ("channel", *_GROUPS)),
    *_integers((4,), _GROUPS, "zero"),
    "float8_e4m3fn channel",
    "NVFP4",
)
_NVIDIA = (*_MARLIN, "NF4", "NF4_DOUBLE", "FP4", *GGUF, *_FLOATS)
_INT8, _FP8 = Pair("int8 channel", "int8"), Pair("float8_e4m3fn channel", "float8_e4m3fn")

_QUANTIZE = Source(
    "llama.cpp, tools/quantize", "https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md"
)
_GGML = Source(
    "ggml, ggml-cpu.c: vec_dot_type", "https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-cpu/ggml-cpu.c"
)
_MLX = Source("MLX, mlx.core.quantize",
              "https://ml-explore.github.io/mlx/build/html/python/_autosummary/mlx.core.quantize.html")  # fmt: skip
_VLLM = Source("vLLM, supported hardware", "https://docs.vllm.ai/en/latest/features/quantization/")
_SCHEMES = Source("llm-compressor, choosing a scheme",
                  "https://docs.vllm.ai/projects/llm-compressor/en/latest/steps/choosing-scheme/")  # fmt: skip
_GUIDE = Source("NVIDIA Model Optimizer, choosing a method",
                "https://nvidia.github.io/Model-Optimizer/guides/_choosing_quant_methods.html")  # fmt: skip
_DTYPES = Source("transformers.js, dtypes", "https://huggingface.co/docs/transformers.js/guides/dtypes")
_NBITS = Source("ONNX Runtime, MatMulNBits",
                "https://huggingface.co/kernels/webgpu-kernels/com.microsoft.MatMulNBits")  # fmt: skip
_MLC = Source("MLC LLM, quantization.py",
              "https://github.com/mlc-ai/mlc-llm/blob/main/python/mlc_llm/quantization/quantization.py")  # fmt: skip
FEW_OR_MANY = _GUIDE

# What most people have comes first: a processor, a Mac, a browser; then NVIDIA by generation; this page.
_ROWS = (
    Target(
        "llama.cpp", Text("llama.cpp en un procesador", "llama.cpp on a processor"),
        Text("en llama.cpp con un procesador", "on llama.cpp with a processor"),

        (*GGUF, "MXFP4_GGML", "TQ2_0", "TQ1_0", *_FLOATS), (),
        Text("Lee archivos GGUF: cada matriz en uno de los formatos por bloques de ggml. Lo que entra en cada capa lo "
             "redondea él solo a 8 bits; tú eliges los pesos.",
             "It reads GGUF files: each matrix in one of ggml’s block formats. What comes into each layer it rounds to "
             "8 bits by itself; you choose the weights."),
        (_QUANTIZE, _GGML),
    ),
    Target(
        "apple", Text("Un Mac: MLX, o llama.cpp con Metal", "A Mac: MLX, or llama.cpp with Metal"),
        Text("en un Mac", "on a Mac"),

        (*_integers((8, 6, 5, 4, 3, 2), _GROUPS, "offset"), "MXFP4", "MXFP8_E4M3", *GGUF, *_FLOATS), (),
        Text("MLX guarda enteros de 2 a 8 bits en grupos, con escala y mínimo, y los formatos MX; llama.cpp, los "
             "suyos. En los dos se eligen los pesos.",
             "MLX stores integers of 2 to 8 bits in groups, with a scale and a minimum, and the MX formats; llama.cpp "
             "its own. In both it is the weights that are chosen."),
        (_MLX, _QUANTIZE),
    ),
    Target(
        "browser", Text("Un navegador: transformers.js o WebLLM", "A browser: transformers.js or WebLLM"),
        Text("en un navegador", "in a browser"),

        (*_integers((4,), ("g32",)), *_integers((8, 4), ("g16", *_GROUPS), "signed"),
         *_integers((8, 4), ("g16", *_GROUPS), "zero"), "NF4", "float16"), (),
        Text("ONNX guarda enteros en grupos, con punto cero o sin él, y NF4; WebLLM, 4 bits en grupos de 32. El "
             "modelo hay que descargarlo: aquí cada MB se espera.",
             "ONNX stores integers in groups, with a zero point or without, and NF4; WebLLM 4 bits in groups of 32. "
             "The model must be downloaded: here every MB is waited for."),
        (_DTYPES, _NBITS, _MLC),
    ),
    Target(
        "nvidia-turing-ampere",
        Text("NVIDIA Turing o Ampere (T4, RTX 20 y 30, A100)", "NVIDIA Turing or Ampere (T4, RTX 20 and 30, A100)"),
        Text("en una NVIDIA Turing o Ampere", "on an NVIDIA Turing or Ampere"),

        _NVIDIA, (_INT8,),
        Text("4 u 8 bits solo en los pesos (W4A16, NF4); para muchos a la vez, enteros de 8 bits también en las "
             "activaciones (W8A8). No multiplica en FP8 ni en FP4.",
             "4 or 8 bits in the weights alone (W4A16, NF4); for many at once, 8-bit integers in the activations too "
             "(W8A8). It multiplies in neither FP8 nor FP4."),
        (_VLLM, _SCHEMES, _GUIDE),
    ),
    Target(
        "nvidia-ada-hopper",
        Text("NVIDIA Ada o Hopper (RTX 40, L4, H100)", "NVIDIA Ada or Hopper (RTX 40, L4, H100)"),
        Text("en una NVIDIA Ada o Hopper", "on an NVIDIA Ada or Hopper"),

        (*_NVIDIA, "MXFP4"), (_FP8, _INT8),
        Text("Lo mismo para uno solo; para muchos a la vez multiplica en FP8, que según NVIDIA apenas cuesta "
             "fidelidad.",
             "The same for one alone; for many at once it multiplies in FP8, which according to NVIDIA hardly costs "
             "any fidelity."),
        (_VLLM, _SCHEMES, _GUIDE),
    ),
    Target(
        "nvidia-blackwell", Text("NVIDIA Blackwell (RTX 50, B200)", "NVIDIA Blackwell (RTX 50, B200)"),
        Text("en una NVIDIA Blackwell", "on an NVIDIA Blackwell"),

        (*_NVIDIA, "MXFP4"),
        (Pair("NVFP4", "NVFP4"), Pair("MXFP4", "MXFP4"), Pair("MXFP8_E4M3", "MXFP8_E4M3"), _FP8),
        Text("La primera que multiplica en 4 bits: NVFP4 y MXFP4, en pesos y activaciones; también en FP8.",
             "The first that multiplies in 4 bits: NVFP4 and MXFP4, weights and activations; in FP8 too."),
        (_SCHEMES, _VLLM),
    ),
    Target(
        "page", Text("Esta misma página", "This very page"),
        Text("en esta misma página", "on this very page"),
        (EVERYTHING,), (),
        Text("Ejecuta todo lo que sabe cuantizar, en el procesador; keys y values van en float32 si no los redondeas.",
             "It runs all that it can quantize, on the processor; keys and values are float32 unless you round them."),
        (), half_cache=False,
    ),
)  # fmt: skip
TARGETS: dict[str, Target] = {row.name: row for row in _ROWS}
