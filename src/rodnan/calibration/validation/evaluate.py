"""Score studies: the model's predictive distribution and the baselines' beside every published number."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.calibration.validation.baselines import BASELINES, Baseline, arm_of, fit_baseline, fit_data
from rodnan.calibration.validation.prediction import (
    FAULTS,
    Draw,
    StudyPrediction,
    at,
    parameter_draws,
    predict,
)
from rodnan.calibration.validation.published import Number, Published, published
from rodnan.calibration.validation.scoring import Score, coverage, crps, score, skill
from rodnan.errors import RodnanError
from rodnan.trial.design import ENDPOINTS, TrialDesign, design_from_study

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["score_study", "summary_line", "true_means", "validate"]

SAMPLES = 4000
DEGREES = 4.0
"""Student-t across trials (heterogeneity.yaml)."""
OBSERVATIONAL = 2.0
"""Factor on the arm effect where treatment was chosen (heterogeneity.yaml)."""
USUAL_SPREAD = {"mrss": 8.0, "fvc_pct_pred": 8.0}
"""Between-patient sd of a change, in points, where neither the record nor a simulation gives one (assumed)."""
USUAL_SIZE = 30
"""Patients of an arm whose size is not published (assumed)."""
COUNT_CORRELATION = 0.05
"""Intra-class correlation of counts between studies (heterogeneity.yaml, assumed)."""


def validate(
    studies: Sequence[Any],
    *,
    draws: int = 12,
    patients: int = 256,
    pool: int = 1024,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Predict studies and score the predictions.

    Parameters
    ----------
    studies
        Records; those that the shipped parameters were fitted to are named and left out.
    draws, patients, pool
        Parameter draws, virtual patients an arm, patients followed untreated.
    seed
        Random streams.
    workers
        Threads.
    progress
        Takes a line of progress.

    Returns
    -------
    dict
        Ready for JSON: ``parameters, settings, contrasts, levels, counts, not_scored, assumptions, summary``.
    """
    designs, offers, left = _designs(studies)
    sets, words = parameter_draws(draws, seed)
    made, failed = predict(
        designs, sets, patients=patients, pool=pool, seed=seed, workers=workers, progress=progress
    )
    left += [{"study": n, "what": "study", "reason": why} for n, why in failed.items()]
    progress("fitting the baselines")
    fits = {e: {k: fit_baseline(k, fit_data(e)) for k in BASELINES} for e in ENDPOINTS}
    rows: dict[str, list[dict[str, Any]]] = {"contrasts": [], "levels": [], "counts": []}
    for design in designs:
        name = design.study.id
        if name in made:
            try:
                scored, missed = score_study(design, offers[name], made[name], sets, fits, seed)
            except FAULTS as error:
                reason = f"cannot be scored ({type(error).__name__}: {error})"
                left.append({"study": name, "what": "study", "reason": " ".join(reason.split())})
                continue
            for kind, found in scored.items():
                rows[kind] += found
            left += missed
    assumptions = {n: list(p.notes) for n, p in made.items() if p.notes}
    settings = {"draws": draws, "patients": patients, "pool": pool, "seed": seed}
    result = {
        "simulation": True, "parameters": words, "settings": settings,
        **rows, "not_scored": left, "assumptions": assumptions, "baselines": dict(BASELINES),
    }  # fmt: skip
    return result | {"summary": _summary(result, len(studies))}


def _designs(
    studies: Sequence[Any],
) -> tuple[list[TrialDesign], dict[str, Published], list[dict[str, Any]]]:
    designs, offers, left = [], {}, []
    for study in studies:
        try:
            design = design_from_study(study)
            offer = published(study)
        except RodnanError as error:
            left.append({"study": study.id, "what": "study", "reason": error.message})
            continue
        except FAULTS as error:
            reason = f"the record cannot be turned into a trial ({type(error).__name__}: {error})"
            left.append({"study": study.id, "what": "study", "reason": " ".join(reason.split())})
            continue
        if design.role == "calibration":
            left.append({"study": study.id, "what": "study", "reason": "the parameters were fitted to it"})
            continue
        left += [{"study": study.id, "what": what, "reason": why} for what, why in offer.left]
        left += [{"study": study.id, "what": i.what, "reason": i.reason} for i in design.not_simulated]
        if not (offer.contrasts or offer.levels or offer.counts):
            left.append({"study": study.id, "what": "study", "reason": "no published number can be scored"})
            continue
        designs.append(design)
        offers[study.id] = offer
    return designs, offers, left


def true_means(
    arms: Sequence[tuple[str, float]],
    endpoint: str,
    prediction: StudyPrediction,
    draws: Sequence[Draw],
    rng: np.random.Generator,
    *,
    observational: bool = False,
    adjusted: bool = False,
) -> list[Array] | None:
    """Draw the means that arms of a trial would show without sampling error.

    Parameters
    ----------
    arms
        (arm, week).
    endpoint
        Of what.
    prediction
        Simulated study.
    draws
        Parameter draws with their spreads.
    rng
        Random numbers.
    observational
        Treatment was chosen: the arm effect doubles.
    adjusted
        Compare with everybody enrolled instead of those still seen.

    Returns
    -------
    list of float64[SAMPLES] or None
        Simulated change plus level, drift and arm effect, heavy-tailed together; level and drift are shared by the arms,
        so they cancel in differences. None where an arm was not simulated to that week.
    """
    table = prediction.change_of_all if adjusted else prediction.change
    means = [at(table, name, endpoint, week) for name, week in arms]
    if any(m is None for m in means):
        return None
    place = np.arange(SAMPLES) % prediction.draws
    tau = {
        e: np.array([draws[k % len(draws)].spreads[f"{e}/{endpoint}"] for k in range(prediction.draws)])[
            place
        ]
        for e in ("level", "drift", "arm")
    }
    tail = np.sqrt(DEGREES / rng.chisquare(DEGREES, SAMPLES))
    level = tail * tau["level"] * rng.standard_normal(SAMPLES)
    drift = tail * tau["drift"] * rng.standard_normal(SAMPLES)
    factor = OBSERVATIONAL if observational else 1.0
    own = {n: factor * tail * tau["arm"] * rng.standard_normal(SAMPLES) for n, _ in arms}
    return [
        np.asarray(m)[place] + level + drift * week * 7.0 / 365.25 + own[name]
        for m, (name, week) in zip(means, arms, strict=True)
    ]


def score_study(
    design: TrialDesign,
    offer: Published,
    prediction: StudyPrediction,
    draws: Sequence[Draw],
    fits: Mapping[str, Mapping[str, Baseline]],
    seed: int,
) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Score every number of one study.

    Parameters
    ----------
    design, offer, prediction
        The study, what it published, what was simulated.
    draws
        Parameter draws with their spreads.
    fits
        Baselines by endpoint and kind.
    seed
        Random streams.

    Returns
    -------
    rows : dict
        ``contrasts``, ``levels`` and ``counts``.
    missed : list of dict
        What could not be scored, with the reason.
    """
    rows: dict[str, list[dict[str, Any]]] = {"contrasts": [], "levels": [], "counts": []}
    missed: list[dict[str, Any]] = []
    for kind, numbers in (("contrasts", offer.contrasts), ("levels", offer.levels)):
        for number in numbers:
            row = _number(design, number, prediction, draws, fits[number.endpoint], seed)
            if row is None:
                what = f"{number.endpoint} week {number.week:g} {' vs '.join(number.arms)}"
                missed.append({"study": number.study, "what": what, "reason": "an arm was not simulated"})
            else:
                rows[kind].append(row)
    rng = np.random.default_rng([seed, zlib.crc32(design.study.id.encode())])
    for count in offer.counts:
        shares = at(prediction.shares, count.arm, count.event, count.week)
        if shares is None:
            what = f"{count.event} {count.arm} week {count.week:g}"
            missed.append({"study": count.study, "what": what, "reason": "not simulated to that week"})
            continue
        p = np.clip(shares[np.arange(SAMPLES) % prediction.draws], 1e-3, 1 - 1e-3)
        size = (1.0 - COUNT_CORRELATION) / COUNT_CORRELATION
        x = 100.0 * rng.binomial(count.of, rng.beta(p * size, (1 - p) * size)) / count.of
        y = 100.0 * count.n / count.of
        low, high = np.quantile(x, [0.05, 0.95])
        rows["counts"].append(
            {
                "study": count.study, "arm": count.arm, "event": count.event, "week": count.week, "n": count.n,
                "of": count.of, "published": y, "basis": count.basis, "predicted": float(x.mean()),
                "interval90": [float(low), float(high)], "inside90": bool(low <= y <= high),
                "crps": crps(x, y),
            }
        )  # fmt: skip
    return rows, missed


def _number(
    design: TrialDesign,
    number: Number,
    prediction: StudyPrediction,
    draws: Sequence[Draw],
    fits: Mapping[str, Baseline],
    seed: int,
) -> dict[str, Any] | None:
    key = f"{number.study}/{number.endpoint}/{number.week:g}/{'-'.join(number.arms)}"
    stream = [seed, zlib.crc32(key.encode())]
    arms = [(name, number.week) for name in number.arms]
    true = true_means(
        arms, number.endpoint, prediction, draws, np.random.default_rng(stream),
        observational=not design.study.design.randomised, adjusted=number.adjusted,
    )  # fmt: skip
    if true is None:
        return None
    ours = true[0] - true[1] if len(true) == 2 else true[0]
    row: dict[str, Any] = {
        "study": number.study, "endpoint": number.endpoint, "week": number.week, "arms": list(number.arms),
        "published": number.mean, "se": number.se, "sign": number.sign, "sure": number.sure,
        "basis": number.basis, "adjusted": number.adjusted, "notes": list(number.notes),
        "predicted": float(ours.mean()), "sign_right": None,
    }  # fmt: skip
    if number.sign:
        row["sign_right"] = bool(np.sign(np.median(ours)) == number.sign)
    if number.mean is None:
        return row
    se = number.se
    if se is None:
        se = _imputed(number, prediction)
        row |= {"se": se, "notes": [*row["notes"], "se from the simulated spread and the arm size"]}
    noise = np.random.default_rng([*stream, 1]).standard_normal(SAMPLES)
    row |= _scored(score(ours, se, noise, number.mean))
    known = [(arm_of(design.study, design.study.arm(n), number.endpoint, w), w) for n, w in arms]
    row["baselines"] = {}
    factor = 1.0 if design.study.design.randomised else OBSERVATIONAL
    for kind, fit in fits.items():
        theirs = fit.sample(known, SAMPLES, int(stream[1]), arm_factor=factor)
        mean = theirs[0] - theirs[1] if len(theirs) == 2 else theirs[0]
        row["baselines"][kind] = _scored(score(mean, se, noise, number.mean))
    return row


def _imputed(number: Number, prediction: StudyPrediction) -> float:
    total = 0.0
    for name, n in zip(number.arms, number.n, strict=True):
        spread = at(prediction.spread, name, number.endpoint, number.week)
        sd = USUAL_SPREAD[number.endpoint] if spread is None else float(spread.mean())
        total += sd**2 / (n or USUAL_SIZE)
    return float(np.sqrt(total))


def _scored(found: Score) -> dict[str, Any]:
    return {
        "mean": found.mean, "interval50": [found.low50, found.high50], "interval90": [found.low90, found.high90],
        "inside50": found.inside50, "inside90": found.inside90, "crps": found.crps,
        "log_score": found.log_score, "pit": found.pit,
    }  # fmt: skip


def _summary(result: Mapping[str, Any], offered: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in ("contrasts", "levels"):
        rows = [r for r in result[kind] if "crps" in r]
        part: dict[str, Any] = {"scored": len(rows), "studies": len({r["study"] for r in rows})}
        for level in ("50", "90"):
            c = coverage([r[f"inside{level}"] for r in rows])
            part[f"coverage{level}"] = {"hits": c.hits, "of": c.of, "interval90": [c.low, c.high]}
        part["skill"] = {
            k: skill([r["crps"] for r in rows], [r["baselines"][k]["crps"] for r in rows]) for k in BASELINES
        }
        part["baseline_coverage90"] = {k: sum(r["baselines"][k]["inside90"] for r in rows) for k in BASELINES}
        found[kind] = part
    sure = [r for r in result["contrasts"] if r["sure"] and r["sign_right"] is not None]
    ordered = [r for r in result["contrasts"] if r["sign_right"] is not None]
    found["direction"] = {"right": sum(r["sign_right"] for r in sure), "of": len(sure)}
    changes = [r for r in result["levels"] if r["sure"] and r["sign_right"] is not None]
    found["direction_of_change"] = {"right": sum(r["sign_right"] for r in changes), "of": len(changes)}
    found["order_of_arms"] = {"right": sum(r["sign_right"] for r in ordered), "of": len(ordered)}
    counts = result["counts"]
    found["counts"] = {"inside90": sum(r["inside90"] for r in counts), "of": len(counts)}
    seen = {r["study"] for kind in ("contrasts", "levels", "counts") for r in result[kind]}
    found["studies"] = {"offered": offered, "scored": len(seen)}
    return found


def summary_line(summary: Mapping[str, Any]) -> str:
    """Return the summary of a validation as one line."""
    parts = []
    for kind, words in (("contrasts", "contrasts"), ("levels", "arm levels")):
        part = summary[kind]
        if not part["scored"]:
            signs = summary["direction" if kind == "contrasts" else "direction_of_change"]
            of_signs = f", direction right {signs['right']}/{signs['of']}" if signs["of"] else ""
            parts.append(f"{words} 0 scored{of_signs}")
            continue
        b1, b3, c = part["skill"]["B1"], part["skill"]["B3"], part["coverage90"]
        text = f"{words} {part['scored']} scored in {part['studies']} studies"
        if b1 is not None and b3 is not None:
            text += f": CRPS skill vs B3 {b3:+.2f}, vs B1 {b1:+.2f}"
        text += f", 90 % coverage {100 * c['hits'] / c['of']:.0f} %"
        if kind == "contrasts":
            text += f", direction right {summary['direction']['right']}/{summary['direction']['of']}"
        else:
            signs = summary["direction_of_change"]
            text += f", direction right {signs['right']}/{signs['of']}" if signs["of"] else ""
        parts.append(text)
    parts.append(f"counts inside 90 % {summary['counts']['inside90']}/{summary['counts']['of']}")
    studies = summary["studies"]
    parts.append(f"not scored: {studies['offered'] - studies['scored']} of {studies['offered']} studies")
    return "; ".join(parts) + " (computer simulation)"
