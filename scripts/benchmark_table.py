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


def power(value: float) -> str:
    """Return a small or large number as a power of ten that no line breaks."""
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def table(columns: list[str], numbers: int, rows: list[list[str]]) -> list[str]:
    """Return a table whose last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(columns) - numbers) + ["--:"] * numbers
    return [f"| {' | '.join(cells)} |" for cells in (columns, rules, *rows)]


def section(result: dict) -> str:
    """Return tables and conditions of one run as Markdown."""
    timed = sorted((row for row in result["engines"] if "rate" in row), key=lambda row: -row["rate"])
    absent = [row for row in result["engines"] if "rate" not in row]
    before, after = result["load_before"][0], result["load_after"][0]
    ratios = any(row["engine"] == "ours" for row in timed)
    columns = ["engine", "error (99.9 %)", "patients/s", "of a core"]
    columns += ["Rodnan float64 is faster by", "by time of a core"] if ratios else []
    speeds, ways = [], []
    for row in timed:
        error = power(row["error"]) + (f" ({power(row['quantile'])})" if "quantile" in row else "")
        folds = [fold(row.get("ours_over_this")), fold(row.get("ours_over_this_per_core"))] if ratios else []
        core = number(row["per_core"]) if "per_core" in row else ""
        speeds.append([row["title"], error, number(row["rate"]), core, *folds])
        versions = ", ".join(f"{name} {which}" for name, which in row["versions"].items())
        span = f"{number(row['lowest'])} to {number(row['highest'])}"
        ways.append([row["title"], versions, setting(row), span, number(row["patients"], 6)])
    names = [
        "engine",
        "version",
        "way; tolerance or step",
        "patients/s, lowest to highest round",
        "patients timed",
    ]
    lines = [
        f"Measured {result['date']} on {result['cores']} cores of {result['processor']}, Python {result['python']}; "
        f"{result['rounds']} rounds in turn; load average {before:g} before and {after:g} after.",
        "",
        *table(columns, len(columns) - 1, speeds),
        "",
        *table(names, 2, ways),
    ]
    if absent:
        lines += ["", "Not in this run:", ""]
        lines += [f"- {row['title']}: {row['reason'].removeprefix('ImportError: ')}" for row in absent]
    return "\n".join(lines)


def disease_section(result: dict) -> str:
    """Return tables of the disease model's own kernel: speed, error, share of the bound; cost against size."""
    columns = ["precision", "patients/s", "error (99.9 %)", "operations a patient", "bound, operations/s"]
    kernel = [
        [
            row["precision"],
            number(row["rate"]),
            f"{power(row['error'])} ({power(row['quantile'])})",
            power(row["operations_per_patient"]),
            power(row["bound_operations_per_second"]),
            f"{row['share_of_bound']:.0%}",
        ]
        for row in result["kernel"]
    ]
    sizes = result["by_size"]
    costs = [
        ["patients/s", *(number(row["rate"]) for row in sizes)],
        ["seconds", *(number(row["patients"] / row["rate"], 2) for row in sizes)],
    ]
    whole, memory = number(result["whole_arm_patients_per_second"]), number(result["peak_memory_gib"], 2)
    return "\n".join(
        [
            f"Measured {result['date']} on {result['cores']} cores of {result['processor']}.",
            "",
            *table([*columns, "share of the bound"], len(columns), kernel),
            "",
            *table(["patients, float64", *(f"{row['patients']:,}" for row in sizes)], len(sizes), costs),
            "",
            f"A whole arm (doses, kinetics, effects, visits, readings) takes {whole} patients a second at 1,000 "
            f"patients; the process held {memory} GiB at most.",
        ]
    )


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
