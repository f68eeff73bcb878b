"""What drugs do to each other beyond sharing a channel: removal by sessions, warnings.

Changes of kinetic parameters are applied by `patients.draw_patients` (``beside``); sharing of channels and
targets by `effects.combine`; this module holds the rest. All of it is read from the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.pharmacology.models import DrugModel
from rodnan.pharmacology.regimen import Regimen, span_of

__all__ = ["combination_notes", "kept_share", "partners"]


def partners(model: DrugModel, taken: Sequence[str]) -> tuple[str, ...]:
    """Return the drugs among those taken that change a parameter of this one.

    Parameters
    ----------
    model
        The drug.
    taken
        Ids of the drugs of one treatment.

    Returns
    -------
    tuple of str
        In the order of the record; each once. What ``beside`` of `patients.draw_patients` acts on.
    """
    changing = [e.other for e in model.record.interactions if e.kind == "parameter" and e.other in taken]
    return tuple(dict.fromkeys(changing))


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


def combination_notes(
    models: Sequence[DrugModel], regimens: Mapping[str, Sequence[Regimen]] | None = None
) -> tuple[str, ...]:
    """Return what is known to matter when drugs are taken together, in the words of the records.

    Parameters
    ----------
    models
        The drugs of one treatment.
    regimens
        Drug id -> its regimens; then a pair counts only where the times of the two meet (for a removal, where
        the other comes after the first dose). None: all are taken together.

    Returns
    -------
    tuple of str
        One for each pair with an entry; parameters that change are said, too.
    """
    ids = {m.id for m in models}
    notes = []
    for model in models:
        for entry in model.record.interactions:
            if entry.other in ids and _meet(model.id, entry.other, entry.kind, regimens):
                notes.append(f"{model.id} with {entry.other}: {entry.text} [{entry.basis}]")
    return tuple(dict.fromkeys(notes))


def _meet(one: str, other: str, kind: str, regimens: Mapping[str, Sequence[Regimen]] | None) -> bool:
    """Whether two drugs are ever taken at one time; drugs without regimens here always are."""
    if regimens is None or not regimens.get(one) or not regimens.get(other):
        return True
    for a in map(span_of, regimens[one]):
        for b in map(span_of, regimens[other]):
            if a[0] < b[1] and (b[0] < a[1] or kind == "removal"):
                return True
    return False
