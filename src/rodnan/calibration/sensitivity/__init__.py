"""What the summaries depend on, what the data inform, and what they leave to the prior."""

from rodnan.calibration.sensitivity.directions import Informed, class_map, fisher_by_unit, informed_directions
from rodnan.calibration.sensitivity.local import local_sensitivities
from rodnan.calibration.sensitivity.overlap import contraction
from rodnan.calibration.sensitivity.profile import Profile, profile_likelihood
from rodnan.calibration.sensitivity.total import sobol_indices

__all__ = [
    "Informed",
    "Profile",
    "class_map",
    "contraction",
    "fisher_by_unit",
    "informed_directions",
    "local_sensitivities",
    "profile_likelihood",
    "sobol_indices",
]
