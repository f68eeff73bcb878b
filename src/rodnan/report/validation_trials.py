"""Tables of a validation: contrasts, arm levels, counts beside baselines, and what was not scored, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rodnan.report.table import Column, Group, Table
from rodnan.report.wording import interval, number

__all__ = ["validation_tables"]

_KINDS = ("B0", "B1", "B2", "B3", "B4")


def validation_tables(result: Mapping[str, Any]) -> tuple[Table, ...]:
    """Return the tables of a validation, contrasts first.

    Parameters
    ----------
    result
        As `rodnan.calibration.validation.evaluate.validate` gives it.
    """
    made = [
        _numbers("contrasts", "Simulation: differences between arms, predicted beside published", result),
        _numbers("levels", "Simulation: mean changes of arms, predicted beside published", result),
        _skills(result),
        _counts(result),
        _left(result),
    ]
    return tuple(table for table in made if table.groups)


def _numbers(kind: str, caption: str, result: Mapping[str, Any]) -> Table:
    rows = result[kind]
    lines = tuple(_line(row) for row in rows)
    columns = (
        Column("Study"), Column("Arms", wrap=True), Column("What"), Column("Published", "right"),
        Column("Predicted", "right"), Column("90 % interval", "right"), Column("Verdict"), Column("Direction"),
        Column("CRPS", "right"), Column("of B3", "right"),
    )  # fmt: skip
    notes = ("* SE not published; ~ published number quoted from memory (unverified).",) if rows else ()
    return Table(
        f"validation-{kind}", caption, columns, (Group("", lines),) if lines else (), notes, _records(rows)
    )


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    scored = "crps" in row
    marks = "~" if row["basis"] == "recalled" else ""
    marks += "*" if any("simulated spread" in note for note in row["notes"]) else ""
    sign = {1: "higher", -1: "lower", 0: ""}[row["sign"]]
    right = row["sign_right"]
    what = {"mrss": "mRSS", "fvc_pct_pred": "FVC"}.get(row["endpoint"], row["endpoint"])
    direction = "" if right is None else "right" if right else "WRONG" if row["sure"] else "other (unsure)"
    return (
        row["study"],
        " vs ".join(row["arms"]),
        f"{what} wk {row['week']:g}",
        f"{number(row['published'], sign=True) if scored else sign}{marks}",
        number(row["predicted"], sign=True),
        interval(row["interval90"], sign=True) if scored else "",
        ("inside" if row["inside90"] else "outside") if scored else "sign only",
        direction,
        number(row["crps"], 2) if scored else "",
        number(row["baselines"]["B3"]["crps"], 2) if scored else "",
    )


def _records(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    plain = []
    for row in rows:
        low, high = row.get("interval90", (None, None))
        kept = {
            k: row.get(k)
            for k in ("study", "endpoint", "week", "published", "se", "predicted", "crps", "pit")
        }
        base = row.get("baselines", {})
        kept |= {"arms": " vs ".join(row["arms"]), "low90": low, "high90": high, "basis": row["basis"]}
        plain.append(kept | {f"crps_{k}": base[k]["crps"] if base else None for k in _KINDS})
    return tuple(plain)


def _skills(result: Mapping[str, Any]) -> Table:
    lines = []
    for kind, words in (("contrasts", "contrasts"), ("levels", "arm levels")):
        part = result["summary"][kind]
        for name in _KINDS:
            value = part["skill"][name]
            if value is not None:
                lines.append(
                    (
                        words, f"{name}: {result['baselines'][name]}", number(value, 2, sign=True),
                        f"{part['coverage90']['hits']}/{part['scored']}",
                        f"{part['baseline_coverage90'][name]}/{part['scored']}",
                    )
                )  # fmt: skip
    columns = (
        Column("What"), Column("Against", wrap=True), Column("CRPS skill", "right"),
        Column("Inside 90 %, model", "right"), Column("baseline", "right"),
    )  # fmt: skip
    note = "Skill is one minus the ratio of summed CRPS: above zero, the model predicts better than the baseline."
    groups = (Group("", tuple(lines)),) if lines else ()
    return Table("validation-skill", "Simulation: the model beside its baselines", columns, groups, (note,))


def _counts(result: Mapping[str, Any]) -> Table:
    lines = tuple(
        (
            r["study"], r["arm"], f"{r['event']} wk {r['week']:g}", f"{r['n']}/{r['of']} ({number(r['published'])} %)",
            f"{number(r['predicted'])} %", interval(r["interval90"]), "inside" if r["inside90"] else "outside",
        )
        for r in result["counts"]
    )  # fmt: skip
    columns = (
        Column("Study"), Column("Arm"), Column("Event"), Column("Published", "right"),
        Column("Predicted", "right"), Column("90 % interval", "right"), Column("Verdict"),
    )  # fmt: skip
    caption = "Simulation: patients with an event, predicted beside published"
    return Table("validation-counts", caption, columns, (Group("", lines),) if lines else ())


def _left(result: Mapping[str, Any]) -> Table:
    lines = tuple((r["study"], r["what"], r["reason"]) for r in result["not_scored"])
    columns = (Column("Study or file"), Column("What", wrap=True), Column("Reason", wrap=True))
    return Table("validation-left", "Not scored, and why", columns, (Group("", lines),) if lines else ())
