"""``rodnan model``: the disease model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="The disease model for other programs.", rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Hold the group together."""


@app.command("export")
def export(
    to: Annotated[Path, typer.Option("--to", help="File to write; a manifest is put beside it.")],
    form: Annotated[str, typer.Option("--format", help="sbml, mrgsolve, latex or jax.")] = "sbml",
    day: Annotated[int, typer.Option(min=0, max=36500, help="Time zero, days after onset.")] = 730,
) -> None:
    """Write the equations as SBML, as an mrgsolve model, as LaTeX or as a JAX module.

    SBML and mrgsolve files hold the untreated patient whose every parameter is typical (early diffuse disease, lung
    involved). A simulation model for research; no forecast for a person.
    """
    import hashlib

    from rodnan.cli.output import require_writable, write_json, write_text
    from rodnan.disease.export import NOTICE, export_model, typical_patient
    from rodnan.disease.parameters import load_parameters
    from rodnan.engine.manifest import manifest

    beside = to.with_name(to.name + ".manifest.json")
    require_writable(to)
    require_writable(beside)
    parameters = load_parameters()
    patient = typical_patient(parameters)
    text = export_model(form, parameters, patient, days_since_onset=day)
    write_text(to, text)
    described = manifest(
        seed=0,
        settings={"format": form, "days_since_onset": day, "patient": patient},
        parameters={"id": parameters.label, "sha256": parameters.sha256()},
        records={},
    )
    del described["seed"]  # nothing here is random
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    write_json(beside, {"notice": NOTICE, "file": to.name, "sha256": sha256, **described})
    typer.echo(f"{to}: {form}, sha256 {sha256}")
    typer.echo(NOTICE)
