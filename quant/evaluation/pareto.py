"""Which of several recipes are worth having: the front, its knee, and what chance cannot tell apart.

A point is dominated where another costs no more and loses no more, and is better in one of both. The front is what is
not dominated. Its knee is the point of the front furthest below the straight line between its two ends, both axes in
logarithms and scaled so that the ends are (0, 1) and (1, 0): before it the loss falls faster than on average,
after it slower (the rule of Satopää et al. 2011, "Finding a Kneedle in a Haystack", for a curve without noise). It is
where the curve bends most, and no advice: a front that falls evenly bends hardly anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]  # cost and loss: less is better in both


def front(points: Sequence[Point]) -> frozenset[int]:
    """Places of those that no other dominates; of equal points all. NaN and infinite losses never are on it."""
    known = [place for place, (cost, loss) in enumerate(points) if math.isfinite(cost) and math.isfinite(loss)]
    found, least = set[int](), math.inf
    previous: Point | None = None
    for place in sorted(known, key=lambda place: points[place]):
        point = points[place]
        if point[1] < least or point == previous:
            found.add(place)
            least, previous = min(least, point[1]), point
    return frozenset(found)


def knee(points: Sequence[Point], least_loss: float = 0.0) -> int | None:
    """The place of the knee of the front; None where that has fewer than three points.

    least_loss: what lies under it cannot be told apart (the floor), so that of those the cheapest alone counts.
    """
    ordered = sorted(front(points), key=lambda place: points[place])
    above = [place for place in ordered if points[place][1] > least_loss]
    ends = above + [place for place in ordered if place not in above][:1]
    logs = {place: _logs(points[place], least_loss) for place in ends if points[place][0] > 0}
    if len(logs) < 3:
        return None
    (x0, y0), (x1, y1) = (logs[place] for place in (ends[0], ends[-1]))
    if x0 == x1 or y0 == y1:
        return None
    drop = {place: 1 - (x - x0) / (x1 - x0) - (y - y1) / (y0 - y1) for place, (x, y) in logs.items()}
    best = max(drop, key=lambda place: drop[place])
    return best if drop[best] > 0 else None


def _logs(point: Point, least_loss: float) -> Point:
    return math.log(point[0]), math.log(max(point[1], least_loss, 1e-12))
