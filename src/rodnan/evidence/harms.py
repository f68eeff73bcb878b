"""Where a harm is followed further: lung injury by a drug has a public registry of its own."""

from __future__ import annotations

import re

from rodnan.evidence.bibliography import load_publication

__all__ = ["REGISTRY", "registry_link"]

REGISTRY = "pneumotox"
"""Publication record of the registry of drug-induced respiratory disease."""
_LUNG_INJURY = re.compile(
    r"pneumonit|interstitial|any pulmonary|lung injury|methotrexate-lung", re.IGNORECASE
)


def registry_link(event: str, group: str = "") -> str | None:
    """Return the address of the registry of drug-induced respiratory disease for an event that is lung injury.

    Parameters
    ----------
    event
        Event of a hazard row, or of a drug's safety row.
    group
        Group of the hazard row.

    Returns
    -------
    str or None
        Address; None for other events. Infections of the lung are no lung injury.
    """
    if not _LUNG_INJURY.search(f"{event} {group}"):
        return None
    return load_publication(REGISTRY).url
