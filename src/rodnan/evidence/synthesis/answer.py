"""The answer to "what is known about this drug for this outcome, and how sure is it?"

`synthesise` reads study records, pools what can be pooled, keeps apart what must be kept apart (randomised
and other comparisons, comparisons and before-after changes, direct and indirect evidence), judges the
certainty of each estimate and lists what was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.synthesis.answer_network import network_part
from rodnan.evidence.synthesis.bayes import TauPrior, pool_bayes
from rodnan.evidence.synthesis.certainty import judge
from rodnan.evidence.synthesis.endpoints import RATIO_TAU, RATIOS, Endpoint, Sourced, endpoint_of
from rodnan.evidence.synthesis.extraction import extract
from rodnan.evidence.synthesis.pairwise import leave_one_out, pool, prediction_interval
from rodnan.evidence.synthesis.parts import Answer, Comparison, NetworkPart, SingleArms
from rodnan.evidence.synthesis.rows import ContrastRow, Extraction, Published, Unused
from rodnan.evidence.synthesis.small_study import egger_test
from rodnan.evidence.synthesis.study_rows import treatment_of

__all__ = ["known_drugs", "known_endpoints", "synthesise"]


def known_drugs(studies: Iterable[Any]) -> tuple[str, ...]:
    """Names of the drugs that arms of the records receive."""
    return tuple(sorted({str(item.drug) for s in studies for arm in s.arms for item in arm.regimen}))


def known_endpoints(studies: Iterable[Any]) -> tuple[str, ...]:
    """Names of the outcomes and adverse events of the records."""
    names = {o.endpoint for s in studies for o in s.outcomes} | {
        a.event for s in studies for a in s.adverse_events
    }
    return tuple(sorted(str(n) for n in names))


def synthesise(
    studies: Iterable[Any],
    *,
    drug: str,
    endpoint: str,
    against: str | None = None,
    week: float | None = None,
    binary: str = "RR",
    level: float = 0.95,
    aliases: Mapping[str, str] | None = None,
) -> Answer:
    """Answer what is known about a drug and an outcome.

    Parameters
    ----------
    studies
        Study records.
    drug, endpoint
        Names as in the records.
    against
        Comparator: a drug, ``"placebo"`` or ``"no treatment"``; None for all.
    week
        Time asked about; each study gives the nearest that it has. None asks for no special time: the
        nearest to 52 is taken, and other times cost no certainty.
    binary
        Scale for counts.
    level
        Confidence level.
    aliases
        Other names of drugs (brands, abbreviations), in lower case, to their names in the records.

    Returns
    -------
    Answer
        Pooled comparisons, network, single arms, published pools, and what could not be used.

    Raises
    ------
    EvidenceError
        ``RDN-E511`` unknown drug, ``RDN-E512`` unknown outcome, ``RDN-E513`` unknown comparator: each with
        the nearest name.
    """
    studies = list(studies)
    drugs = known_drugs(studies)
    drug = _named(drug, drugs, aliases)
    against = None if against is None else _named(against, (*drugs, "placebo", "no treatment"), aliases)
    if drug not in drugs:
        near = nearest_name(drug, drugs) or (aliases or {}).get(nearest_name(drug, aliases or ()) or "")
        raise EvidenceError("RDN-E511", "no arm of the records receives this drug", value=drug, nearest=near)
    outcomes = known_endpoints(studies)
    if endpoint not in outcomes:
        near = nearest_name(endpoint, outcomes) or _most_used(studies, endpoint)
        raise EvidenceError(
            "RDN-E512", "no study of the records has this outcome", value=endpoint, nearest=near
        )
    others = tuple(dict.fromkeys((*drugs, "placebo", "no treatment")))
    if against is not None and (against not in others or against == drug):
        near = nearest_name(against, [d for d in others if d != drug])
        raise EvidenceError("RDN-E513", "not a comparator of the records", value=against, nearest=near)
    target = 52.0 if week is None else week
    found = extract(studies, endpoint, week=target, binary=binary)
    other_choice = extract(studies, endpoint, week=target, binary=binary, prefer="adjusted")
    what = endpoint_of(endpoint, adverse_event=found.adverse_event)
    comparisons = _comparisons(found, other_choice, drug, against, what, week, level)
    net, net_unused = network_part(found, comparisons, drug, against, what, week, level)
    return Answer(
        drug,
        what,
        against,
        target,
        comparisons,
        net,
        _single_arms(found, drug, level),
        tuple(p for p in found.published if _concerns(p, drug, against)),
        _relevant(found, studies, drug) + net_unused,
        tuple(_remarks(comparisons, net, found, drug, against, _related(studies, drug, endpoint))),
    )


def _named(name: str, known: Sequence[str], aliases: Mapping[str, str] | None) -> str:
    """Name of a drug in the records: as it stands, whatever its case, or through another name."""
    folded = name.strip().casefold()
    exact = next((k for k in known if k.casefold() == folded), None)
    return exact or (aliases or {}).get(folded, name)


def _most_used(studies: Sequence[Any], part: str) -> str | None:
    """Most often reported outcome whose name holds `part`."""
    names = [str(o.endpoint) for s in studies for o in s.outcomes if part.casefold() in str(o.endpoint)]
    return max(sorted(set(names)), key=names.count) if names else None


def _concerns(published: Published, drug: str, against: str | None) -> bool:
    pair = {published.first, published.second}
    return drug in pair and (against is None or against in pair)


def _comparisons(
    found: Extraction,
    other: Extraction,
    drug: str,
    against: str | None,
    what: Endpoint,
    week: float | None,
    level: float,
) -> tuple[Comparison, ...]:
    def groups(rows: Iterable[ContrastRow]) -> dict[tuple[str, str, bool], list[ContrastRow]]:
        out: dict[tuple[str, str, bool], list[ContrastRow]] = defaultdict(list)
        for row in rows:
            if drug in (row.first, row.second):
                turned = row.turned(drug)
                if against is None or turned.second == against:
                    out[turned.second, turned.scale, turned.facts.randomised].append(turned)
        return out

    alternative = groups(other.contrasts)
    made = []
    for (comparator, scale, randomised), rows in groups(found.contrasts).items():
        y, v = np.array([r.y for r in rows]), np.array([r.se**2 for r in rows])
        pooled = pool(y, v, level=level)
        egger = egger_test(y, v) if len(rows) >= 3 and np.ptp(v) > 0 else None
        prior = _prior(what, scale)
        again = alternative[comparator, scale, randomised]
        changed = [(r.y, r.se) for r in again] != [(r.y, r.se) for r in rows]
        made.append(
            Comparison(
                drug,
                comparator,
                scale,
                randomised,
                tuple(rows),
                pooled,
                pool(y, v, tau="fixed", interval="normal", level=level),
                (prediction_interval(pooled, df="k-1"), prediction_interval(pooled, df="k-2")),
                pool_bayes(y, v, prior=TauPrior("half-normal", prior.value), level=level) if prior else None,
                leave_one_out(y, v, level=level) if len(rows) > 1 else None,
                egger,
                judge(
                    rows,
                    list(pooled.weights),
                    (pooled.low, pooled.high),
                    what,
                    pooled=pooled,
                    egger=egger,
                    target_week=week,
                ),
                pool([r.y for r in again], [r.se**2 for r in again], level=level)
                if changed and again
                else None,
            )
        )
    return tuple(sorted(made, key=lambda c: (not c.randomised, -c.pooled.k, c.against, c.scale)))


def _prior(what: Endpoint, scale: str) -> Sourced | None:
    return what.tau_scale if scale == "MD" else (RATIO_TAU if scale in RATIOS else None)


def _single_arms(found: Extraction, drug: str, level: float) -> SingleArms:
    rows = tuple(r for r in found.arms if r.treatment == drug)
    spread = [r for r in rows if r.se is not None]
    pooled = None
    if len(spread) > 2:
        pooled = pool([r.change for r in spread], [r.se**2 for r in spread if r.se is not None], level=level)
    return SingleArms(rows, pooled)


def _relevant(found: Extraction, studies: Sequence[Any], drug: str) -> tuple[Unused, ...]:
    """Unused rows of studies in which the drug is given."""
    with_drug = {s.id for s in studies if any(drug in treatment_of(a) for a in s.arms)}
    return tuple(u for u in found.unused if u.study in with_drug)


def _remarks(
    comparisons: Sequence[Comparison],
    net: NetworkPart | None,
    found: Extraction,
    drug: str,
    against: str | None,
    related: Sequence[str],
) -> Iterable[str]:
    direct = [c for c in comparisons if c.randomised]
    versus = f" with {against}" if against else ""
    if not direct:
        yield f"No randomised comparison of {drug}{versus} on this outcome could be pooled."
    if net is not None and not net.spread_known:
        yield (
            "The network has no loop and no repeated comparison: the spread between studies "
            "cannot be estimated and is taken as 0, so its intervals are too narrow rather than too wide."
        )
    if net is not None and net.left_out:
        yield f"Not connected to {drug} by randomised trials on this outcome: {', '.join(net.left_out)}."
    if against is not None and (net is None or against not in net.fitted.treatments) and not comparisons:
        yield f"No chain of randomised trials connects {drug} and {against} on this outcome."
    if found.published:
        yield "Published meta-analyses are shown beside and not pooled: their trials are counted already."
    if related:
        yield f"Related outcomes under {drug} in the records: {', '.join(related)}."


def _related(studies: Sequence[Any], drug: str, endpoint: str) -> list[str]:
    """Outcomes of the drug's studies whose names begin with the same word."""

    def stem(name: str) -> str:
        return name.replace("-", "_").split("_")[0]

    given = [s for s in studies if any(drug in treatment_of(a) for a in s.arms)]
    names = known_endpoints(given)
    return [n for n in names if n != endpoint and stem(n) == stem(endpoint)]
