"""Put the measured comparison into the guide: ``python scripts/benchmark_table.py``.

Reads ``compare.json`` and ``disease.json`` of ``benchmarks/results`` and replaces what stands between the marks in
``docs/guide/benchmarks.md``.
"""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "compare.json"
DISEASE = ROOT / "benchmarks" / "results" / "disease.json"
GUIDE = ROOT / "docs" / "guide" / "benchmarks.md"
BEGIN = "<!-- benchmark: written by scripts/benchmark_table.py -->"
END = "<!-- end of benchmark -->"
BEGIN_DISEASE = "<!-- disease: written by scripts/benchmark_table.py -->"
END_DISEASE = "<!-- end of disease -->"


def number(value: float, digits: int = 3) -> str:
    """Return a number with some significant digits and thousands apart."""
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"


def setting(row: dict) -> str:
    """Say how the engine was run."""
    if row["engine"] == "ours":
        return f"step {row['setting']:g} h"
    return f"{row['variant']}; {row['setting']:.0e}".replace("e-0", "e-")


def fold(ratio: float | None) -> str:
    """Return how many times faster, two digits where more would pretend."""
    return "" if ratio is None else number(ratio, 2 if ratio >= 10 else 3)


def line(row: dict, ratios: bool) -> str:
    """Return one row of the table."""
    versions = ", ".join(f"{name} {which}" for name, which in row["versions"].items())
    error = f"{row['error']:.1e}".replace("e-0", "e-")
    if "quantile" in row:
        error += f" ({row['quantile']:.1e})".replace("e-0", "e-")
    rate = f"{number(row['rate'])} ({number(row['lowest'])} to {number(row['highest'])})"
    per_core = number(row["per_core"]) if "per_core" in row else ""
    timed = number(row["patients"], 6)
    times = [fold(row.get("ours_over_this")), fold(row.get("ours_over_this_per_core"))] if ratios else []
    cells = [row["title"], versions, setting(row), error, rate, per_core, timed, *times]
    return f"| {' | '.join(cells)} |"


def section(result: dict) -> str:
    """Return table and conditions of one run as Markdown."""
    timed = sorted((row for row in result["engines"] if "rate" in row), key=lambda row: -row["rate"])
    absent = [row for row in result["engines"] if "rate" not in row]
    before, after = result["load_before"][0], result["load_after"][0]
    ratios = any(row["engine"] == "ours" for row in timed)
    columns = ["engine", "version", "way; tolerance or step", "error", "patients/s (lowest to highest round)"]
    columns += ["patients per second of a core", "patients timed"]
    columns += ["Rodnan float64 is faster by", "by time of a core"] if ratios else []
    rules = ["---"] * 4 + ["--:"] * (len(columns) - 4)
    lines = [
        f"Measured {result['date']} on {result['cores']} cores of {result['processor']}, Python {result['python']}; "
        f"{result['rounds']} rounds in turn; load average {before:g} before and {after:g} after.",
        "",
        f"| {' | '.join(columns)} |",
        f"| {' | '.join(rules)} |",
        *(line(row, ratios) for row in timed),
    ]
    if absent:
        lines += ["", "Not in this run:", ""]
        lines += [f"- {row['title']}: {row['reason'].removeprefix('ImportError: ')}" for row in absent]
    return "\n".join(lines)


def disease_section(result: dict) -> str:
    """Return tables of the disease model's own kernel: speed, error, share of the bound; cost against size."""
    lines = [
        f"Measured {result['date']} on {result['cores']} cores of {result['processor']}.",
        "",
        "| precision | patients/s | error (99.9 % quantile) | operations a patient | bound, operations/s "
        "| share of the bound |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for row in result["kernel"]:
        error = f"{row['error']:.1e} ({row['quantile']:.1e})".replace("e-0", "e-")
        cells = [
            row["precision"],
            number(row["rate"]),
            error,
            f"{row['operations_per_patient']:.2e}".replace("e+0", "e"),
        ]
        cells += [
            f"{row['bound_operations_per_second']:.2e}".replace("e+", "e"),
            f"{row['share_of_bound']:.0%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    sizes = [f"{row['patients']:,}" for row in result["by_size"]]
    lines += ["", f"| patients, float64 | {' | '.join(sizes)} |", f"| --- |{' --: |' * len(sizes)}"]
    lines.append(f"| patients/s | {' | '.join(number(row['rate']) for row in result['by_size'])} |")
    seconds = [number(row["patients"] / row["rate"], 2) for row in result["by_size"]]
    lines.append(f"| seconds | {' | '.join(seconds)} |")
    whole, memory = number(result["whole_arm_patients_per_second"]), number(result["peak_memory_gib"], 2)
    lines += [
        "",
        f"A whole arm (doses, kinetics, effects, visits, readings) takes {whole} patients a second at 1,000 patients; the "
        f"process held {memory} GiB at most.",
    ]
    return "\n".join(lines)


def with_section(text: str, new: str, begin: str = BEGIN, end: str = END) -> str:
    """Return `text` with what stands between the marks replaced."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{new}\n{end}{after}"


if __name__ == "__main__":
    guide = GUIDE.read_text(encoding="utf-8")
    for mark in (BEGIN, END, BEGIN_DISEASE, END_DISEASE):
        if mark not in guide:
            raise SystemExit(f"{GUIDE.relative_to(ROOT)} has no mark {mark}")
    guide = with_section(guide, section(json.loads(RESULTS.read_text(encoding="utf-8"))))
    disease = disease_section(json.loads(DISEASE.read_text(encoding="utf-8")))
    GUIDE.write_text(with_section(guide, disease, BEGIN_DISEASE, END_DISEASE), encoding="utf-8")
