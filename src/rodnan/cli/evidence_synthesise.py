"""``rodnan evidence synthesise``: what the records say about a drug and an outcome, and how sure it is."""

from __future__ import annotations

import json as json_module
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
    from rodnan.evidence import load_study, read_studies, studies
    from rodnan.evidence.synthesis import answer_data, answer_text, synthesise

    own = read_studies(records) if records is not None else tuple(load_study(name) for name in studies())
    answer = synthesise(own, drug=drug, endpoint=endpoint, against=against, week=week, binary=measure)
    text = answer_text(answer)
    typer.echo(text)
    if json is not None:
        _write(
            json, json_module.dumps(answer_data(answer), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        )
    if out is not None:
        for path in _write_all(answer, text, out):
            typer.echo(f"Written: {path}")


def _write(path: Path, content: str | bytes) -> None:
    from rodnan.errors import EvidenceError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        raise EvidenceError("RDN-E514", f"cannot be written ({error.strerror})", where=str(path)) from None


def _write_all(answer: Answer, text: str, folder: Path) -> list[Path]:
    """Write the answer as text and data, and its figures; return what was written."""
    from rodnan.evidence.synthesis import answer_data
    from rodnan.report.evidence_figures import evidence_figures

    stem = f"evidence-{answer.drug}-{answer.endpoint.id}".replace(" ", "-").replace("/", "-")
    data = json_module.dumps(answer_data(answer), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    contents: dict[Path, str | bytes] = {folder / f"{stem}.txt": text + "\n", folder / f"{stem}.json": data}
    for figure in evidence_figures(answer):
        contents[folder / f"{stem}-{figure.id}.svg"] = figure.svg()
        contents[folder / f"{stem}-{figure.id}.png"] = figure.png()
    for path, content in contents.items():
        _write(path, content)
    return list(contents)
