"""Channels: the only way in which a drug reaches the disease, and how several drugs share one.

A drug's daily series (mean effect of the day, each between 0 and 1, or a rate) times the size that its
record gives is what it does to a channel. Between drugs

* fractions with different targets combine by Bliss independence, ``1 - product(1 - E_i)``;
* drugs with the *same* target compete for it: occupancies ``o_i = x_i/(1 + sum x)`` with ``x =
(C/EC50)^hill``,
  recovered from each drug's own mean effect E as ``x = E/(1 - E)`` (exact for constant concentrations);
* rates of killing and removal, and folds, add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rodnan.errors import ModelError

if TYPE_CHECKING:
    from rodnan.pharmacology.models import DrugModel, PatientPK

__all__ = [
    "CHANNELS",
    "CHANNEL_MEANING",
    "FOLDS",
    "FRACTIONS",
    "RATES",
    "ChannelMap",
    "Effect",
    "channel_map",
    "combine",
    "compete",
    "patient_sizes",
]

Array = NDArray[np.float64]

CHANNEL_MEANING: dict[str, tuple[str, str]] = {
    "kT": ("1/day", "kills effector T cells"),
    "kB": ("1/day", "kills B cells"),
    "kPs": ("1/day", "kills plasmablasts and short-lived plasma cells"),
    "kPl": ("1/day", "kills long-lived plasma cells"),
    "kM": ("1/day", "kills profibrotic macrophages"),
    "kF": ("1/day", "kills myofibroblasts"),
    "kR": ("1/day", "kills regulatory T cells"),
    "kL": ("1/day", "kills lymphocytes at large"),
    "pT": ("fraction", "stops production of effector T cells"),
    "pB": ("fraction", "stops production of B cells"),
    "pPs": ("fraction", "stops production of plasmablasts"),
    "pN": ("fraction", "stops marrow production of neutrophils"),
    "pL": ("fraction", "stops production of lymphocytes at large"),
    "pF": ("fraction", "stops activation of fibroblasts"),
    "aT": ("fraction", "silences T cells"),
    "aM": ("fraction", "silences macrophages"),
    "aK": ("fraction", "silences plasmacytoid cells and the platelet output of CXCL4"),
    "nI6": ("fraction", "neutralises interleukin 6"),
    "nTb": ("fraction", "neutralises TGF-beta"),
    "xIg": ("1/day", "removes immunoglobulin from plasma"),
    "fcrn": ("fold", "speeds the catabolism of immunoglobulin"),
    "fS": ("fraction", "lowers the synthesis of matrix"),
    "mmp": ("fold", "speeds the loss of reversible matrix"),
    "fV": ("fraction", "protects vessels"),
    "rD": ("1/day", "resets the autoimmune repertoire"),
    "nGFR": ("fraction", "lowers glomerular filtration"),
}
"""Channel -> (unit, meaning), in the fixed order of the channel arrays."""

CHANNELS: tuple[str, ...] = tuple(CHANNEL_MEANING)
RATES = frozenset(name for name, (unit, _) in CHANNEL_MEANING.items() if unit == "1/day")
FOLDS = frozenset(name for name, (unit, _) in CHANNEL_MEANING.items() if unit == "fold")
FRACTIONS = frozenset(CHANNELS) - RATES - FOLDS


@dataclass(frozen=True)
class Effect:
    """One entry of a drug: the channel, the index of the drug's series, the size at a series of one."""

    channel: str
    series: int
    size: float
    potency: bool


@dataclass(frozen=True)
class ChannelMap:
    """How the daily series of several drugs drive the channels.

    Attributes
    ----------
    drugs
        Ids, in the order in which their series are laid side by side.
    series
        ``"drug:series"`` of each column.
    drug
        Index of the drug of each series, shape (S,).
    target
        Group of series with the same target, shape (S,).
    size, size_potency
        Size of each entry that is not, or is, multiplied by the patient's potency; shape (S, 26).
    additive
        True for channels that add (rates and folds), False for fractions; shape (26,).
    """

    drugs: tuple[str, ...]
    series: tuple[str, ...]
    drug: NDArray[np.int64]
    target: NDArray[np.int64]
    size: Array
    size_potency: Array
    additive: NDArray[np.bool_]

    @property
    def n_series(self) -> int:
        """Number of series of all drugs."""
        return len(self.series)


def channel_map(models: Sequence[DrugModel]) -> ChannelMap:
    """Return the map from the daily series of several drugs to the 26 channels.

    Parameters
    ----------
    models
        The drugs of one treatment, each at most once.

    Returns
    -------
    ChannelMap

    Raises
    ------
    ModelError
        ``RDN-M120`` a drug is given twice, or series with one target are not all of the form ``emax``.
    """
    ids = [m.id for m in models]
    if len(set(ids)) != len(ids):
        raise ModelError(
            "RDN-M120", "a drug is given twice; put its doses into one plan", value=", ".join(ids)
        )
    names: list[str] = []
    drug: list[int] = []
    targets: list[str] = []
    forms: list[str] = []
    entries: list[tuple[int, int, float, bool]] = []
    for d, model in enumerate(models):
        entries += [
            (len(names) + e.series, CHANNELS.index(e.channel), e.size, e.potency) for e in model.effects
        ]
        names += [f"{model.id}:{s.name}" for s in model.series]
        drug += [d] * model.n_series
        targets += [s.target for s in model.series]
        forms += [s.form for s in model.series]
    groups = {t: i for i, t in enumerate(dict.fromkeys(targets))}
    for target in groups:
        members = [f for f, t in zip(forms, targets, strict=True) if t == target]
        if len(members) > 1 and set(members) != {"emax"}:
            raise ModelError("RDN-M120", "only emax series can compete for a target", value=target)
    size = np.zeros((len(names), len(CHANNELS)))
    size_potency = np.zeros_like(size)
    for s, c, value, scaled in entries:
        (size_potency if scaled else size)[s, c] += value
    return ChannelMap(
        drugs=tuple(ids),
        series=tuple(names),
        drug=np.array(drug, dtype=np.int64),
        target=np.array([groups[t] for t in targets], dtype=np.int64),
        size=size,
        size_potency=size_potency,
        additive=np.array([c not in FRACTIONS for c in CHANNELS]),
    )


def patient_sizes(mapping: ChannelMap, patients: Sequence[PatientPK]) -> Array:
    """Return the size of every entry for every patient, shape (n, S, 26).

    Parameters
    ----------
    mapping
        The map of the drugs.
    patients
        The patients' kinetics under each drug, in the order of ``mapping.drugs``.

    Returns
    -------
    ndarray, shape (n, S, 26)
    """
    n = patients[0].n if patients else 0
    potency = np.stack([p.potency for p in patients], axis=1) if patients else np.ones((n, 0))
    return mapping.size + mapping.size_potency * potency[:, mapping.drug][:, :, None]


def compete(mapping: ChannelMap, series: Array) -> Array:
    """Return the daily series after drugs with one target have competed for it.

    Parameters
    ----------
    mapping
        The map of the drugs.
    series
        Mean effect of each day, shape (..., S); each drug's as if it were alone.

    Returns
    -------
    ndarray, shape (..., S)
        The input itself where no target is shared.
    """
    shared = [np.flatnonzero(mapping.target == t) for t in np.unique(mapping.target)]
    shared = [members for members in shared if len(members) > 1]
    if not shared:
        return series
    result = np.array(series, dtype=np.float64)
    for members in shared:
        alone = np.clip(result[..., members], 0.0, 1.0 - 1e-12)
        odds = alone / (1.0 - alone)
        result[..., members] = odds / (1.0 + odds.sum(axis=-1, keepdims=True))
    return result


def combine(mapping: ChannelMap, sizes: Array, series: Array) -> Array:
    """Return the channels of each patient and day.

    Parameters
    ----------
    mapping
        The map of the drugs.
    sizes
        Sizes for each patient, shape (n, S, 26), from :func:`patient_sizes`.
    series
        Mean effects of each day, shape (n, days, S), the series of the drugs side by side.

    Returns
    -------
    ndarray, shape (n, days, 26)
        Fractions in [0, 1], rates in 1/day, folds.
    """
    series = compete(mapping, series)
    n, days, _ = series.shape
    channels = np.zeros((n, days, len(CHANNELS)))
    used = (mapping.size != 0.0) | (mapping.size_potency != 0.0)
    for c in np.flatnonzero(used.any(axis=0)):
        if mapping.additive[c]:
            for s in np.flatnonzero(used[:, c]):
                channels[:, :, c] += sizes[:, s, c, None] * series[:, :, s]
            continue
        spared = np.ones((n, days))
        for target in np.unique(mapping.target[used[:, c]]):
            share = np.zeros((n, days))
            for s in np.flatnonzero(used[:, c] & (mapping.target == target)):
                share += sizes[:, s, c, None] * series[:, :, s]
            spared *= 1.0 - np.clip(share, 0.0, 1.0)
        channels[:, :, c] = 1.0 - spared
    return channels
