"""The credibility file, made from runs: ``python scripts/credibility.py [--folder build/credibility] [--fresh]``.

Runs the commands whose numbers the file holds (about eight minutes on two cores), keeps their JSON in the folder, and fills
``scripts/credibility_template.md`` into ``docs/credibility.md``. JSON that is there already is used as it is, unless
``--fresh`` is given.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE, PAGE = ROOT / "scripts" / "credibility_template.md", ROOT / "docs" / "credibility.md"
POSTERIOR = ROOT / "src" / "rodnan" / "calibration" / "data"
RUNS = {
    "natural-history": ("validate", "natural-history", "--quiet"),
    "trials": ("validate", "trials", "--draws", "20", "--quiet"),
    "exposure": ("validate", "exposure"),
    "claims": ("claims", "check", "--quiet"),
    "engine": ("engine", "verify", "--quiet"),
}


def results(folder: Path, fresh: bool) -> dict[str, Any]:
    """Return the JSON of every run, running what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, words in RUNS.items():
        path = folder / f"{name}.json"
        if fresh or not path.exists():
            print("rodnan", *words, flush=True)
            code = "from rodnan.cli.main import run; run()"
            subprocess.run(
                [sys.executable, "-c", code, *words, "--json", str(path)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def natural(found: dict[str, Any]) -> str:
    """Return the table of natural history."""
    rows = found["targets"]
    inside = sum(row["verdict"] == "within" for row in rows)
    lines = [
        f"{inside} of {len(rows)} targets lie within their tolerance ({found['patients']:,} virtual patients, seed "
        f"{found['seed']}; `rodnan validate natural-history`).",
        "",
        "| | target | model | observed | tolerance | |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row[k] for k in ("id", "target", "model", "observed", "tolerance", "verdict")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def trials(found: dict[str, Any]) -> str:
    """Return the table of trials and what lies outside."""
    settings = found["settings"]
    lines = [
        f"Parameters: {found['parameters']}; {settings['patients']} virtual patients an arm, seed {settings['seed']} "
        "(`rodnan validate trials --draws 20`).",
        "",
        "| | scored | inside 90 % | CRPS skill against B3 | against B1 |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, key in (("differences between arms", "contrasts"), ("changes of arms", "levels")):
        rows = [r for r in found[key] if "crps" in r]
        own = sum(r["crps"] for r in rows)
        skill = [1 - own / sum(r["baselines"][b]["crps"] for r in rows) for b in ("B3", "B1")]
        inside = sum(bool(r["inside90"]) for r in rows)
        lines.append(f"| {name} | {len(rows)} | {inside} | {skill[0]:+.2f} | {skill[1]:+.2f} |")
    inside = sum(bool(r.get("inside90")) for r in found["counts"])
    lines += [f"| counts (%) | {len(found['counts'])} | {inside} | | |", "", "Outside the 90 % interval:", ""]
    missed = [r for k in ("contrasts", "levels", "counts") for r in found[k] if r.get("inside90") is False]
    for r in missed:
        arms, what = r.get("arm") or " minus ".join(r["arms"]), r.get("endpoint") or r["event"]
        low, high = r["interval90"]
        lines.append(
            f"- {r['study']}, {arms}, {what}, week {r['week']:g}: published {r['published']:.3g}, predicted "
            f"{r['predicted']:.3g} ({low:.3g} to {high:.3g})"
        )
    left = len({r["study"] for r in found["not_scored"] if r["what"] == "study"})
    lines += [] if missed else ["- none"]
    return "\n".join([*lines, "", f"Not scored: {left} studies, each with its reason in the output."])


def claims(found: list[dict[str, Any]]) -> str:
    """Return the tally of claims and those that do not hold."""
    holds, refuted, open_ = (sum(r["verdict"] == v for r in found) for v in ("holds", "refuted", "not yet"))
    lines = [
        f"{holds} hold, {refuted} are refuted, {open_} cannot be said yet, of {len(found)} (`rodnan claims check`; criteria "
        "fixed before the runs).",
        "",
    ]
    for r in found:
        if r["verdict"] != "holds":
            value = "no number" if r["value"] is None else f"{r['value']:.3g} {r['unit']}"
            lines.append(f"- **{r['verdict']}**, `{r['id']}`: {r['criterion']}; found {value}")
    return "\n".join(lines)


def engine(found: dict[str, Any]) -> str:
    """Return how exact the solver is."""
    worst = max(found["states"], key=lambda r: r["largest"])
    outs = "; ".join(f"{r['name']} {r['largest']:.1e} {r['unit']}" for r in found["readouts"])
    orders = ", ".join(f"{r['order']:.1f}" for r in found["refinement"] if "order" in r)
    return (
        f"Against DOP853 at 1e-10 on {len(found['therapies'])} therapies with {found['patients']} random patient(s) each "
        f"over {found['days']} days, the largest relative error of any state on any day is {worst['largest']:.1e} "
        f"({worst['name']}, under {worst['worst']}); of readouts: {outs}. Splitting the days further shows orders {orders} "
        "(`rodnan engine verify`)."
    )


def exposure(found: dict[str, Any]) -> str:
    """Return how drug exposure compares with what was published."""
    rows = [r for r in found["checks"] if r["verdict"] != "not answered"]
    left = len(found["checks"]) - len(rows)
    inside = sum(r["verdict"] in ("in range", "within 1.25-fold") for r in rows)
    return (
        f"{inside} of {len(rows)} published exposures are met within their range or 1.25-fold "
        f"(`rodnan validate exposure`, which explains the others one by one; {left} more name no number the model gives)."
    )


def posterior() -> str:
    """Return how the parameters were estimated, from the file beside the posterior."""
    newest = max(POSTERIOR.glob("posterior-*.yaml"), key=lambda p: int(p.stem.rpartition("-")[2]))
    p = yaml.safe_load(newest.read_text(encoding="utf-8"))
    stages, correction = p["stages"], p["correction"]
    check, sample, emulate = stages["check"], stages["sample"][p["variant"]], stages["emulate"]
    how = correction["correction"]
    rows = sorted(stages["stack"]["variants"], key=lambda r: -r["score"])
    scores = ", ".join(f"{r['variant']} {r['difference']:+.1f} (SE {r['se']:.1f})" for r in rows)
    return "\n".join(
        [
            f"`{p['id']}`: {p['draws']} draws of the variant *{p['variant']}*, fitted to {p['observations']} observations "
            f"through an emulator of {emulate['summaries']} summaries from {emulate['points']} simulations.",
            "",
            f"- Simulation-based calibration of sampler and likelihood: {check['verdict']}; over {check['sets']} synthetic "
            f"data sets 90 % intervals held {check['coverage_90']:.0f} %, 50 % intervals {check['coverage_50']:.0f} % "
            f"(false-alarm rate {check['false_alarm']:.0%}).",
            f"- Chains: R-hat at most {sample['r_hat_worst']:.3f}, effective draws at least "
            f"{sample['ess_bulk_worst']:.0f}, {sample['divergences']} divergences.",
            f"- Importance correction from {stages['redraw']['draws']} draws simulated again ({how}): k-hat "
            f"{correction['k_hat'][how]:.2f} (below 0.7 is reliable), {correction['effective_draws'][how]:.0f} effective "
            "draws. That is few: tails of single parameters are rough.",
            f"- Structural variants by leave-one-study-out score: {scores}. The differences are too small beside their "
            "errors to choose; the full variant ships, since it carries the uncertainty about all mechanisms.",
        ]
    )


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "credibility")
    parser.add_argument("--fresh", action="store_true", help="run everything again")
    given = parser.parse_args()
    found = results(given.folder, given.fresh)
    text = TEMPLATE.read_text(encoding="utf-8").format(
        engine=engine(found["engine"]),
        posterior=posterior(),
        exposure=exposure(found["exposure"]),
        natural=natural(found["natural-history"]),
        trials=trials(found["trials"]),
        claims=claims(found["claims"]),
    )
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
