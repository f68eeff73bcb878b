"""The registry of experiments: kind of check -> function of the lab and the check's arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rodnan.calibration.claims import contrasts, methotrexate, safety, transplantation, trials, typical
from rodnan.calibration.claims.lab import Lab
from rodnan.calibration.claims.record import Found

__all__ = ["KINDS", "Experiment"]

Experiment = Callable[[Lab, Mapping[str, Any]], Found]

KINDS: Mapping[str, Experiment] = MappingProxyType(
    {
        "against-none": contrasts.against_none,
        "antifibrotic": contrasts.antifibrotic,
        "azathioprine-tolerance": safety.azathioprine_tolerance,
        "b-cells": typical.b_cells,
        "cancer": safety.cancer,
        "cxcl4": contrasts.cxcl4,
        "cyclosporine": contrasts.cyclosporine,
        "drive-response": typical.drive_response,
        "esos": trials.esos,
        "gut-events": safety.gut_events,
        "infections": safety.infections,
        "listed-drugs": typical.listed_drugs,
        "long-term": contrasts.long_term,
        "maintenance": contrasts.maintenance,
        "methotrexate-routes": typical.methotrexate_routes,
        "methotrexate-toxicity": methotrexate.toxicity,
        "onset": contrasts.onset,
        "peaks-in-order": contrasts.peaks_in_order,
        "pilot-agents": contrasts.pilot_agents,
        "plasma-exchange": typical.plasma_exchange,
        "recent-decline": contrasts.recent_decline,
        "risk-benefit": transplantation.risk_benefit,
        "side-effects": safety.side_effects,
        "sls-1": trials.sls_1,
        "sls-2": trials.sls_2,
        "sls-skin": trials.sls_skin,
        "steroid-infections": safety.steroid_infections,
        "transplant": transplantation.transplant,
        "two-dose-levels": typical.two_dose_levels,
        "two-modes": typical.two_modes,
    }
)
