"""An answer as text for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

from rodnan.evidence.synthesis.certainty import Certainty
from rodnan.evidence.synthesis.endpoints import SCALE_WORDS, Endpoint
from rodnan.evidence.synthesis.parts import Answer, Comparison, Indirect
from rodnan.evidence.synthesis.words import UNVERIFIED, sentence, show
from rodnan.evidence.synthesis.words import show_interval as _interval

__all__ = ["answer_text"]


def answer_text(answer: Answer) -> str:
    """Return the whole answer as text for a terminal, 100 columns wide at most.

    Parameters
    ----------
    answer
        What `synthesise` returned.

    Returns
    -------
    str
        Tables and sentences; numbers not verified at their source are marked.
    """
    what = answer.endpoint
    lines = [f"{answer.drug}: {what.label}" + (f", against {answer.against}" if answer.against else "")]
    facts = [f"unit: {what.unit}" if what.unit else "", f"better: {what.better}" if what.better else ""]
    if what.mid is not None:
        facts.append(f"smallest important difference: {what.mid.value:g} ({what.mid.source})")
    facts.append(f"time: nearest to week {answer.week:g}")
    lines += ["; ".join(f for f in facts if f), ""]
    for comparison in answer.comparisons:
        lines += _comparison(comparison, what)
    lines += _network(answer)
    lines += _arms(answer)
    if answer.published:
        lines.append("Published meta-analyses (beside, not pooled)")
        for p in answer.published:
            interval = f" ({p.low:g} to {p.high:g})" if p.low is not None and p.high is not None else ""
            mark = "" if p.basis == "read" else f" {UNVERIFIED}"
            lines.append(
                f"  {p.first} - {p.second}: {p.estimate:+g}{interval}{mark}; {p.study}, {p.citation}"
            )
        lines.append("")
    if answer.remarks:
        lines += [f"* {remark}" for remark in answer.remarks] + [""]
    if answer.unused:
        lines.append(f"Not used ({len(answer.unused)} rows of studies with {answer.drug}), and why")
        lines += _grouped(answer)
        lines.append("")
    if answer.unverified:
        lines.append(
            f"{UNVERIFIED} numbers were not checked at their source: {', '.join(answer.unverified)}."
        )
    lines.append(answer.notice)
    return "\n".join(_wrapped(lines))


def _wrapped(lines: Iterable[str], width: int = 100) -> Iterable[str]:
    for line in lines:
        if len(line) <= width:
            yield line
        else:
            indent = line[: len(line) - len(line.lstrip())]
            yield from textwrap.wrap(line, width, subsequent_indent=indent + "    ", break_long_words=False)


def _table(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _comparison(c: Comparison, what: Endpoint) -> list[str]:
    kind = "randomised" if c.randomised else "not randomised"
    lines = [f"{c.drug} against {c.against} ({kind}; {SCALE_WORDS[c.scale]})"]
    rows = [["study", "week", "estimate", "95% interval", "weight", "n", "basis"]]
    for row, weight in zip(c.rows, c.pooled.weights, strict=True):
        low, high = row.y - 1.959964 * row.se, row.y + 1.959964 * row.se
        rows.append(
            [
                row.facts.study,
                "?" if row.week is None else f"{row.week:g}",
                show(row.y, c.scale),
                _interval(low, high, c.scale),
                f"{weight:.0%}",
                "?" if row.n is None else str(row.n),
                row.basis if row.basis == "read" else f"{row.basis} {UNVERIFIED}",
            ]
        )
    lines += _table(rows)
    p = c.pooled
    if p.k > 1:
        how = "Hartung-Knapp, t with {} df{}".format(p.df, ", floor active" if p.floor_active else "")
        lines.append(
            f"  pooled: {show(p.estimate, c.scale)} ({_interval(p.low, p.high, c.scale)}; REML, {how})"
        )
        h = p.heterogeneity
        high = "inf" if math.isinf(h.tau2_high) else f"{h.tau2_high:.3g}"
        lines.append(
            f"  spread: tau2 {h.tau2:.3g} ({h.tau2_low:.3g} to {high}), I2 {h.i2:.0f}%, "
            f"Q {h.q:.2f} on {h.df} df, p {h.p:.2g}"
        )
        lines.append(
            f"  common effect: {show(c.common.estimate, c.scale)} "
            f"({_interval(c.common.low, c.common.high, c.scale)}, normal)"
        )
        for reach, df in zip(c.predicted, ("k-1", "k-2"), strict=True):
            if reach is not None:
                lines.append(
                    f"  a further study (prediction interval, t with {df} df): {_interval(*reach, c.scale)}"
                )
        if c.without is not None:
            ends = sorted(w.estimate for w in c.without.without)
            turned = "; the direction changes" if c.without.changes_sign else ""
            lines.append(f"  leaving one study out: {_interval(ends[0], ends[-1], c.scale)}{turned}")
        if c.egger is not None and c.egger.informative:
            lines.append(f"  small studies (Egger): intercept {c.egger.intercept:+.2f}, p {c.egger.p:.2g}")
    if c.bayes is not None:
        low, high = c.bayes.effect.interval(p.level)
        lines.append(
            f"  Bayesian{'' if p.k > 1 else ', allowing for other studies to differ'}: "
            f"{show(c.bayes.effect.quantile(0.5), c.scale)} ({_interval(low, high, c.scale)}; "
            f"tau prior {c.bayes.prior})"
        )
    if c.sensitivity is not None:
        s = c.sensitivity
        lines.append(
            f"  with adjusted analyses preferred to verified numbers: {show(s.estimate, c.scale)} "
            f"({_interval(s.low, s.high, c.scale)}) {UNVERIFIED}"
        )
    lines += _certainty(
        sentence(c.drug, c.against, p.estimate, p.low, p.high, c.scale, what, c.certainty), c.certainty
    )
    return [*lines, ""]


def _certainty(said: str, certainty: Certainty) -> list[str]:
    lines = [f"  {said}", f"  certainty: {certainty.word}"]
    lines += [f"    -{j.steps} {j.domain}: {j.reason}" for j in certainty.judgements if j.steps]
    lines += [f"     0 {j.domain}: {j.reason}" for j in certainty.judgements if not j.steps]
    lines += [f"    note: {caveat}" for caveat in certainty.caveats]
    return lines


def _network(answer: Answer) -> list[str]:
    net = answer.network
    if net is None:
        return []
    fitted = net.fitted
    spread = f"tau2 {fitted.tau2:.3g} ({fitted.method})" if net.spread_known else "tau2 taken as 0"
    lines = [
        f"Network of randomised trials: {len(fitted.data.blocks)} studies, "
        f"{len(fitted.treatments)} treatments, {spread}"
    ]
    rows = [[f"{answer.drug} against", "estimate", "95% interval", "direct studies", "certainty"]]
    for e in net.estimates:
        r = e.relative
        rows.append(
            [
                r.second,
                show(r.estimate, e.scale),
                _interval(r.low, r.high, e.scale),
                str(e.direct_studies) if e.direct_studies else f"none (via {', '.join(e.via)})",
                e.certainty.word,
            ]
        )
    lines += _table(rows)
    for e in net.estimates:
        if not e.direct_studies:
            lines += _indirect(e, answer.endpoint)
    if net.decomposition is not None and net.decomposition.between.df > 0:
        d = net.decomposition
        lines.append(
            f"  consistency: between designs Q {d.between.q:.2f} on {d.between.df} df, p {d.between.p:.2g}; "
            f"with random effects Q {d.between_random.q:.2f}, p {d.between_random.p:.2g}"
        )
        for s in net.splits:
            if s.p is not None and s.difference is not None:
                lines.append(
                    f"  {s.first} - {s.second}: direct minus indirect {s.difference:+.2f}, "
                    f"p {s.p:.2g} ({s.share:.0%} direct)"
                )
    else:
        lines.append(
            "  consistency: direct and indirect evidence cannot be compared, there is no closed loop"
        )
    if net.ranks:
        lines.append("  order by P-score; where the ranges of ranks overlap, the order is not settled")
        ranks = [["treatment", "P-score", "SUCRA", "mean rank", "95% of ranks"]]
        ranks += [
            [r.treatment, f"{r.p_score:.2f}", f"{r.sucra:.2f}", f"{r.mean:.1f}", f"{r.low} to {r.high}"]
            for r in net.ranks
        ]
        lines += _table(ranks, "    ")
    return [*lines, ""]


def _indirect(e: Indirect, what: Endpoint) -> list[str]:
    r = e.relative
    said = sentence(r.first, r.second, r.estimate, r.low, r.high, e.scale, what, e.certainty)
    return [f"  {r.first} against {r.second}:", *("  " + line for line in _certainty(said, e.certainty))]


def _arms(answer: Answer) -> list[str]:
    arms = answer.single_arms
    if not arms.rows:
        return []
    lines = [
        f"Changes from baseline under {answer.drug}, no comparison (course, not effect; very low certainty)"
    ]
    rows = [["study", "arm", "week", "change", "standard error", "n", "basis"]]
    for r in arms.rows:
        rows.append(
            [
                r.facts.study,
                r.arm,
                "?" if r.week is None else f"{r.week:g}",
                f"{r.change:+.2f}",
                "none given" if r.se is None else f"{r.se:.2f}",
                "?" if r.n is None else str(r.n),
                r.basis if r.basis == "read" else f"{r.basis} {UNVERIFIED}",
            ]
        )
    lines += _table(rows)
    if arms.pooled is not None:
        p = arms.pooled
        lines.append(f"  pooled change: {p.estimate:+.2f} ({p.low:+.2f} to {p.high:+.2f}), {p.k} arms")
    return [*lines, ""]


def _grouped(answer: Answer) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for u in answer.unused:
        by_reason.setdefault(u.reason, []).append(f"{u.study} ({u.row})")
    return [f"  {reason}: {'; '.join(rows)}" for reason, rows in by_reason.items()]
