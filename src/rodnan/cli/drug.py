"""``rodnan drug``: cards of the therapies, what each is known for and what the model makes of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rodnan.pharmacology import DrugModel
    from rodnan.report.table import Table

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    help="Therapies: what each is, how it is given, what the model makes of it.",
    rich_markup_mode=None,
)
_WIDTH = 100


@app.callback()
def _group() -> None:
    """Hold the group together."""


@app.command("list")
def list_() -> None:
    """List the therapies that can be simulated, each with a usual regimen."""
    from rodnan.evidence import load_drug
    from rodnan.pharmacology import load_model, model_ids

    for drug in model_ids():
        regimen = load_model(drug).record.usual[0]
        typer.echo(f"{drug:<24} {load_drug(drug).action:<22} {regimen.doses} ({regimen.label})")
    typer.echo(f"{len(model_ids())} therapies; none is licensed for scleroderma unless its card says so")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Therapy, by any of its names.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the card (text) and its exposure figure (SVG) here.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A model file of your own; NAME is then its id.")
    ] = None,
) -> None:
    """Show the card of a therapy.

    What it is, its regimens and harms as published; its exposure in the
    typical patient beside published exposure; what it does to cells.
    """
    from rodnan.cli.output import write_text
    from rodnan.evidence import drug_id
    from rodnan.pharmacology import load_model, read_model

    chosen = read_model(model) if model is not None else load_model(drug_id(name))
    lines = card(chosen, published=model is None)
    text = "\n".join(lines) + "\n"
    if out is not None:
        write_text(out / f"simulation-{chosen.id}.txt", text)
        svg = _figure(chosen)
        if svg is not None:
            write_text(out / f"simulation-{chosen.id}-exposure.svg", svg)
    typer.echo(text, nl=False)


@app.command()
def footprint(
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV here.")] = None,
) -> None:
    """Print which channels of the disease model each therapy drives."""
    from rodnan.cli.output import write_text
    from rodnan.evidence import load_drug
    from rodnan.pharmacology import load_model, model_ids
    from rodnan.pharmacology.usual import usual_channels
    from rodnan.report.exposure import footprint_table

    rows = []
    for drug in model_ids():
        m = load_model(drug)
        doses = m.record.usual[0].doses
        rows.append((drug, load_drug(drug).action, doses, usual_channels(m, doses)))
    table = footprint_table(rows)
    if csv is not None:
        write_text(csv, table.to_csv())
    typer.echo(str(table))


def card(model: DrugModel, *, published: bool = True) -> list[str]:
    """Return the card of a therapy as lines.

    Parameters
    ----------
    model
        Its model.
    published
        Add what is on record about the drug; False for a user's own model.
    """
    from rodnan.report.wording import NOT_ADVICE

    lines: list[str] = [model.title, "=" * len(model.title), ""]
    if published:
        lines += _known(model.id)
    for heading, tables in _model_tables(model, published):
        lines += ["", heading, "-" * len(heading)]
        for table in tables:
            lines += ["", table.to_text(_WIDTH)]
    if model.record.interactions:
        lines += ["", "Interactions in the model", "-------------------------"]
        lines += _bullets(f"{i.other}: {i.text} [{i.basis}]" for i in model.record.interactions)
    if model.record.not_modelled:
        lines += ["", "Not modelled", "------------"]
        lines += _bullets(model.record.not_modelled)
    lines += ["", "Sources of the model", "--------------------"]
    lines += _bullets(
        ", ".join(x for x in (s.citation, s.doi and f"doi:{s.doi}", s.pmid and f"PMID {s.pmid}", s.pmc) if x)
        for s in model.record.sources.values()
    )
    lines += ["", *textwrap.wrap(NOT_ADVICE, _WIDTH)]
    return lines


def _known(drug: str) -> list[str]:
    """What is published about the therapy, without its kinetic numbers (they stand beside the model's)."""
    from rodnan.cli.evidence_show import drug_lines
    from rodnan.evidence import load_drug

    record = load_drug(drug)
    kinetics = None if record.pk is None else record.pk.model_copy(update={"parameters": (), "checks": ()})
    return list(drug_lines(record.model_copy(update={"pk": kinetics})))


def _model_tables(model: DrugModel, published: bool) -> list[tuple[str, list[Table]]]:
    from rodnan.disease.typical_course import typical_course
    from rodnan.pharmacology import parse_regimen
    from rodnan.pharmacology.checks import check_exposure
    from rodnan.pharmacology.usual import usual_channels, usual_exposure
    from rodnan.report.exposure import cells_table, channel_table, checks_table, usual_table

    usual = model.record.usual
    sections: list[tuple[str, list[Table]]] = []
    exposures = [(u.label, u.doses, usual_exposure(model, u.doses)) for u in usual]
    shown = [(label, doses, e) for label, doses, e in exposures if e is not None]
    exposure_tables = [usual_table(model, shown)] if shown else []
    if published:
        results = check_exposure(model)
        exposure_tables += [checks_table({model.id: results})] if results else []
    if exposure_tables:
        sections.append(("Exposure", exposure_tables))
    channels = [(u.label, usual_channels(model, u.doses)) for u in usual]
    effects = [channel_table(model, channels)]
    if model.effects:
        for u in usual:
            course = typical_course([(model, parse_regimen(u.doses, model.id))], 364)
            effects.append(cells_table(model, u.label, course))
    sections.append(("Effect in the model", effects))
    return sections


def _figure(model: DrugModel) -> str | None:
    from rodnan.pharmacology.usual import usual_exposure
    from rodnan.report.exposure import exposure_svg

    first = model.record.usual[0]
    exposure = usual_exposure(model, first.doses)
    return None if exposure is None else exposure_svg(model, first.label, exposure)


def _bullets(texts: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for text in texts:
        lines += textwrap.wrap(text, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    return lines
