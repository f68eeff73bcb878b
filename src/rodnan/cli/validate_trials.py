"""``rodnan validate trials``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rodnan.cli.output import progress_line, require_writable, write_json, write_text

__all__ = ["command"]


def command(
    studies: Annotated[
        list[str] | None,
        typer.Argument(help="Studies on record; all that were not fitted when none is named."),
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Folder of study records of your own, in place of those on record.")
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Parameter draws.")] = 12,
    patients: Annotated[int, typer.Option(min=20, help="Virtual patients an arm.")] = 256,
    pool: Annotated[int, typer.Option(min=256, help="Virtual patients followed untreated.")] = 1024,
    seed: Annotated[int, typer.Option(min=0, help="Seed; the same seed gives the same result.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; all cores by default.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the rows as JSON.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the page and the tables to this folder.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Predict studies that were not fitted and score the predictions beside baselines."""
    if json is not None:
        require_writable(json)
    if out is not None:
        require_writable(out, folder=True)
    from rodnan.calibration.validation.evaluate import summary_line, validate
    from rodnan.calibration.validation.records import read_records
    from rodnan.errors import EvidenceError, nearest_name
    from rodnan.evidence import load_study
    from rodnan.evidence import studies as on_record
    from rodnan.report.validation_trials import validation_tables

    left: list[tuple[str, str]] = []
    if records is not None:
        chosen, left = read_records(records)
        known = {study.id: study for study in chosen}
        for name in studies or ():
            if name not in known:
                raise EvidenceError(
                    "RDN-E001", "no such study in the folder", value=name, nearest=nearest_name(name, known)
                )
        chosen = [known[name] for name in studies] if studies else chosen
    else:
        chosen = [load_study(name) for name in dict.fromkeys(studies or on_record())]
    result = validate(
        chosen,
        draws=draws,
        patients=patients,
        pool=pool,
        seed=seed,
        workers=workers,
        progress=progress_line(quiet),
    )
    unread = [{"study": where, "what": "record", "reason": why} for where, why in left]
    result["not_scored"] = unread + result["not_scored"]
    files = sum(row["reason"].startswith("the file") for row in unread)
    tables = validation_tables(result)
    if json is not None:
        write_json(json, result)
    if out is not None:
        from rodnan.report.validation_page import validation_page

        write_text(
            out / "simulation-validation.html", validation_page(result, summary_line(result["summary"]))
        )
        for table in tables:
            if table.to_csv():
                write_text(out / f"simulation-{table.id}.csv", table.to_csv())
    progress_line(quiet)("")
    for table in tables:
        typer.echo(f"{table}\n")
    typer.echo(f"Parameters: {result['parameters']}.")
    if files:
        typer.echo(f"{files} file{'' if files == 1 else 's'} could not be read.")
    typer.echo(summary_line(result["summary"]))
