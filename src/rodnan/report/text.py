"""What the terminal shows: the verdict and the tables of one virtual trial as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from rodnan.report.comparing import check_result, comparisons, disagreeing, verdict
from rodnan.report.trial_tables import tables
from rodnan.report.wording import NOT_ADVICE, integer

__all__ = ["cohort_line", "text_tables"]


def cohort_line(result: Mapping[str, Any]) -> str:
    """Return one sentence on the virtual patients: their number, pool and effective sample size.

    Parameters
    ----------
    result
        The result of one virtual trial.
    """
    cohort = result["cohort"]
    return (
        f"{integer(cohort['patients_per_arm'])} virtual patients per arm, drawn from a pool of "
        f"{integer(cohort['pool'])} weighted to the published baseline table (effective sample size "
        f"{integer(cohort['effective_sample_size'])})."
    )


def text_tables(result: Mapping[str, Any], width: int = 100) -> str:
    """Return a result as plain text: verdict, disagreements, tables, what is not simulated, notice.

    Nothing depends on colour, and all words of our own are ASCII, so that any terminal can show them.

    Parameters
    ----------
    result
        The result of one virtual trial, as returned by ``rodnan.trial``.
    width
        Columns of the terminal; 100 shows every table without wrapped numbers.

    Returns
    -------
    str
        Text without a trailing newline.

    Raises
    ------
    TrialError
        RDN-T901 when parts of the result are missing.
    """
    check_result(result)
    rows = comparisons(result)
    parts = [_fill(f"SIMULATION of {result['title']} ({result['study']}), seed {result['seed']}", width)]
    parts[0] += "\n" + _fill(cohort_line(result), width) + "\n" + _fill(result["simulation_notice"], width)
    summary = [_fill(verdict(rows), width)]
    for row in disagreeing(rows):
        summary.append(_fill(f"DISAGREES  {row.sentence()}", width, first="  ", rest=" " * 13))
    parts.append("\n".join(summary))
    parts += [table.to_text(width) for table in tables(result)]
    if result.get("assumptions"):
        text = "Assumed, because the record does not say: " + "; ".join(result["assumptions"]) + "."
        parts.append(_fill(text, width))
    if result.get("notes"):
        parts.append(_fill("Of the treatments: " + "; ".join(result["notes"]) + ".", width))
    if result["not_modelled"]:
        text = "Published, but not simulated: " + ", ".join(result["not_modelled"]) + "."
        parts.append(_fill(text, width))
    parts.append(_fill(NOT_ADVICE, width))
    return "\n\n".join(parts)


def _fill(text: str, width: int, first: str = "", rest: str = "") -> str:
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest)
