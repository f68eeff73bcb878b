"""What drugs do to each other beyond sharing a channel: removal by sessions, warnings.

Changes of kinetic parameters are applied by `patients.draw_patients` (``beside``); sharing of channels and
targets by `effects.combine`; this module holds the rest. All of it is read from the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.pharmacology.models import DrugModel

__all__ = ["combination_notes", "kept_share"]


def kept_share(model: DrugModel, sessions: Mapping[str, ArrayLike]) -> NDArray[np.float64] | None:
    """Return the share of a drug that is left in the blood by sessions of other therapies.

    Parameters
    ----------
    model
        The drug.
    sessions
        Id of the other therapy -> size of its session on each day, shape (n, days); 0 where there is none.

    Returns
    -------
    ndarray, shape (n, days), or None
        For ``kept`` of `exposure.daily_effects`; None where nothing is removed. A session of size v leaves
        (1 - share)^v.
    """
    kept: NDArray[np.float64] | None = None
    for entry in model.record.interactions:
        if entry.kind == "removal" and entry.other in sessions:
            size = np.asarray(sessions[entry.other], dtype=np.float64)
            left = (1.0 - (entry.value or 0.0)) ** size
            kept = left if kept is None else kept * left
    return kept


def combination_notes(models: Sequence[DrugModel]) -> tuple[str, ...]:
    """Return what is known to matter when drugs are taken together, in the words of the records.

    Parameters
    ----------
    models
        The drugs of one treatment.

    Returns
    -------
    tuple of str
        One for each pair with an entry; parameters that change are said, too.
    """
    ids = {m.id for m in models}
    notes = []
    for model in models:
        for entry in model.record.interactions:
            if entry.other in ids:
                notes.append(f"{model.id} with {entry.other}: {entry.text} [{entry.basis}]")
    return tuple(dict.fromkeys(notes))
