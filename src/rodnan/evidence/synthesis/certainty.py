"""Certainty of evidence in four words, by rules that can be read and argued with.

After GRADE (Guyatt et al., BMJ 2008;336:924; GRADE Handbook 2013): randomised comparisons start at high,
others at low, changes without a comparison at very low; five domains take steps away. The rules are ours,
mechanical and stated in ``docs/decisions/0040-certainty-of-evidence.md``; they support a judgement and do
not replace one. Nothing is ever rated up automatically.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rodnan.evidence.synthesis.endpoints import RATIO_MID, RATIOS, Endpoint
from rodnan.evidence.synthesis.pairwise import Pooled, prediction_interval
from rodnan.evidence.synthesis.rows import ContrastRow
from rodnan.evidence.synthesis.small_study import Egger

__all__ = ["WORDS", "Certainty", "Judgement", "judge"]

WORDS = {4: "high", 3: "moderate", 2: "low", 1: "very low"}
_LOST, _SMALL, _FEW_EVENTS, _FAR = 0.20, 400, 300, 26.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """One domain: how many steps it takes away, and why (a reason is given even for none)."""

    domain: str
    steps: int
    reason: str


@dataclass(frozen=True, slots=True)
class Certainty:
    """Certainty with its reasons.

    Parameters
    ----------
    level
        4 high, 3 moderate, 2 low, 1 very low.
    start
        Level before the domains, by design.
    judgements
        One for each domain.
    caveats
        What is not a domain of GRADE but a reader must know, such as numbers not verified at their source.
    """

    level: int
    start: int
    judgements: tuple[Judgement, ...]
    caveats: tuple[str, ...]

    @property
    def word(self) -> str:
        """High, moderate, low or very low."""
        return WORDS[self.level]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons of the domains that took a step."""
        return tuple(f"{j.domain}: {j.reason}" for j in self.judgements if j.steps)


def judge(
    rows: Sequence[ContrastRow],
    weights: Sequence[float],
    interval: tuple[float, float],
    endpoint: Endpoint,
    *,
    pooled: Pooled | None = None,
    egger: Egger | None = None,
    target_week: float | None = None,
    indirect: bool = False,
    incoherent_p: float | None = None,
) -> Certainty:
    """Judge the certainty of one comparison.

    Parameters
    ----------
    rows, weights
        The studies' rows and their shares in the estimate.
    interval
        Confidence interval of the estimate, on the scale of the rows.
    endpoint
        The outcome, for the smallest difference that matters.
    pooled
        The pooled estimate, for inconsistency; None for an indirect comparison.
    egger
        Test of small-study effects, where it was run.
    target_week
        The time asked about; None when no time was asked for.
    indirect
        True when the comparison rests on a third treatment.
    incoherent_p
        Smallest p value of the test between direct and indirect evidence, in a network.

    Returns
    -------
    Certainty
        Level, reasons, caveats.
    """
    randomised = all(r.facts.randomised for r in rows)
    start = 4 if randomised else 2
    total = sum(weights) or 1.0
    shares = [w / total for w in weights]
    judgements = (
        _bias(rows, shares, randomised),
        _inconsistency(pooled, incoherent_p),
        _indirectness(rows, shares, target_week, indirect),
        _imprecision(rows, interval, endpoint),
        _publication(len({r.facts.study for r in rows}), egger),
    )
    level = max(1, start - sum(j.steps for j in judgements))
    recalled = sum(s for r, s in zip(rows, shares, strict=True) if r.basis != "read")
    caveats = []
    stopped = sorted({(t, r.facts.name) for r in rows for t in r.stopped})
    caveats += [f"{drug} had been stopped by the time of the row from {study}" for drug, study in stopped]
    if recalled > 0:
        caveats.append(f"{recalled:.0%} of the weight is on numbers not verified at their source")
    return Certainty(level, start, judgements, tuple(caveats))


def _share(rows: Sequence[ContrastRow], shares: Sequence[float], test) -> float:
    return sum(s for r, s in zip(rows, shares, strict=True) if test(r))


def _bias(rows: Sequence[ContrastRow], shares: Sequence[float], randomised: bool) -> Judgement:
    if not randomised:
        raw = _share(rows, shares, lambda r: not r.adjusted)
        if raw > 0.5:
            return Judgement(
                "risk of bias", 1, "not randomised, and most of the weight is not adjusted for differences"
            )
        return Judgement(
            "risk of bias", 0, "not randomised (counted in the start), adjusted for known differences"
        )
    steps, reasons = 0, []
    open_share = _share(rows, shares, lambda r: r.facts.blinding != "double")
    if open_share > 0.5:
        steps += 1
        reasons.append(f"{open_share:.0%} of the weight is from trials that were not double-blind")
    lost = _share(rows, shares, lambda r: r.facts.lost_share is not None and r.facts.lost_share > _LOST)
    if lost > 0.5:
        steps += 1
        reasons.append(f"{lost:.0%} of the weight is from trials in which an arm lost more than {_LOST:.0%}")
    unknown = _share(rows, shares, lambda r: r.facts.lost_share is None)
    if unknown > 0.5:
        steps += 1
        reasons.append("losses to follow-up are not in the records, which counts as a concern")
    return Judgement("risk of bias", steps, "; ".join(reasons) or "mostly double-blind, with few losses")


def _inconsistency(pooled: Pooled | None, incoherent_p: float | None) -> Judgement:
    name = "inconsistency"
    if incoherent_p is not None and incoherent_p < 0.10:
        return Judgement(name, 1, f"direct and indirect evidence disagree (p = {incoherent_p:.2g})")
    if pooled is None or pooled.k < 2:
        return Judgement(name, 0, "cannot be judged: no two studies of the same comparison")
    h = pooled.heterogeneity
    if h.i2 >= 75 and h.p < 0.10:
        return Judgement(name, 2, f"studies disagree strongly (I2 {h.i2:.0f}%, Q test p = {h.p:.2g})")
    if h.i2 >= 50 and h.p < 0.10:
        return Judgement(name, 1, f"studies disagree (I2 {h.i2:.0f}%, Q test p = {h.p:.2g})")
    reach = prediction_interval(pooled)
    if pooled.k >= 3 and reach is not None and reach[0] < 0 < reach[1] and not pooled.low < 0 < pooled.high:
        return Judgement(name, 1, "a further study could well show the opposite (prediction interval)")
    return Judgement(name, 0, f"no strong disagreement (I2 {h.i2:.0f}%, {pooled.k} studies)")


def _indirectness(
    rows: Sequence[ContrastRow], shares: Sequence[float], target: float | None, indirect: bool
) -> Judgement:
    steps, reasons = 0, []
    if indirect:
        steps += 1
        reasons.append("no trial compares the two; the estimate goes through other treatments")
    other = _share(rows, shares, lambda r: not _is_ssc(r.facts.condition))
    far = _share(
        rows, shares, lambda r: target is not None and (r.week is None or abs(r.week - target) > _FAR)
    )
    if other > 0.5:
        reasons.append("most of the weight is from patients with other conditions")
    if far > 0.5:
        reasons.append(f"most of the weight is from times more than {_FAR:g} weeks from week {target:g}")
    steps += 1 if len(reasons) > (1 if indirect else 0) else 0
    return Judgement(
        "indirectness", min(steps, 2), "; ".join(reasons) or "the patients, drugs and times asked about"
    )


def _is_ssc(condition: str) -> bool:
    words = condition.casefold()
    return any(w in words for w in ("ssc", "sclero", "systemic sclerosis"))


def _imprecision(rows: Sequence[ContrastRow], interval: tuple[float, float], endpoint: Endpoint) -> Judgement:
    name = "imprecision"
    low, high = interval
    ratio = rows[0].scale in RATIOS
    mid = RATIO_MID.value if ratio else (endpoint.mid.value if endpoint.mid is not None else None)
    n = sum(r.n or 0 for r in {r.facts.study: r for r in rows}.values())
    events = sum(r.events[0] + r.events[2] for r in rows if r.events)
    if low <= 0 <= high:
        if mid is not None and low < -mid and high > mid:
            return Judgement(name, 2, "the interval holds important benefit and important harm")
        if mid is not None and low > -mid and high < mid and n >= _SMALL:
            return Judgement(name, 0, "the interval excludes every important difference")
        return Judgement(name, 1, "the interval holds no difference")
    if ratio and any(r.events for r in rows) and events < _FEW_EVENTS:
        return Judgement(name, 1, f"{events} events; {_FEW_EVENTS} are wanted for a stable estimate")
    if n < _SMALL and not (ratio and events >= _FEW_EVENTS):
        return Judgement(
            name, 1, f"{n or 'an unknown number of'} patients; {_SMALL} are wanted for a stable estimate"
        )
    return Judgement(name, 0, "the interval is narrow enough and there are enough patients")


def _publication(k: int, egger: Egger | None) -> Judgement:
    name = "publication bias"
    if egger is not None and egger.informative and egger.p < 0.10:
        return Judgement(
            name, 1, f"small studies show other results than large ones (Egger p = {egger.p:.2g})"
        )
    if egger is not None and egger.informative:
        return Judgement(name, 0, f"no sign in the funnel (Egger p = {egger.p:.2g})")
    return Judgement(name, 0, f"cannot be judged from {k} {'study' if k == 1 else 'studies'} (10 are needed)")
