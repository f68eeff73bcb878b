"""``rodnan sensitivity``: what the readouts of a calibration depend on, and what its data inform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rodnan.cli.output import progress_line, write_json

__all__ = ["command"]


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of a calibration (rodnan calibrate --full).")],
    variant: Annotated[str, typer.Option(help="Structural variant.")] = "full",
    count: Annotated[int, typer.Option(min=64, help="Base points of the Sobol designs.")] = 512,
    profiles: Annotated[int, typer.Option(min=0, help="Coordinates with a profile likelihood.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of the Sobol designs.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write everything as JSON.")] = None,
) -> None:
    """Show Sobol and local sensitivities, prior-posterior overlap, informed directions and profile likelihoods.

    Coordinates are on the standard-normal scale of their prior; share/<weight> is the share of what is left of a stick.
    """
    from rodnan.calibration.bayes.full import evidence_classes, full_calibration
    from rodnan.calibration.sensitivity.analysis import analyse, main_readouts

    of = full_calibration(folder)
    found = analyse(
        of.problem(variant),
        of.chains(variant),
        evidence_classes(),
        names=main_readouts(of.observations),
        count=count,
        profiles=profiles,
        seed=seed,
        report=progress_line(),
    )
    _show(found)
    if json is not None:
        write_json(json, found)
        typer.echo(f"Everything: {json}")


def _show(found: dict[str, Any]) -> None:
    typer.echo(f"{found['informed']} directions are known better from the data than from the prior.")
    for row in found["directions"]:
        parts = ", ".join(f"{name} {value:+.2f}" for name, value in row["loadings"].items())
        typer.echo(f"  {row['direction']:2d}  posterior sd {row['posterior_sd']:.2f}  {parts}")
    typer.echo(f"\n{'coordinate':28} {'mean':>6} {'sd':>5} {'contraction':>11} {'overlap':>7}  informed by")
    main: dict[str, str] = {}
    for row in found["classes"]:
        if row["share"] >= 0.3 and row["precision"] >= 0.05:
            before = main.get(row["coordinate"])
            text = f"{row['class']} {row['share']:.0%}"
            main[row["coordinate"]] = text if before is None else f"{before}, {text}"
    for row in found["overlap"]:
        by = main.get(row["coordinate"], "the prior") if row["informed"] else "the prior"
        typer.echo(
            f"{row['coordinate']:28} {row['mean']:6.2f} {row['sd']:5.2f} {row['contraction']:11.0%} "
            f"{row['overlap']:7.0%}  {by}"
        )
    for where in ("prior", "posterior"):
        typer.echo(f"\nTotal Sobol indices over the {where}")
        for name in found["readouts"]:
            rows = [r for r in found["sobol"][where] if r["summary"] == name][:5]
            typer.echo(f"  {name}: " + ", ".join(f"{r['coordinate']} {r['total']:.2f}" for r in rows))
    for row in found["profiles"]:
        low, high = (("none" if v is None else f"{v:.2f}") for v in (row["low"], row["high"]))
        typer.echo(f"profile of {row['coordinate']}: 95 % bounds {low} to {high} (standard-normal scale)")
