"""The answer to "what is known about this drug for this outcome, and how sure is it?"

`synthesise` reads study records, pools what can be pooled, keeps apart what must be kept apart (randomised
and other comparisons, comparisons and before-after changes, direct and indirect evidence), judges the
certainty of each estimate and lists what was left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rodnan.errors import EvidenceError, nearest_name
from rodnan.evidence.synthesis.bayes import BayesPooled, TauPrior, pool_bayes
from rodnan.evidence.synthesis.certainty import Certainty, judge
from rodnan.evidence.synthesis.consistency import Decomposition, NodeSplit, decompose, node_splits
from rodnan.evidence.synthesis.endpoints import RATIO_TAU, RATIOS, SCALE_WORDS, Endpoint, Sourced, endpoint_of
from rodnan.evidence.synthesis.extraction import (
    ArmChange,
    ContrastRow,
    Extraction,
    Published,
    Unused,
    extract,
    treatment_of,
)
from rodnan.evidence.synthesis.network_fit import Contrast, Network, Relative, components, network
from rodnan.evidence.synthesis.pairwise import LeaveOneOut, Pooled, leave_one_out, pool, prediction_interval
from rodnan.evidence.synthesis.ranking import Rank, rank_treatments
from rodnan.evidence.synthesis.small_study import Egger, egger_test

__all__ = ["Answer", "Comparison", "Indirect", "SingleArms", "known_drugs", "known_endpoints", "synthesise"]

NOTICE = (
    "This puts published studies side by side. It is for research and teaching "
    "and does not say what is right for any person."
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Direct evidence of the drug against one comparator, on one scale, from one kind of design.

    Parameters
    ----------
    rows
        The studies, turned so that the estimate is drug minus comparator (or log drug / comparator).
    pooled, common
        Random-effects estimate with the Hartung-Knapp interval and floor; common-effect estimate.
    predicted
        Prediction intervals with k-1 and k-2 degrees of freedom, None where they do not exist.
    bayes
        Bayesian random-effects estimate; None without a prior for this outcome.
    without
        Leave-one-out; None for one study.
    egger
        None with fewer than three studies.
    sensitivity
        The pooled estimate when adjusted rows are preferred to rows read at their source; None when it is
        the same.
    """

    drug: str
    against: str
    scale: str
    randomised: bool
    rows: tuple[ContrastRow, ...]
    pooled: Pooled
    common: Pooled
    predicted: tuple[tuple[float, float] | None, tuple[float, float] | None]
    bayes: BayesPooled | None
    without: LeaveOneOut | None
    egger: Egger | None
    certainty: Certainty
    sensitivity: Pooled | None = None


@dataclass(frozen=True, slots=True)
class Indirect:
    """Network estimate of the drug against a comparator; `direct_studies` is 0 when it is wholly indirect."""

    relative: Relative
    scale: str
    direct_studies: int
    via: tuple[str, ...]
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """The network that the drug belongs to.

    Parameters
    ----------
    fitted
        The fit; with no degrees of freedom tau2 is taken as 0 and `spread_known` is False.
    left_out
        Treatments of the outcome's trials that do not connect to the drug.
    """

    fitted: Network
    rows: tuple[ContrastRow, ...]
    spread_known: bool
    left_out: tuple[str, ...]
    estimates: tuple[Indirect, ...]
    ranks: tuple[Rank, ...]
    decomposition: Decomposition | None
    splits: tuple[NodeSplit, ...]


@dataclass(frozen=True, slots=True)
class SingleArms:
    """Changes from baseline under the drug, without a comparison; pooled with at least three arms."""

    rows: tuple[ArmChange, ...]
    pooled: Pooled | None
    certainty_word: str = "very low"


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that the records say about a drug and an outcome."""

    drug: str
    endpoint: Endpoint
    against: str | None
    week: float
    comparisons: tuple[Comparison, ...]
    network: NetworkPart | None
    single_arms: SingleArms
    published: tuple[Published, ...]
    unused: tuple[Unused, ...]
    remarks: tuple[str, ...]
    notice: str = NOTICE

    @property
    def unverified(self) -> tuple[str, ...]:
        """Studies with pooled numbers that were not read at their source."""
        pooled = [r for c in self.comparisons for r in c.rows]
        rows = [*pooled, *(self.network.rows if self.network else ()), *self.single_arms.rows]
        return tuple(sorted({r.facts.study for r in rows if r.basis != "read"}))


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
        raise EvidenceError(
            "RDN-E511",
            "no arm of the records receives this drug",
            value=drug,
            nearest=nearest_name(drug, drugs),
        )
    outcomes = known_endpoints(studies)
    if endpoint not in outcomes:
        near = nearest_name(endpoint, outcomes) or _most_used(studies, endpoint)
        raise EvidenceError(
            "RDN-E512", "no study of the records has this outcome", value=endpoint, nearest=near
        )
    others = (*drugs, "placebo", "no treatment")
    if against is not None and (against not in others or against == drug):
        near = nearest_name(against, [d for d in others if d != drug])
        raise EvidenceError("RDN-E513", "not a comparator of the records", value=against, nearest=near)
    target = 52.0 if week is None else week
    found = extract(studies, endpoint, week=target, binary=binary)
    other_choice = extract(studies, endpoint, week=target, binary=binary, prefer="adjusted")
    what = endpoint_of(endpoint, adverse_event=found.adverse_event)
    comparisons = _comparisons(found, other_choice, drug, against, what, week, level)
    net, net_unused = _network(found, comparisons, drug, against, what, week, level)
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


def _network(
    found: Extraction,
    direct: Sequence[Comparison],
    drug: str,
    against: str | None,
    what: Endpoint,
    week: float | None,
    level: float,
) -> tuple[NetworkPart | None, tuple[Unused, ...]]:
    """Fit the network of randomised comparisons, on the scale that connects the drug to most treatments."""
    best: list[ContrastRow] = []
    left: set[str] = set()
    for scale in SCALE_WORDS:
        rows = [r for r in found.contrasts if r.scale == scale and r.facts.randomised]
        parts = components([_contrast(r) for r in rows])
        own = next((p for p in parts if drug in p), ())
        inside = [r for r in rows if r.first in own]
        if len(inside) > len(best):
            best, left = inside, {t for p in parts if p != own for t in p}
    rows, unused = _whole_studies(best)
    names = {t for r in rows for t in (r.first, r.second)}
    if drug not in names or len(names) < 3:
        return None, unused
    part = next(p for p in components([_contrast(r) for r in rows]) if drug in p)
    rows = [r for r in rows if r.first in part]
    reference = (
        against if against in part else ("placebo" if "placebo" in part and drug != "placebo" else drug)
    )
    fitted = network([_contrast(r) for r in rows], reference=reference, level=level)
    splits = node_splits(fitted)
    incoherent = min((s.p for s in splits if s.p is not None), default=None)
    estimates = [
        _indirect(fitted, rows, direct, drug, other, what, week, incoherent)
        for other in fitted.treatments
        if other != drug and (against is None or other == against)
    ]
    ranks = rank_treatments(fitted, higher_is_better=what.better == "higher") if what.better else ()
    return (
        NetworkPart(
            fitted,
            tuple(rows),
            fitted.df > 0,
            tuple(sorted(left)),
            tuple(estimates),
            ranks,
            decompose(fitted) if fitted.df > 0 else None,
            splits,
        ),
        unused,
    )


def _contrast(row: ContrastRow) -> Contrast:
    return Contrast(row.facts.study, row.first, row.second, row.y, row.se)


def _whole_studies(rows: Sequence[ContrastRow]) -> tuple[list[ContrastRow], tuple[Unused, ...]]:
    """Keep studies whose comparisons can stand in a network together: all pairs, at one time."""
    by_study: dict[str, list[ContrastRow]] = defaultdict(list)
    for row in rows:
        by_study[row.facts.study].append(row)
    kept, unused = [], []
    for study, own in by_study.items():
        try:
            network([_contrast(r) for r in own], tau="fixed")
            whole = len({r.week for r in own}) == 1
        except EvidenceError:
            whole = False
        if whole:
            kept += own
        else:
            reason = "its arms do not all have a comparison at one time, which a network needs"
            unused.append(Unused(study, "all arms, in the network", reason))
    return kept, tuple(unused)


def _indirect(
    fitted: Network,
    rows: Sequence[ContrastRow],
    comparisons: Sequence[Comparison],
    drug: str,
    other: str,
    what: Endpoint,
    week: float | None,
    incoherent: float | None,
) -> Indirect:
    """Network estimate of one comparison; its direct part is judged for inconsistency as it is alone."""
    relative = fitted.relative(drug, other)
    direct = fitted.studies_of(drug, other)
    scale = rows[0].scale
    alone = [c.pooled for c in comparisons if c.randomised and (c.against, c.scale) == (other, scale)]
    shares = _contributions(fitted, rows, drug, other)
    used = [(r, s) for r, s in zip(rows, shares, strict=True) if s > 1e-9]
    certainty = judge(
        [r for r, _ in used],
        [s for _, s in used],
        (relative.low, relative.high),
        what,
        pooled=alone[0] if alone else None,
        target_week=week,
        indirect=not direct,
        incoherent_p=incoherent,
    )
    via = tuple(sorted({t for r, _ in used for t in (r.first, r.second)} - {drug, other}))
    return Indirect(relative, scale, len(direct), via, certainty)


def _contributions(fitted: Network, rows: Sequence[ContrastRow], drug: str, other: str) -> list[float]:
    """How much the estimate moves with each row: absolute coefficients of the rows' contrasts."""
    data = fitted.data
    w = np.linalg.inv(data.v + fitted.tau2 * data.between)
    hat = fitted.covariance @ data.x.T @ w  # effects = hat @ y
    c = np.zeros(len(data.treatments))
    c[data.treatments.index(drug)] += 1
    c[data.treatments.index(other)] -= 1
    coefficients = np.abs(c[1:] @ hat)
    place, shares = 0, {}
    for block in data.blocks:
        for treatment in block.treatments[1:]:
            shares[block.study, frozenset((treatment, block.treatments[0]))] = float(coefficients[place])
            place += 1
    return [shares.get((r.facts.study, frozenset((r.first, r.second))), 0.0) for r in rows]


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
