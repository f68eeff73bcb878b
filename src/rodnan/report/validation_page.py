"""The validation as one HTML page: predicted beside published, misses in sight, no script, no second file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rodnan.report.validation_trials import validation_tables
from rodnan.report.wording import NOT_ADVICE, NOTICE, typeset

__all__ = ["validation_page"]

_BLUE, _RED, _GREY, _BLACK = "#08457e", "#b00020", "#8a8a8a", "#1a1a1a"
_ROW, _LEFT, _PLOT, _RIGHT = 26, 320, 420, 120
_STYLE = """
body{font:16px/1.5 Arial,Liberation Sans,Helvetica,sans-serif;color:#1a1a1a;background:#fff;
margin:0 auto;padding:1rem;max-width:75rem}
table{border-collapse:collapse;font-size:.85rem}caption{text-align:left;font-weight:bold;padding:.4rem 0}
th,td{padding:.2rem .6rem;border-bottom:1px solid #d9d9d9;text-align:left;vertical-align:top}
.right{text-align:right}.whole{white-space:nowrap}.miss{color:#b00020;font-weight:bold}.scroll{overflow-x:auto}
.notice{border:2px solid #08457e;padding:.6rem 1rem}.note{font-size:.85rem;color:#595959}
svg{max-width:60rem;width:100%;height:auto}
"""


def validation_page(result: Mapping[str, Any], summary: str) -> str:
    """Return the page.

    Parameters
    ----------
    result
        As `rodnan.calibration.validation.evaluate.validate` gives it.
    summary
        The summary in one line.

    Returns
    -------
    str
        A complete HTML document.
    """
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Simulation: validation against trials</title><style>{_STYLE}</style></head><body><main>",
        "<h1>Simulation: trials that were not fitted, predicted</h1>",
        f'<p class="notice"><strong>{escape(NOTICE)}</strong> {escape(NOT_ADVICE)}</p>',
        f"<p>{escape(typeset(summary))}.</p>",
        f"<p>Parameters: {escape(result['parameters'])}. "
        + escape(", ".join(f"{k} {v}" for k, v in result["settings"].items()))
        + ".</p>",
        '<p class="note">Bars: 90 % predictive interval of the model, dot its mean. Squares: published, with 90 % '
        "interval; a red triangle lies outside the prediction. Grey line below: baseline B3.</p>",
    ]
    for kind, heading in (("contrasts", "Differences between arms"), ("levels", "Mean changes of arms")):
        for endpoint, words in (("mrss", "mRSS (points, 0-51)"), ("fvc_pct_pred", "FVC (% predicted)")):
            rows = [r for r in result[kind] if "crps" in r and r["endpoint"] == endpoint]
            if rows:
                parts += [
                    f"<h2>{escape(typeset(f'{heading}: {words}'))}</h2>",
                    _forest(rows, f"{heading}: {words}"),
                ]
    parts += ["<h2>Tables</h2>", *(table.to_html() for table in validation_tables(result))]
    if result["assumptions"]:
        lines = [f"{study}: {note}" for study, notes in result["assumptions"].items() for note in notes]
        parts += ["<h2>Assumed where records are silent</h2><ul>"]
        parts += [f"<li>{escape(line)}</li>" for line in lines] + ["</ul>"]
    return "\n".join([*parts, "</main></body></html>"]) + "\n"


def _forest(rows: Sequence[Mapping[str, Any]], title: str) -> str:
    """Draw rows as SVG on one axis."""
    ends = [
        v for r in rows for v in (*r["interval90"], *r["baselines"]["B3"]["interval90"], r["published"], 0.0)
    ]
    low, high = min(ends) - 1.0, max(ends) + 1.0
    height = _ROW * len(rows) + 40

    def x(value: float) -> float:
        return round(_LEFT + _PLOT * (min(max(value, low), high) - low) / (high - low), 1)

    step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if (high - low) / s <= 9)
    ticks = [k * step for k in range(int(low // step), int(high // step) + 1) if low <= k * step <= high]
    out = [
        f'<svg role="img" viewBox="0 0 {_LEFT + _PLOT + _RIGHT} {height}" font-family="Arial, Liberation Sans, '
        f'Helvetica, sans-serif" font-size="12"><title>{escape(title)}</title>',
        f'<line x1="{x(0)}" x2="{x(0)}" y1="0" y2="{height - 30}" stroke="{_GREY}" stroke-dasharray="4 3"/>',
    ]
    out += [
        f'<text x="{x(t)}" y="{height - 14}" text-anchor="middle">{escape(typeset(f"{t:g}"))}</text>'
        for t in ticks
    ]
    for k, row in enumerate(rows):
        y, miss = _ROW * k + _ROW / 2, not row["inside90"]
        colour = _RED if miss else _BLACK
        label = f"{row['study']}: {' vs '.join(row['arms'])}, week {row['week']:g}"
        label = label if len(label) <= 52 else f"{label[:51]}…"
        a, b = row["interval90"]
        c, d = row["baselines"]["B3"]["interval90"]
        at, reach = x(row["published"]), 1.645 * row["se"]
        out += [
            f'<text x="0" y="{y + 4}" fill="{colour}">{escape(label)}</text>',
            f'<rect x="{x(a)}" y="{y - 8}" width="{max(x(b) - x(a), 1):.1f}" height="7" fill="#79aedd"/>',
            f'<circle cx="{x(row["mean"])}" cy="{y - 4.5}" r="4" fill="{_BLUE}"/>',
            f'<line x1="{x(c)}" x2="{x(d)}" y1="{y + 10}" y2="{y + 10}" stroke="{_GREY}" stroke-width="2"/>',
            f'<line x1="{x(row["published"] - reach)}" x2="{x(row["published"] + reach)}" y1="{y + 4}" '
            f'y2="{y + 4}" stroke="{colour}"/>',
            f'<path d="M{at - 5} {y + 9}h10l-5 -10z" fill="{_RED}"/>'
            if miss
            else f'<rect x="{at - 4}" y="{y}" width="8" height="8" fill="{_BLACK}"/>',
            f'<text x="{_LEFT + _PLOT + 10}" y="{y + 4}" fill="{colour}">{"outside" if miss else "inside"}</text>',
        ]
    return "\n".join([*out, "</svg>"])
