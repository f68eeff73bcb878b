"""``rodnan evidence synthesise``: what the records say about a drug and an outcome, and how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rodnan.evidence.synthesis.parts import Answer

__all__ = ["command"]


def command(
    drug: Annotated[str, typer.Option("--drug", help="Drug, as in the records.")],
    endpoint: Annotated[str, typer.Option("--endpoint", help="Outcome or adverse event, as in the records.")],
    against: Annotated[
        str | None,
        typer.Option("--against", help="Comparator: a drug, placebo, or 'no treatment'; all when absent."),
    ] = None,
    week: Annotated[
        float | None, typer.Option("--week", help="Time asked about; each study gives the nearest it has.")
    ] = None,
    measure: Annotated[str, typer.Option("--measure", help="Scale for counts: RR, OR or RD.")] = "RR",
    json: Annotated[Path | None, typer.Option("--json", help="Write the answer as JSON here.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the answer as text, JSON, and figures (SVG, PNG)."),
    ] = None,
    records: Annotated[
        Path | None, typer.Option("--records", help="Folder of study records of your own instead of ours.")
    ] = None,
) -> None:
    """Pool what the study records say about a drug and an outcome.

    Comparisons inside studies, changes without a comparison, and published
    meta-analyses are kept apart. Each estimate has its certainty with the
    reasons, every row that was not used is listed, and numbers that were
    not verified at their source are marked.
    """
    from rodnan.cli.output import write_json
    from rodnan.evidence import load_study, read_studies, studies
    from rodnan.evidence.synthesis import answer_data, answer_text, synthesise

    own = read_studies(records) if records is not None else tuple(load_study(name) for name in studies())
    answer = synthesise(
        own, drug=drug, endpoint=endpoint, against=against, week=week, binary=measure, aliases=_other_names()
    )
    typer.echo(answer_text(answer))
    if json is not None:
        write_json(json, answer_data(answer))
    if out is not None:
        for path in _write_all(answer, out):
            typer.echo(f"Written: {path}")


def _other_names() -> dict[str, str]:
    """Brands and abbreviations of the therapies on record, in lower case, to their names."""
    from rodnan.evidence import drugs, load_drug

    return {other.casefold(): name for name in drugs() for other in load_drug(name).all_names}


def _write_all(answer: Answer, folder: Path) -> list[Path]:
    """Write the answer as text and data, and its figures; return what was written."""
    from rodnan.cli.output import write_json, write_text
    from rodnan.evidence.synthesis import answer_data, answer_text
    from rodnan.report.evidence_figures import evidence_figures

    stem = f"evidence-{answer.drug}-{answer.endpoint.id}".replace(" ", "-").replace("/", "-")
    written = [folder / f"{stem}.txt", folder / f"{stem}.json"]
    write_text(written[0], answer_text(answer) + "\n")
    write_json(written[1], answer_data(answer))
    for figure in evidence_figures(answer):
        drawing, picture = (folder / f"{stem}-{figure.id}{end}" for end in (".svg", ".png"))
        write_text(drawing, figure.svg())
        picture.write_bytes(figure.png())
        written += [drawing, picture]
    return written
