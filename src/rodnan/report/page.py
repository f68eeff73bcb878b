"""The report as one HTML page that holds everything it shows: no script, no network, no second file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from rodnan.report.comparing import Comparison, comparisons, disagreeing, judged, verdict
from rodnan.report.plots import Figure
from rodnan.report.plots.render import inline_svg
from rodnan.report.plots.style import NARROW
from rodnan.report.table import Column, Group, Table
from rodnan.report.text import cohort_line
from rodnan.report.trial_tables import tables, uncertainty_table
from rodnan.report.wording import NOT_ADVICE, name_endpoint, number, typeset

__all__ = ["manifest_table", "render_page", "reproduce"]

_SECTIONS = (
    ("summary", "Summary"),
    ("notice", "What this is and is not"),
    ("simulated", "What was simulated"),
    ("results", "Results"),
    ("safety", "Safety"),
    ("withdrawals", "Patients who left"),
    ("not-modelled", "What is not modelled"),
    ("uncertainty", "How uncertainty is named"),
    ("words", "Words used here"),
    ("provenance", "Provenance"),
    ("reproduce", "How to reproduce"),
)

_TABLES = ("arms", "outcomes", "contrasts", "adverse-events", "withdrawals", "uncertainty", "manifest")

_BASES = {
    "read": "read in the source",
    "recalled": "quoted from memory and not yet checked: unverified",
    "assumed": "assumed",
    "estimated": "estimated",
    None: "basis not given",
}

_WORDS = (
    (
        "90 % interval",
        "A range drawn from the simulation. If the simulation is right, a trial of this size lands inside "
        "it 9 times "
        "in 10.",
    ),
    ("Arm", "A group of patients in a trial that gets the same treatment."),
    ("Baseline", "The start of the trial, before treatment."),
    ("Leukopenia, neutropenia", "Too few white blood cells, or too few of the kind that fights bacteria."),
    (
        "Scleroderma renal crisis",
        "Kidneys that fail within days, mostly with high blood pressure. Drawn from published rates by antibody, kind "
        "of disease and time since it began.",
    ),
    (
        "Serious infection",
        "An infection that needs a hospital. Drawn from published rates by age, blood counts and dose of prednisone.",
    ),
    (
        "Treatment-related death",
        "A death within a hundred days of transplantation. Its share is that of one trial on record.",
    ),
    ("Virtual patient", "A patient made by a computer. Not a person, and not a copy of one."),
)


def render_page(
    result: Mapping[str, Any],
    drawn: Sequence[tuple[Figure, str]],
    files: Sequence[str],
    stems: Mapping[str, str],
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    result
        The result of one virtual trial.
    drawn
        Figures with their wide SVG.
    files
        Paths of the files written beside the page, relative to it.
    stems
        Path without suffix of each figure and table, by ``"figure:id"`` and ``"table:id"``.

    Returns
    -------
    str
        A complete HTML document.
    """
    rows = comparisons(result)
    shown: dict[str, dict[str, Any] | None] = dict.fromkeys(_TABLES)
    for table in (*tables(result), uncertainty_table(result), manifest_table(result["manifest"])):
        if table.groups:
            file = stems.get(f"table:{table.id}", "") + ".csv"
            shown[table.id] = {"html": Markup(table.to_html()), "file": file}
    numbered = [_figure(figure, svg, n, files, stems) for n, (figure, svg) in enumerate(_ordered(drawn), 1)]
    command, python = reproduce(result)
    return _template().render(
        title=result["title"],
        study=result["study"],
        seed=result["seed"],
        version=result["manifest"].get("rodnan", "unknown"),
        sections=[{"id": name, "name": words} for name, words in _SECTIONS],
        notice=result["simulation_notice"],
        advice=NOT_ADVICE,
        cohort=cohort_line(result),
        verdict=verdict(rows),
        misses=[typeset(row.sentence()) for row in disagreeing(rows)],
        judged=len(judged(rows)),
        unverified=sum(row.unverified for row in judged(rows)),
        score_number=next((f["number"] for f in numbered if f["id"] == "compared-numbers"), ""),
        findings=[typeset(text) for text in _findings(rows)],
        tables=shown,
        figures={
            place: [f for f in numbered if f["place"] == place]
            for place in ("simulated", "results", "safety")
        },
        assumptions=result.get("assumptions") or [],
        notes=result.get("notes") or [],
        parameter_draws=result.get("parameter_draws", 0),
        not_modelled=result["not_modelled"],
        words=_words(result),
        bases=_basis_lines(rows, result),
        sources=result.get("sources") or [],
        command=command,
        python=python,
        files=files,
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rodnan.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


_PLACES = {"baseline-check": "simulated", "safety-and-withdrawals": "safety"}


def _ordered(drawn: Sequence[tuple[Figure, str]]) -> list[tuple[Figure, str]]:
    """Figures in the order of the sections, so that their numbers rise down the page."""
    order = ("simulated", "results", "safety")
    return sorted(drawn, key=lambda pair: order.index(_PLACES.get(pair[0].id, "results")))


def _figure(
    figure: Figure, svg: str, count: int, files: Sequence[str], stems: Mapping[str, str]
) -> dict[str, Any]:
    stem = stems[f"figure:{figure.id}"]
    table = stems.get(f"table:{figure.table.id}", "") + ".csv"
    numbers = Table(
        id=f"numbers-{figure.id}",
        caption=figure.table.caption,
        columns=figure.table.columns,
        groups=figure.table.groups,
    )
    return {
        "id": figure.id,
        "place": _PLACES.get(figure.id, "results"),
        "number": count,
        "name": figure.name,
        "description": typeset(figure.description),
        "wide": Markup(inline_svg(svg)),
        "narrow": Markup(inline_svg(figure.svg(NARROW))),
        "numbers": Markup(numbers.to_html()),
        "svg_file": f"{stem}.svg",
        "png_file": f"{stem}.png",
        "csv_file": table if table in files else "",
    }


def _findings(rows: Sequence[Comparison]) -> list[str]:
    """One sentence per endpoint and arm at its last week, published number first named where there is one."""
    last: dict[tuple[str, str], float] = {}
    for row in rows:
        if row.kind == "outcome" and row.simulated:
            key = (row.subject, row.arm)
            last[key] = max(last.get(key, row.week), row.week)
    sentences: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row.subject, row.arm)
        if row.kind != "outcome" or row.simulated is None or last[key] != row.week:
            continue
        if key not in sentences:
            sentences[key] = (
                f"{row.subject} ({row.unit}) with {row.arm}: average change "
                f"{row.show(row.simulated.value)} at week "
                f"{number(row.week, 0)} in the simulation (90 % interval {row.show_interval(row.simulated)})"
            )
        if row.published:
            mark = "unverified; " if row.unverified else ""
            sentences[key] += f"; published {row.show(row.published.value)} ({mark}{row.agreement})"
        else:
            sentences[key] += "; nothing published"
    return [text + "." for text in sentences.values()]


def _words(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = {row["endpoint"]: name_endpoint(row["endpoint"], row.get("unit")) for row in result["outcomes"]}
    endpoints = [(e.name, e.meaning[:1].upper() + e.meaning[1:] + ".") for e in known.values() if e.meaning]
    return [*endpoints, *_WORDS]


def _basis_lines(rows: Sequence[Comparison], result: Mapping[str, Any]) -> list[str]:
    published = [row.row["published"] for row in rows if row.published]
    published += [row["published"] for row in result["cohort"]["baseline"] if row.get("published")]
    counts = Counter(part.get("basis") for part in published)
    lines = [f"{count} {_BASES.get(basis, str(basis))}" for basis, count in counts.most_common()]
    derived = sum(bool(part.get("derived")) for part in published)
    return [*lines, *([f"{derived} of them worked out from published figures"] if derived else [])]


def manifest_table(manifest: Mapping[str, Any]) -> Table:
    """Return the manifest of a run as a table of dotted names and values.

    Parameters
    ----------
    manifest
        Versions, seed, hashes of the inputs and settings; may be nested.
    """
    lines = tuple(_flat(manifest))
    return Table(
        id="manifest",
        caption="Versions, seed, inputs and settings of this simulation",
        columns=(Column("Item"), Column("Value", wrap=True)),
        groups=(Group("", lines),) if lines else (),
        records=tuple({"item": item, "value": value} for item, value in lines),
    )


def _flat(part: Any, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(part, Mapping):
        return [
            line for key, value in part.items() for line in _flat(value, f"{prefix}.{key}" if prefix else key)
        ]
    if isinstance(part, Sequence) and not isinstance(part, str):
        return [(prefix, ", ".join(str(item) for item in part))]
    return [(prefix, str(part))]


def reproduce(result: Mapping[str, Any]) -> tuple[str, str]:
    """Return the command and the Python code that make a result again.

    Parameters
    ----------
    result
        The result of one virtual trial.

    Returns
    -------
    tuple of str
        Command line and Python code.
    """
    study, seed = result["study"], result["seed"]
    options = {"patients": result["cohort"]["patients_per_arm"]}
    replicates = (result["manifest"].get("settings") or {}).get("replicates")
    if replicates is not None:
        options["replicates"] = replicates
    options["seed"] = seed
    draws = result.get("parameter_draws", 0)
    flags = " ".join(f"--{name} {value}" for name, value in {**options, "draws": draws}.items())
    arguments = ", ".join(f"{name}={value!r}" for name, value in options.items())
    loaded = ""
    if draws:
        loaded = "from rodnan.calibration.bayes.shipped import trial_draws\n"
        arguments += f", draws=trial_draws({draws})"
    folder = f"{study}-simulation"
    return (
        f"rodnan trial run {study} {flags} --out {folder}",
        f"from rodnan import report, trial\n{loaded}\nresult = trial.run({study!r}, {arguments})\n"
        f"report.write_report(result, {folder!r})",
    )
