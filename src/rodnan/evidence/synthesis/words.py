"""Numbers and estimates in words."""

from __future__ import annotations

import math

from rodnan.evidence.synthesis.certainty import Certainty
from rodnan.evidence.synthesis.endpoints import RATIO_MID, RATIOS, Endpoint

__all__ = ["UNVERIFIED", "sentence", "show", "show_interval"]

UNVERIFIED = "(unverified)"


def show(value: float, scale: str, signed: bool = True) -> str:
    """Print a number on its natural scale: ratios without logarithm, differences with their sign."""
    if scale in RATIOS:
        return f"{math.exp(value):.2f}"
    digits = 3 if scale == "RD" else 2
    return f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"


def show_interval(low: float, high: float, scale: str) -> str:
    """Print an interval as `show` prints its limits."""
    return f"{show(low, scale)} to {show(high, scale)}"


def sentence(
    drug: str,
    against: str,
    estimate: float,
    low: float,
    high: float,
    scale: str,
    what: Endpoint,
    certainty: Certainty,
) -> str:
    """Say an estimate in one sentence, with the certainty in its verb.

    Parameters
    ----------
    drug, against
        The two treatments; the estimate is the first against the second.
    estimate, low, high
        On the scale of the data (logarithm for ratios).
    scale
        ``"MD"``, ``"RR"``, ``"OR"``, ``"HR"`` or ``"RD"``.
    what
        The outcome.
    certainty
        Its certainty.

    Returns
    -------
    str
        One sentence.
    """
    if certainty.level == 1:
        return f"It is very uncertain how {drug} and {against} compare on this outcome."
    may = {4: ("makes", "gives", "is"), 3: ("probably makes", "probably gives", "is probably")}.get(
        certainty.level, ("may make", "may give", "may be")
    )
    ratio = scale in RATIOS
    mid = RATIO_MID.value if ratio else (what.mid.value if what.mid else None)
    name = drug[:1].upper() + drug[1:]
    if low <= 0 <= high and mid is not None and abs(estimate) < mid:
        said = f"{name} {may[0]} little or no difference compared with {against}"
        reached = [side for side, hit in ((1, high > mid), (-1, low < -mid)) if hit]
        if what.better is not None and reached:
            up = 1 if what.better == "higher" else -1
            sides = " or ".join("benefit" if r == up else "harm" for r in reached)
            said += f"; an important {sides} is not excluded"
        return said + "."
    if what.better is None:
        return f"{name} {may[1]} {'higher' if estimate > 0 else 'lower'} values than {against}."
    good = (estimate > 0) == (what.better == "higher")
    size = ""
    if mid is not None:
        size = " by an important amount" if abs(estimate) >= mid else " by less than what patients notice"
    doubt = ", but the interval holds no difference" if low <= 0 <= high else ""
    return f"{name} {may[2]} {'better' if good else 'worse'} than {against}{size}{doubt}."
