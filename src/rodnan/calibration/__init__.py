"""Calibration and validation of the disease model against published numbers."""

from rodnan.calibration.courses import Courses
from rodnan.calibration.natural_history import natural_history, targets
from rodnan.calibration.quick_fit import fit_untreated

__all__ = ["Courses", "fit_untreated", "natural_history", "targets"]
