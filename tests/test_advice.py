"""The recommendation satisfies what is wanted, nothing that does beats it, and its ties are those that cannot be told.

By chance: candidates of small figures, so that equal bytes, equal losses and ties come often, against the rules spelled
out again in the plainest way.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from quant.activations import ACTIVATIONS, Activations
from quant.advice.reasons import change, lack, reasons, runner_up
from quant.advice.recommend import Lack, Moved, Recommendation, recommend
from quant.advice.rules import Matters, Users, Wants, band, is_mix, remembered, runs_on
from quant.advice.sizes import sizes
from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.evaluation.bootstrap import mean_interval
from quant.evaluation.figures import Estimate
from quant.evaluation.sweep import Entry
from quant.evaluation.verdict import Verdict
from quant.format_names import scheme_named
from quant.formats import FORMATS
from quant.model.load import LoadedModel
from quant.recipe import Recipe, Rule, Step, cache_scheme
from quant.size import cache_bytes, size_report
from quant.targets import TARGETS

TOKENS = (10.0,) * 12


def entry(name: str, n_bytes: int, sums: list[float] | None, *, recipe: Recipe | None = None, value: float = 1.0,
          speed: float | None = None) -> Entry:  # fmt: skip
    """Measured so; without sums nothing but the figure is known."""
    if sums is None:
        kl = Estimate(value)
    else:
        kl = Estimate(sum(sums) / sum(TOKENS), mean_interval(np.array(sums), np.array(TOKENS)))
    return Entry(
        name, recipe or Recipe.uniform(), 4.0, n_bytes, kl, Estimate(30.0), tokens_per_second=speed,
        kl_sums=None if sums is None else tuple(sums), tokens=None if sums is None else TOKENS,
    )  # fmt: skip


def no_memory(_: Recipe, __: Wants) -> int:
    return 0


MIX = Recipe((Rule("*.attn.*", BLOCKS["Q6_K"].scheme), Rule("linear:*", BLOCKS["Q4_K"].scheme)))
KINDS = (Recipe.uniform(), Recipe.uniform(BLOCKS["Q4_K"].scheme), Recipe.uniform(BLOCKS["NVFP4"].scheme), MIX,
         Recipe.uniform(scheme_named("int8 channel"), activations=Activations.INT8))  # fmt: skip


def candidates(chance: random.Random) -> list[Entry]:
    found = []
    for n in range(chance.randint(0, 9)):
        sums = [chance.randint(1, 6) * (1 + 0.2 * chance.randint(0, 4)) for _ in TOKENS]
        found.append(entry(f"r{n}", chance.randint(1, 6), sums if chance.random() < 0.9 else None,
                           recipe=chance.choice((*KINDS, MIX)), value=0.3,
                           speed=chance.choice([None, 1.0, 2.0, 3.0])))  # fmt: skip
    return found


def wants_of(chance: random.Random) -> Wants:
    target, users = chance.choice(["page"] * 5 + ["llama.cpp"] * 2 + [*TARGETS]), chance.choice([*Users])
    memory, most = chance.choice([None, None, 3, 5, 20]), chance.choice([0.4, 0.6, math.inf, math.inf])
    return Wants(target, users, memory, chance.choice([1, 512]), most, chance.choice([*Matters]))


def allowed(one: Entry, wants: Wants, all_: list[Entry]) -> bool:
    """Runs there and satisfies the wants; a mix only with a uniform one of at most its bytes that runs there too."""
    if not runs_on(one.recipe, wants):
        return False
    if one.recipe is MIX and not any(
        other.recipe is not MIX and runs_on(other.recipe, wants) and other.stored_bytes <= one.stored_bytes
        for other in all_
    ):
        return False
    high = one.kl.interval.high if one.kl.interval else one.kl.value
    return one.stored_bytes <= (wants.memory_bytes or math.inf) and high <= wants.most_kl


def told_apart(a: Entry, b: Entry) -> bool:
    """By the definition: the interval of the mean of the differences, document by document, leaves 0 out."""
    if a.kl_sums is None or b.kl_sums is None:
        return False
    ends = mean_interval(np.array(a.kl_sums) - np.array(b.kl_sums), np.array(TOKENS))
    return ends is not None and 0 not in ends


def check(found: Recommendation, entries: list[Entry], wants: Wants) -> None:
    fitting = [one for one in entries if allowed(one, wants, entries)]
    assert {id(one.entry) for one in found.fitting} == {id(one) for one in fitting}
    if found.best is None:
        assert not fitting
        assert found.lack is not None
        return
    best = found.best.entry
    assert any(best is one for one in fitting)
    by_speed = (
        wants.matters is Matters.SPEED and wants.target == "page" and any(one.tokens_per_second for one in fitting)
    )
    for other in fitting:
        better = other.stored_bytes <= best.stored_bytes and other.kl.value <= best.kl.value
        strictly = other.stored_bytes < best.stored_bytes or other.kl.value < best.kl.value
        if by_speed:
            better = better and (other.tokens_per_second or 0) >= (best.tokens_per_second or 0)
        assert not (better and strictly), (other, best)
        if wants.matters is Matters.FIDELITY:
            assert best.kl.value <= other.kl.value
        elif by_speed:
            assert (best.tokens_per_second or 0) >= (other.tokens_per_second or 0)
        else:
            assert best.stored_bytes <= other.stored_bytes
    tied = [id(one) for one in fitting if one is not best and not told_apart(best, one)]
    assert sorted(id(one.entry) for one in found.ties) == sorted(tied)


def test_over_chance_it_satisfies_is_never_beaten_and_ties_are_ties() -> None:
    chance = random.Random(7)
    answers = ties = mixes = 0
    for _ in range(120):
        entries, wants = candidates(chance), wants_of(chance)
        found = recommend(entries, wants, no_memory)
        check(found, entries, wants)
        answers += found.best is not None
        ties += bool(found.ties)
        mixes += found.best is not None and found.best.is_mix
        for moved in found.changes:
            again = recommend(entries, moved.wants, no_memory)
            assert moved.wants != wants
            assert (again.best and again.best.entry) is (moved.best and moved.best.entry)
            assert (again.best and again.best.entry) is not (found.best and found.best.entry)
            assert change(moved).es
        said = [*reasons(found), runner_up(found)] if found.best else [lack(found)]
        assert all(one is None or (one.es and "{" not in one.es + one.en) for one in said)
    assert answers > 40  # so that the rest of this says something
    assert ties > 15
    assert mixes > 3


def test_the_limit_at_which_memory_changes_the_answer_is_the_nearest() -> None:
    hard = [1.0 + i % 3 for i in range(12)]
    entries = [entry(name, n, [x * factor for x in hard])
               for name, n, factor in (("a", 10, 0.9), ("b", 20, 0.5), ("c", 30, 0.1))]  # fmt: skip
    found = recommend(entries, Wants(memory_bytes=25, most_kl=math.inf, matters=Matters.FIDELITY), no_memory)
    assert found.best is not None
    assert found.best.entry.name == "b"
    moves = {one.moved: one for one in found.changes}
    assert moves[Moved.MORE_MEMORY].wants.memory_bytes == 30
    assert moves[Moved.LESS_MEMORY].wants.memory_bytes == 19
    assert moves[Moved.LESS_MEMORY].best is not None
    assert moves[Moved.LESS_MEMORY].best.entry.name == "a"
    assert moves[Moved.LESS_LOSS].best is None  # the only one that loses less does not fit
    assert moves[Moved.MATTERS].best is not None
    assert found.runner_up is not None
    assert found.runner_up.entry.name == "a"


def test_an_impossible_wish_says_the_least_possible() -> None:
    entries = [entry("small", 10, [5.0 + i % 2 for i in range(12)]), entry("close", 30, [1.0] * 12)]
    tight = recommend(entries, Wants(memory_bytes=9, most_kl=math.inf), no_memory)
    assert (tight.lack, tight.nearest and tight.nearest.entry.name) == (Lack.MEMORY, "small")
    assert "10" in lack(tight).es
    strict = recommend(entries, Wants(memory_bytes=20, most_kl=0.01), no_memory)
    assert (strict.lack, strict.nearest and strict.nearest.entry.name) == (Lack.FIDELITY, "small")
    nothing = recommend([], Wants("llama.cpp"), no_memory)
    assert (nothing.lack, nothing.nearest) == (Lack.MEASURED, None)
    assert "llama.cpp" in lack(nothing).en
    assert Moved.MORE_MEMORY in {one.moved for one in tight.changes}


def test_a_mix_comes_only_with_the_best_uniform_recipe_of_its_bytes() -> None:
    mix = entry("mix", 20, [1.0] * 12, recipe=MIX)
    assert is_mix(MIX)
    alone = recommend(
        [mix, entry("larger", 21, [2.0] * 12)], Wants(most_kl=math.inf, matters=Matters.FIDELITY), no_memory
    )
    assert alone.best is not None
    assert alone.best.entry.name == "larger"
    worse, better = entry("worse", 15, [4.0] * 12), entry("better", 18, [3.0] * 12)
    found = recommend([mix, worse, better], Wants(most_kl=math.inf, matters=Matters.FIDELITY), no_memory)
    assert found.best is not None
    assert found.best.entry is mix
    beside = found.uniform_beside(found.best)
    assert beside is not None
    assert beside.entry is better
    assert any("better" in said.es for said in reasons(found))


def test_what_runs_where() -> None:
    q4, gptq = BLOCKS["Q4_K"].scheme, Recipe.uniform(scheme_named("int4 g64 zero"), method="gptq")
    eight = Recipe.uniform(scheme_named("int8 channel"), activations=Activations.INT8)
    few, many = Users.FEW, Users.MANY
    for recipe, target, users, said in (
        (Recipe.uniform(q4), "llama.cpp", few, True), (Recipe.uniform(q4), "browser", few, False),
        (Recipe.uniform(q4, steps=(Step("hadamard"),)), "llama.cpp", few, False),
        (Recipe.uniform(q4, steps=(Step("hadamard"),)), "page", few, True),
        (Recipe.uniform(q4, cache=cache_scheme(8, 8)), "llama.cpp", few, False), (MIX, "llama.cpp", few, True),
        (gptq, "browser", few, True), (gptq, "apple", few, False),
        (Recipe.uniform(scheme_named("int4 g64 zero"), method="low_rank"), "browser", few, False),
        (Recipe.uniform(scheme_named("int4 g64 zero"), method="awq"), "nvidia-ada-hopper", few, False),
        (eight, "nvidia-turing-ampere", few, False), (eight, "nvidia-turing-ampere", many, True),
        (eight, "nvidia-blackwell", many, False), (gptq, "nvidia-turing-ampere", many, False),
        (gptq, "browser", many, True), (Recipe((Rule("linear:*"),)), "page", few, False),
        (Recipe.uniform(q4, activations=ACTIVATIONS["int8"]), "llama.cpp", many, False),
    ):  # fmt: skip
        assert runs_on(recipe, Wants(target, users)) is said, (recipe.rules, target, users)


def test_what_is_remembered_is_counted_as_the_target_keeps_it(tiny: LoadedModel) -> None:
    memory, recipe = remembered(tiny), Recipe.uniform()
    size = cache_bytes(tiny, recipe, 64)
    assert memory(recipe, Wants("page", context=64)) == size.float_bytes
    assert memory(recipe, Wants("llama.cpp", context=64)) == size.float_bytes // 2
    assert memory(recipe, Wants("llama.cpp", Users.MANY, context=64)) == 8 * size.float_bytes
    eight = replace(recipe, cache=cache_scheme(8, 8))
    assert memory(eight, Wants("page", context=64)) == cache_bytes(tiny, eight, 64).stored_bytes < size.float_bytes


def test_sizes_are_exact_before_anything_is_measured(tiny: LoadedModel) -> None:
    wants = Wants("nvidia-blackwell", Users.MANY, context=16)
    found = sizes(tiny, wants, remembered(tiny))
    assert {one.name for one in found} <= {f"{p.weights} × {p.activations}" for p in TARGETS["nvidia-blackwell"].both}
    assert found
    for one in (*found, *sizes(tiny, Wants(), remembered(tiny))):
        assert one.stored_bytes == size_report(tiny, one.recipe).stored_bytes
    assert [one.total_bytes for one in found] == sorted((one.total_bytes for one in found), reverse=True)
    fp8 = next(one for one in found if "float8" in one.name)
    assert fp8.recipe.activations.format == FORMATS["float8_e4m3fn"]


def test_wants_that_cannot_be_are_said() -> None:
    for wrong in ({"target": "toaster"}, {"memory_bytes": 0}, {"context": 0}, {"most_kl": 0.0}, {"most_kl": math.nan}):
        with pytest.raises(QuantError, match="got"):
            Wants(**wrong)  # type: ignore[arg-type]
    assert [band(kl) for kl in (0.05, 0.051, 0.449, 0.45)] == [
        Verdict.SMALL, Verdict.NOTICEABLE, Verdict.NOTICEABLE, Verdict.BROKEN
    ]  # fmt: skip
