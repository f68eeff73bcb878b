"""What the summaries depend on, what the data inform, and what they leave to the prior."""

from rodnan.calibration.sensitivity.analysis import analyse, main_readouts
from rodnan.calibration.sensitivity.directions import Informed, class_map, fisher_by_unit, informed_directions
from rodnan.calibration.sensitivity.local import local_sensitivities
from rodnan.calibration.sensitivity.overlap import contraction
from rodnan.calibration.sensitivity.profile import Profile, profile_likelihood
from rodnan.calibration.sensitivity.total import sobol_indices

__all__ = [
    "Informed",
    "Profile",
    "analyse",
    "class_map",
    "contraction",
    "fisher_by_unit",
    "informed_directions",
    "local_sensitivities",
    "main_readouts",
    "profile_likelihood",
    "sobol_indices",
]
