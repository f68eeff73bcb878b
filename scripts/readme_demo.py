"""Put table and picture of a run of the demo into the README: ``readme_demo.py RESULT.json REPORT_FOLDER``."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- demo: written by `make readme` -->", "<!-- end of demo -->"
PICTURES = {
    "simulation-fvc-pct-pred-over-time.svg": (
        "docs/images/sls-2-fvc.svg",
        "Simulated course of FVC in both arms with the published changes",
    ),
    "simulation-compared-numbers.svg": (
        "docs/images/sls-2-compared.svg",
        "Every published number beside its simulated interval",
    ),
}
"""Figure of the report -> where the README shows it, and what it shows."""


def main(result_file: Path, report: Path) -> None:
    """Write the section of the README and copy its pictures."""
    result = json.loads(result_file.read_text(encoding="utf-8"))
    for source, (target, _) in PICTURES.items():
        (ROOT / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(report / "figures" / source, ROOT / target)
    readme = ROOT / "README.md"
    readme.write_text(with_section(readme.read_text(encoding="utf-8"), section(result)), encoding="utf-8")


def with_section(readme: str, text: str) -> str:
    """Return the README with `text` between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def section(result: Mapping[str, Any]) -> str:
    """Return verdict, table, pictures and manifest of a result as Markdown."""
    from rodnan.report import comparisons, verdict

    rows = comparisons(result)
    lines = [
        f"**Simulation** of {result['title'].removeprefix('Virtual ')}: {verdict(rows)}",
        "",
        "| | Arm | Week | Simulated (90 % interval) | Published (90 % interval) | |",
        "|---|---|--:|--:|--:|---|",
    ]
    for row in rows:
        if row.published is None or row.simulated is None:
            continue
        what = re.sub(r" \(.*\)", "", row.subject)
        what += (
            ", change in % predicted"
            if row.unit == "% predicted"
            else ""
            if row.unit == "%"
            else f", {row.unit}"
        )
        shown = [_point(p, row.digits, row.signed, row.unit) for p in (row.simulated, row.published)]
        mark = f" ({row.basis})" if row.basis != "read" else ""
        lines.append(
            f"| {what} | {row.arm} | {row.week:g} | {shown[0]} | {shown[1]}{mark} "
            f"| {'agrees' if row.agrees else '**disagrees**'} |"
        )
    manifest = result["manifest"]
    settings = manifest["settings"]
    lines += [
        "",
        *(f"![{shows}]({target})" for target, shows in PICTURES.values()),
        "",
        f"Rodnan {manifest['rodnan']}, seed {manifest['seed']}, {settings['patients']:,} virtual patients from a pool "
        f"of {settings['pool']:,}, {settings['replicates']:,} repetitions; parameters `{manifest['parameters']['id']}` "
        f"({manifest['parameters']['sha256'][:12]}).",
    ]
    return "\n".join(lines)


def _point(point: Any, digits: int, signed: bool, unit: str) -> str:
    sign = "+" if signed else ""
    percent = " %" if unit == "%" else ""
    text = f"{point.value:{sign}.{digits}f}{percent}"
    if point.bounds is not None:
        text += f" ({point.low:{sign}.{digits}f} to {point.high:{sign}.{digits}f})"
    return text.replace("-", "−")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
