"""What is chosen in the section De PTQ a QAT, as one short text: the address and the browser keep it like that.

    2:rtn:weights:distillation:training_sample:0.0:0:0:0:60     bits, start, learn, loss, text, rate, seed, table, ...

The text of one's own stands in a field of its own, since no address has room for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from quant.errors import TrainingError, shown
from quant.evaluation.training_plan import LEAST_S, MOST_S, SCHEMES, STARTS, USUAL_S, Plan, check_seconds
from quant.training import LEARNED, LOSSES
from quant.ui.tabs.methods import training_texts as t

SEPARATOR = ":"
RATES = (0.0, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 2e-2)
MOST_SEED = 9


@dataclass(frozen=True)
class State:
    """A plan, and for how long it is trained."""

    plan: Plan = field(default_factory=Plan)
    seconds: int = USUAL_S

    @classmethod
    def read(cls, written: str, own: str = "") -> State:
        """Raises TrainingError for what no control gives."""
        parts = written.split(SEPARATOR) if written else State().values()
        if len(parts) != len(NAMES):
            raise TrainingError(t.BAD_STATE.format(got=shown(written)))
        bits, start, learn, loss, text = parts[:5]
        try:
            rate, seed, table, activations, seconds = (float(part) for part in parts[5:])
        except ValueError:
            raise TrainingError(t.BAD_STATE.format(got=shown(written))) from None
        if learn not in LEARNED or loss not in LOSSES or text not in t.TEXTS or rate not in RATES:
            raise TrainingError(t.BAD_STATE.format(got=shown(written)))
        made = Plan(bits, start, learn, loss, text, own if text == "own" else "", rate, int(seed), bool(table),
                    bool(activations))  # fmt: skip
        return cls(made, int(check_seconds(seconds)))

    def values(self) -> list[Any]:
        """What the controls show, in the order of NAMES."""
        p = self.plan
        return [p.bits, p.start, p.learn, p.loss, p.text, p.rate, p.seed, p.table, p.activations, self.seconds]

    def written(self) -> str:
        """The text; empty where all is as it comes."""
        if replace(self, plan=replace(self.plan, own="")) == State():
            return ""
        return SEPARATOR.join(str(int(v) if isinstance(v, bool) else v) for v in self.values())


NAMES = ("bits", "start", "learn", "loss", "text", "rate", "seed", "table", "activations", "seconds")
# What each control may hold: one of some values, or from and to; None for a tick.
ALLOWED: dict[str, Any] = {
    "bits": tuple(SCHEMES), "start": STARTS, "learn": tuple(LEARNED), "loss": tuple(LOSSES), "text": tuple(t.TEXTS),
    "rate": RATES, "seed": {"from": 0, "to": MOST_SEED}, "table": None, "activations": None,
    "seconds": {"from": LEAST_S, "to": MOST_S},
}  # fmt: skip
USUAL = json.dumps({"values": State().values(), "allowed": [ALLOWED[name] for name in NAMES]})
# The controls write the field, and what is kept or linked writes the controls: in the browser, as in Comparar.
WRITE_JS = f"""(...values) => {{ const usual = {USUAL};
  const same = values.every((value, i) => value === usual.values[i]);
  return same ? "" : values.map((value) => typeof value === "boolean" ? +value : value).join("{SEPARATOR}"); }}"""
READ_JS = f"""(said) => {{ const usual = {USUAL};
  const parts = (said || "").split("{SEPARATOR}");
  if (parts.length !== usual.values.length) return usual.values;
  const read = parts.map((part, i) => typeof usual.values[i] === "string" ? part
    : typeof usual.values[i] === "boolean" ? part === "1" : Number(part));
  const fits = read.every((value, i) => {{ const one = usual.allowed[i];
    return one === null || (Array.isArray(one) ? one.includes(value) : value >= one.from && value <= one.to); }});
  return fits ? read : usual.values; }}"""
