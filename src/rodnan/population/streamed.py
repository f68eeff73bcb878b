"""Courses of populations larger than memory: shard by shard into Parquet files, stopped and resumed at will."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rodnan.disease.parameters import load_parameters
from rodnan.engine.device import choose_device
from rodnan.engine.executors import Executor
from rodnan.engine.manifest import manifest
from rodnan.engine.shards import ShardFolder, open_folder
from rodnan.engine.stream import stream
from rodnan.errors import PopulationError
from rodnan.pharmacology import load_model
from rodnan.population.courses import READOUTS, Courses, CoursesPlan, follow
from rodnan.population.covariates import ANTIBODIES
from rodnan.population.distributions import QUANTILES, SCALES, Distribution

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NOTICE", "SHARD", "Part", "shard_files", "stream_population"]

NOTICE = "Computer simulation of virtual patients. Not a prediction for any person."
SHARD = 4096
"""Patients of a shard where nothing else is asked for: about 3 MB of weekly readouts over two years."""


@dataclass(frozen=True)
class Part:
    """A shard of a plan.

    Attributes
    ----------
    plan
        The plan.
    number, first, size
        Its place, first patient and number of patients.
    summaries
        Whether only distributions are kept.
    threads
        Threads of the kernel; all cores where None.
    """

    plan: CoursesPlan
    number: int
    first: int
    size: int
    summaries: bool
    threads: int | None


def shard_files(part: Part) -> dict[str, bytes]:
    """Return the files of a shard: patients, courses (unless only summaries are wanted) and distributions."""
    courses = follow(part.plan, part.first, part.size, threads=part.threads)
    files = {"distributions.npz": Distribution.of(courses.readouts).to_bytes()}
    if not part.summaries:
        files["patients.parquet"] = _parquet(_patients(courses))
        files["courses.parquet"] = _parquet(_courses(courses))
    return files


def stream_population(
    plan: CoursesPlan,
    folder: Path,
    executor: Executor,
    *,
    shard: int = SHARD,
    summaries: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> int:
    """Follow the patients of a plan and keep what is found in a folder; go on where an earlier run of it stopped.

    The folder then holds ``courses/*.parquet`` (patient, week and readouts, float32), ``patients/*.parquet`` (covariates),
    ``distributions/*.npz``, ``summary.csv`` (mean, SD and quantiles of each readout and week over all patients) and
    ``manifest.json``.

    Parameters
    ----------
    plan
        Whose courses.
    folder
        Where to; new, or of an earlier run of the same plan.
    executor
        What runs the shards.
    shard
        Patients a shard.
    summaries
        Keep distributions only.
    progress
        Takes a line of progress.

    Returns
    -------
    int
        Shards that were run now; the others were there.

    Raises
    ------
    PopulationError
        RDN-P006 for a plan or a shard size outside its range, RDN-P007 for a treatment with rules on its doses.
    EngineError
        RDN-N021 to RDN-N023 for a folder that cannot be used, RDN-N012 for a GPU with workers that would share it; and as
        the executor.
    """
    plan.check()
    if not 1 <= shard <= 1_000_000:
        raise PopulationError("RDN-P006", "must lie in 1 to 1000000", where="shard-size", value=shard)
    choose_device(plan.device, precision=plan.precision, executor=executor.name)
    threads = None if executor.name == "serial" else 1
    parts = [
        Part(plan, number, first, min(shard, plan.patients - first), summaries, threads)
        for number, first in enumerate(range(0, plan.patients, shard))
    ]
    with open_folder(folder, _manifest(plan, shard, summaries)) as kept:
        run = stream(kept, shard_files, parts, executor, progress=progress)
        progress("gathering the distributions")
        kept.put_whole("summary.csv", _summary(plan, kept, len(parts)).encode())
    return run


def _manifest(plan: CoursesPlan, shard: int, summaries: bool) -> dict[str, Any]:
    parameters = load_parameters()
    made = manifest(
        seed=plan.seed,
        settings=plan.model_dump(exclude={"seed"}) | {"shard_size": shard, "summaries": summaries},
        parameters={"id": parameters.label, "sha256": parameters.sha256()},
        records={f"drug {name}": load_model(name).record for name in plan.regimens()},
    )
    return {"notice": NOTICE, "notes": list(plan.notes()), **made}


def _summary(plan: CoursesPlan, kept: ShardFolder, parts: int) -> str:
    """Return the table of distributions as CSV."""
    found = Distribution.together(
        Distribution.from_bytes(kept.file(number, "distributions.npz").read_bytes())
        for number in range(parts)
    )
    heads = [f"p{q * 100:g}" for q in QUANTILES]
    lines = [f"# {NOTICE}", ",".join(["readout", "unit", "week", "n", "mean", "sd", *heads])]
    weeks = plan.output_weeks()
    for name in READOUTS:
        columns = [found.mean(name), found.sd(name), *(found.quantile(name, q) for q in QUANTILES)]
        for row, week in enumerate(weeks):
            values = ",".join(f"{column[row]:.4f}" for column in columns)
            lines.append(f"{name},{SCALES[name].unit},{week},{found.n},{values}")
    return "\n".join(lines) + "\n"


def _courses(courses: Courses) -> pl.DataFrame:
    """Return the readouts, a row for each patient and week."""
    import polars as pl

    n, times = len(courses.patients), len(courses.weeks)
    return pl.DataFrame(
        {
            "patient": np.repeat(courses.patients, times),
            "week": np.tile(courses.weeks.astype(np.int32), n),
            **{name: courses.readouts[name].T.astype(np.float32).ravel() for name in READOUTS},
        }
    )


def _patients(courses: Courses) -> pl.DataFrame:
    """Return who the patients are, a row each."""
    import polars as pl

    c = courses.covariates
    return pl.DataFrame(
        {
            "patient": courses.patients,
            "subset": np.where(c["dcssc"] == 1, "diffuse", "limited"),
            "antibody": np.array(ANTIBODIES)[c["antibody"].astype(int)],
            "sex": np.where(c["sex"] == 1, "male", "female"),
            "ild_prone": c["ild_prone"] == 1,
            "disease_duration_years": c["disease_duration"],
            "age_years": c["age"],
            "weight_kg": c["weight"],
            "height_cm": c["height"],
            "bsa_m2": c["bsa"],
            "crcl_l_per_h": c["crcl"],
            "albumin_g_per_l": c["albumin"],
            "fvc_healthy_pct_pred": c["fvc_healthy"],
            "dlco_healthy_pct_pred": c["dlco_healthy"],
        }
    )


def _parquet(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.write_parquet(file, compression="zstd", metadata={"notice": NOTICE})
    return file.getvalue()
