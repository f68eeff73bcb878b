"""Write what ``compare.R`` reads: ``python benchmarks/mrgsolve/write_inputs.py FOLDER``.

Two model files, the individual parameters of 84 patients, the reference of the first 20, and the doses.
"""

from __future__ import annotations

import sys
from pathlib import Path

PATIENTS, GATED = 84, 20


def write(folder: Path) -> None:
    """Write the inputs into `folder`, made if it is not there."""
    import numpy as np
    from workload import definition as w
    from workload.mrgsolve_text import model_text
    from workload.reference import reference
    from workload.spelling import MODES, mode_parameters

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "amounts.cpp").write_text(model_text(), encoding="utf-8")
    (folder / "closed.cpp").write_text(model_text(closed_form=True), encoding="utf-8")
    patients = w.population(PATIENTS)
    table = np.hstack([np.arange(1, PATIENTS + 1)[:, None], patients, mode_parameters(patients)])
    save(folder / "population.csv", ("ID", *w.PARAMETERS, *MODES), table)
    exact = reference(GATED)
    keys = np.array([(i + 1, time) for i in range(GATED) for time in w.OUTPUT_TIMES])
    save(folder / "reference.csv", ("ID", "time", *w.STATES), np.hstack([keys, exact.reshape(len(keys), -1)]))
    doses = np.array([[w.DOSE, w.INTERVAL, w.DOSES, w.END, w.OUTPUT_EVERY]])
    save(folder / "schedule.csv", ("dose", "interval", "doses", "end", "every"), doses)


def save(path: Path, header: tuple[str, ...], table) -> None:
    """Write a table with all digits."""
    import numpy as np

    np.savetxt(path, table, fmt="%.17g", delimiter=",", header=",".join(header), comments="")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    write(Path(sys.argv[1]))
