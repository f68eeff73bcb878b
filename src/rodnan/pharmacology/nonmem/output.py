"""A simulation as a table: one row a record, as NONMEM's table files have it."""

from __future__ import annotations

import math

from rodnan.pharmacology.nonmem.event_loop import Simulation

__all__ = ["format_table"]


def format_table(simulation: Simulation, digits: int = 10) -> str:
    """Return the table as comma-separated text with a header.

    Parameters
    ----------
    simulation
        What to write.
    digits
        Significant digits of amounts and outputs.

    Returns
    -------
    str
        Columns ID, TIME, EVID, AMT, CMT, A1 to An, the outputs, and prediction and observation where there is a
        residual error; a row for every record of the data set, in its order. AMT is ``.`` where the data set had
        none, DV where nothing is observed.
    """
    n = simulation.amounts.shape[1]
    header = ["ID", "TIME", "EVID", "AMT", "CMT", *(f"A{i + 1}" for i in range(n)), *simulation.outputs]
    header += simulation.observations
    lines = [",".join(header)]
    outputs = [values.tolist() for values in simulation.outputs.values()]
    outputs += [values.tolist() for values in simulation.observations.values()]
    table = simulation.table
    for i, (number, event) in enumerate(zip(table.ids, table.events, strict=True)):
        amount = "." if math.isnan(event.amt) else f"{event.amt:.15g}"
        row = [
            f"{number:.15g}",
            f"{event.time:.15g}",
            str(event.evid),
            amount,
            str(simulation.compartment[i]),
        ]
        row += [f"{x:.{digits}g}" for x in simulation.amounts[i].tolist()]
        row += ["." if math.isnan(values[i]) else f"{values[i]:.{digits}g}" for values in outputs]
        lines.append(",".join(row))
    return "\n".join(lines) + "\n"
