"""One small virtual SLS II, run once."""

import pytest

from rodnan.trial import run

SMALL = {"patients": 240, "pool": 1024, "replicates": 60, "force": True, "seed": 3}


@pytest.fixture(scope="session")
def small():
    return run("sls-2", workers=2, **SMALL)


@pytest.fixture(scope="session")
def conducted():
    """Conduct an arm of one's own in 48 virtual patients of SLS II: drugs in words -> course (and its design)."""
    from rodnan.disease.parameters import load_parameters
    from rodnan.evidence import load_study
    from rodnan.pharmacology import load_model, parse_treatment
    from rodnan.trial.cohort import enrol
    from rodnan.trial.conduct import conduct_arm
    from rodnan.trial.design import ArmDesign, design_from_study
    from rodnan.trial.settings import conduct_settings

    parameters = load_parameters()
    design = design_from_study(load_study("sls-2"))
    cohort = enrol(design, parameters, patients=48, pool_size=512, seed=5, force=True, workers=2)

    def conduct(words, weeks=52, changed=lambda model: model, background=(), stay=True):
        drugs = parse_treatment(words)
        models = {drug: changed(load_model(drug)) for drug in drugs}
        arm = ArmDesign("own", "own", None, drugs, models, words, tuple(background))
        return conduct_arm(
            arm,
            cohort,
            parameters,
            conduct_settings(),
            study="own",
            seed=5,
            weeks=weeks,
            stay=stay,
            workers=2,
        )

    conduct.cohort = cohort
    conduct.parameters = parameters
    return conduct
