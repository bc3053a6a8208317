"""Where a recipe loses: the error of one matrix as a picture, and how two models part from block to block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from quant.evaluation.collapse import ErrorMap
from quant.plots.style import ERROR, QUANTIZED, finish
from quant.text import Language, Text, number

MAP_HEIGHT, DEPTH_HEIGHT = 320, 260
BLANK = "rgba(213,94,0,0.02)"
INPUTS = Text("canal de entrada", "input channel")
OUTPUTS = Text("canal de salida", "output channel")
CELL = Text("entrada {x}, salida {y}: error {z}", "input {x}, output {y}: error {z}")
BLOCK = Text("después del bloque", "after block")
PARTING = Text("error del flujo residual (dB)", "error of the residual stream (dB)")
AT_BLOCK = Text("bloque {x}: {y} dB", "block {x}: {y} dB")


def error_figure(found: ErrorMap, language: Language) -> go.Figure:
    """A cell is a run of weights; its colour, how much they add to the error of the output."""
    cells = found.cells.numpy()
    outputs, inputs = found.layer.matrix
    xs, ys = _middles(inputs, cells.shape[1]), _middles(outputs, cells.shape[0])
    said = np.array([[CELL.format(x=int(x), y=int(y), z=number(float(z), language, 2))[language]
                      for x, z in zip(xs, row, strict=True)] for y, row in zip(ys, cells, strict=True)])  # fmt: skip
    figure = go.Figure(go.Heatmap(
        z=cells, x=xs, y=ys, colorscale=[[0, BLANK], [1, ERROR]], showscale=False, text=said, hoverinfo="text",
    ))  # fmt: skip
    figure.add_vline(x=found.worst_input, line={"color": QUANTIZED, "width": 2, "dash": "dot"})
    figure.update_xaxes(title_text=INPUTS[language], showgrid=False)
    figure.update_yaxes(title_text=OUTPUTS[language], showgrid=False)
    return finish(figure, language, MAP_HEIGHT)


def _middles(side: int, cells: int) -> np.ndarray:
    return (np.arange(cells) + 0.5) * side / cells


def depth_figure(depth_db: Sequence[float], language: Language) -> go.Figure:
    """From block to block; 0 dB is an error as large as the stream itself."""
    blocks = list(range(1, len(depth_db) + 1))
    said = [AT_BLOCK.format(x=x, y=number(y, language, 2))[language] for x, y in zip(blocks, depth_db, strict=True)]
    figure = go.Figure(go.Scatter(
        x=blocks, y=list(depth_db), mode="lines+markers", line={"color": ERROR, "width": 3}, marker={"size": 9},
        text=said, hoverinfo="text",
    ))  # fmt: skip
    figure.update_xaxes(title_text=BLOCK[language], dtick=1)
    figure.update_yaxes(title_text=PARTING[language], range=[min(0.0, *depth_db) - 3, max(0.0, *depth_db) + 3])
    return finish(figure, language, DEPTH_HEIGHT)
