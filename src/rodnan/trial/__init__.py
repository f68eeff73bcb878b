"""What if: designs, conduct and analysis of virtual trials.

`run` takes a study on record to its result; `design_from_study`, `enrol` and `conduct_arm` are its parts.
"""

from rodnan.trial.cohort import Cohort, enrol
from rodnan.trial.conduct import ArmCourse, conduct_arm
from rodnan.trial.design import ArmDesign, TrialDesign, design_from_study
from rodnan.trial.run import run
from rodnan.trial.settings import Conduct, conduct_settings

__all__ = [
    "ArmCourse",
    "ArmDesign",
    "Cohort",
    "Conduct",
    "TrialDesign",
    "conduct_arm",
    "conduct_settings",
    "design_from_study",
    "enrol",
    "run",
]
