"""An answer as plain data."""

from __future__ import annotations

import math
from typing import Any

from rodnan.evidence.synthesis.certainty import Certainty
from rodnan.evidence.synthesis.endpoints import RATIOS
from rodnan.evidence.synthesis.parts import Answer
from rodnan.evidence.synthesis.words import sentence

__all__ = ["answer_data"]


def answer_data(answer: Answer) -> dict[str, Any]:
    """Return the answer as plain data for JSON: estimates with intervals, reasons, sources and bases.

    Parameters
    ----------
    answer
        What `synthesise` returned.

    Returns
    -------
    dict
        Ratios as such (not logarithms); every number's study, basis and how it was obtained stand beside it.
    """

    def natural(value: float, scale: str) -> float | None:
        if not math.isfinite(value):
            return None
        return math.exp(value) if scale in RATIOS else value

    def certainty(c: Certainty) -> dict[str, Any]:
        return {
            "word": c.word,
            "start": c.start,
            "domains": [{"domain": j.domain, "steps": j.steps, "reason": j.reason} for j in c.judgements],
            "caveats": list(c.caveats),
        }

    def estimate(low: float, mean: float, high: float, scale: str) -> dict[str, Any]:
        return {"estimate": natural(mean, scale), "low": natural(low, scale), "high": natural(high, scale)}

    what, net = answer.endpoint, answer.network
    data: dict[str, Any] = {
        "drug": answer.drug,
        "endpoint": {"id": what.id, "label": what.label, "unit": what.unit, "better": what.better},
        "against": answer.against,
        "week": answer.week,
        "smallest_important_difference": what.mid
        and {"value": what.mid.value, "basis": what.mid.basis, "source": what.mid.source},
        "comparisons": [],
        "network": None,
        "notice": answer.notice,
        "remarks": list(answer.remarks),
        "unverified": list(answer.unverified),
    }
    for c in answer.comparisons:
        h = c.pooled.heterogeneity
        entry: dict[str, Any] = {
            "against": c.against,
            "scale": c.scale,
            "randomised": c.randomised,
            "k": c.pooled.k,
            "random_effects": estimate(c.pooled.low, c.pooled.estimate, c.pooled.high, c.scale)
            | {"interval": c.pooled.interval, "df": c.pooled.df, "p": c.pooled.p},
            "common_effect": estimate(c.common.low, c.common.estimate, c.common.high, c.scale),
            "prediction_k_minus_1": c.predicted[0] and [natural(x, c.scale) for x in c.predicted[0]],
            "prediction_k_minus_2": c.predicted[1] and [natural(x, c.scale) for x in c.predicted[1]],
            "heterogeneity": {
                "tau2": h.tau2,
                "tau2_low": h.tau2_low,
                "tau2_high": h.tau2_high if math.isfinite(h.tau2_high) else None,
                "i2_percent": h.i2,
                "q": h.q,
                "df": h.df,
                "p": h.p,
            },
            "certainty": certainty(c.certainty),
            "sentence": sentence(
                c.drug, c.against, c.pooled.estimate, c.pooled.low, c.pooled.high, c.scale, what, c.certainty
            ),
            "studies": [
                estimate(r.y - 1.959964 * r.se, r.y, r.y + 1.959964 * r.se, c.scale)
                | {
                    "study": r.facts.study,
                    "citation": r.facts.citation,
                    "week": r.week,
                    "n": r.n,
                    "weight": float(w),
                    "how": r.how,
                    "basis": r.basis,
                    "verified": r.basis == "read",
                    "adjusted": r.adjusted,
                }
                for r, w in zip(c.rows, c.pooled.weights, strict=True)
            ],
        }
        if c.bayes is not None:
            low, high = c.bayes.effect.interval(c.pooled.level)
            entry["bayesian"] = estimate(low, c.bayes.effect.quantile(0.5), high, c.scale) | {
                "tau_prior": str(c.bayes.prior),
                "tau_median": c.bayes.tau_median,
            }
        if c.without is not None:
            entry["leave_one_out"] = [
                estimate(w.low, w.estimate, w.high, c.scale) | {"without": r.facts.study}
                for r, w in zip(c.rows, c.without.without, strict=True)
            ]
        if c.egger is not None:
            entry["egger"] = {
                "intercept": c.egger.intercept,
                "t": c.egger.t,
                "df": c.egger.df,
                "p": c.egger.p,
            }
        if c.sensitivity is not None:
            s = c.sensitivity
            entry["adjusted_preferred"] = estimate(s.low, s.estimate, s.high, c.scale)
        data["comparisons"].append(entry)
    if net is not None:
        data["network"] = {
            "treatments": list(net.fitted.treatments),
            "studies": [b.study for b in net.fitted.data.blocks],
            "tau2": net.fitted.tau2 if net.spread_known else None,
            "estimates": [
                estimate(e.relative.low, e.relative.estimate, e.relative.high, e.scale)
                | {
                    "against": e.relative.second,
                    "scale": e.scale,
                    "direct_studies": e.direct_studies,
                    "via": list(e.via),
                    "certainty": certainty(e.certainty),
                }
                for e in net.estimates
            ],
            "ranks": [
                {
                    "treatment": r.treatment,
                    "p_score": r.p_score,
                    "sucra": r.sucra,
                    "mean_rank": r.mean,
                    "rank_low": r.low,
                    "rank_high": r.high,
                }
                for r in net.ranks
            ],
        }
    data["single_arms"] = [
        {
            "study": r.facts.study,
            "citation": r.facts.citation,
            "arm": r.arm,
            "week": r.week,
            "change": r.change,
            "se": r.se,
            "n": r.n,
            "basis": r.basis,
            "verified": r.basis == "read",
        }
        for r in answer.single_arms.rows
    ]
    data["published"] = [
        {
            "study": p.study,
            "citation": p.citation,
            "first": p.first,
            "second": p.second,
            "estimate": p.estimate,
            "low": p.low,
            "high": p.high,
            "basis": p.basis,
        }
        for p in answer.published
    ]
    data["unused"] = [{"study": u.study, "row": u.row, "reason": u.reason} for u in answer.unused]
    return data
