"""Network meta-analysis against the numbers that publications print for published networks."""

from __future__ import annotations

import numpy as np
import pytest

from evidence.synthesis.published_numbers import AGONISTS, GLUCOSE, PARKINSON, SMOKING
from rodnan.evidence.synthesis.consistency import decompose, node_splits
from rodnan.evidence.synthesis.network_fit import arm_contrasts, network
from rodnan.evidence.synthesis.ranking import rank_treatments


def means(studies):
    """Contrasts of arms given as (mean, SD, n)."""
    contrasts = []
    for i, arms in enumerate(studies):
        contrasts += arm_contrasts(str(i), {t: (m, sd / np.sqrt(n)) for t, (m, sd, n) in arms.items()})
    return contrasts


def parkinson(tau="DL"):
    return network(means(PARKINSON), reference="placebo", tau=tau)


def glucose(tau):
    arms = [{t: (m, sd, n) for t, (n, m, sd) in a.items()} for a in GLUCOSE.values()]
    return network(means(arms), reference="placebo", tau=tau)


def smoking():
    contrasts = []
    for i, arms in enumerate(SMOKING):
        logits = {}
        for treatment, (x, n) in arms.items():
            a, b = x + 0.5, n - x + 0.5
            logits[treatment] = (float(np.log(a / b)), float(np.sqrt(1 / a + 1 / b)))
        contrasts += arm_contrasts(str(i), logits)
    return network(contrasts, reference="no contact", tau="REML")


class TestParkinson:
    """Balduzzi, Ruecker, Nikolakopoulou et al., J Stat Softw 2023;106(2), section 5.1 (netmeta, DL)."""

    @pytest.mark.parametrize(
        ("treatment", "estimate", "low", "high"),
        [("COMTI", -0.95, -1.27, -0.63), ("DA", -1.49, -1.86, -1.12), ("MAOBI", -1.03, -1.56, -0.50)],
    )
    def test_effects(self, treatment, estimate, low, high):
        r = parkinson().relative(treatment, "placebo")
        assert (r.estimate, r.low, r.high) == pytest.approx((estimate, low, high), abs=5.1e-3)

    def test_heterogeneity(self):
        fitted = parkinson()
        assert fitted.tau2 == pytest.approx(0.1518, abs=6e-5)
        assert fitted.q == pytest.approx(48.15, abs=6e-3)
        assert fitted.df == 27
        assert fitted.i2 == pytest.approx(43.9, abs=0.06)

    def test_design_decomposition(self):
        d = decompose(parkinson())
        assert (d.within.q, d.within.df, d.within.p) == pytest.approx((46.91, 25, 0.0050), abs=6e-3)
        assert (d.between.q, d.between.df, d.between.p) == pytest.approx((1.24, 2, 0.5376), abs=6e-3)
        found = {p.name: (p.q, p.df) for p in d.designs}
        assert found["COMTI:placebo"] == pytest.approx((23.65, 10), abs=6e-3)
        assert found["DA:placebo"] == pytest.approx((21.70, 14), abs=6e-3)
        assert found["MAOBI:placebo"] == pytest.approx((1.56, 1), abs=6e-3)

    def test_design_by_treatment_interaction(self):
        d = decompose(parkinson())
        assert (d.between_random.q, d.between_random.p) == pytest.approx((0.45, 0.7968), abs=5e-3)
        assert d.tau2_within == pytest.approx(0.2067, abs=6e-5)

    @pytest.mark.parametrize(
        ("pair", "studies", "share", "direct", "indirect", "difference", "z", "p"),
        [
            (("COMTI", "MAOBI"), 1, 0.44, -0.02, 0.17, -0.19, -0.33, 0.7450),
            (("COMTI", "placebo"), 12, 0.98, -0.93, -1.65, 0.72, 0.66, 0.5071),
            (("MAOBI", "placebo"), 3, 0.90, -1.03, -1.08, 0.05, 0.06, 0.9544),
        ],
    )
    def test_direct_against_indirect(self, pair, studies, share, direct, indirect, difference, z, p):
        split = next(s for s in node_splits(parkinson()) if {s.first, s.second} == set(pair))
        sign = 1 if (split.first, split.second) == pair else -1
        assert split.studies == studies
        assert split.share == pytest.approx(share, abs=5.1e-3)
        assert sign * split.direct[0] == pytest.approx(direct, abs=5.1e-3)
        assert sign * split.indirect[0] == pytest.approx(indirect, abs=5.1e-3)
        assert sign * split.difference == pytest.approx(difference, abs=5.1e-3)
        assert sign * split.z == pytest.approx(z, abs=6e-3)
        assert split.p == pytest.approx(p, abs=6e-5)

    def test_wholly_direct_comparison_has_no_indirect_part(self):
        split = next(s for s in node_splits(parkinson()) if {s.first, s.second} == {"DA", "placebo"})
        assert split.indirect is None
        assert split.p is None

    def test_p_scores(self):
        found = {r.treatment: r for r in rank_treatments(parkinson(), higher_is_better=False)}
        published = {"DA": 0.9677, "MAOBI": 0.5664, "COMTI": 0.4659, "placebo": 0.0000}
        for name, score in published.items():
            assert found[name].p_score == pytest.approx(score, abs=6e-5)

    def test_rank_probabilities(self):
        """Printed from 1000 draws (standard error up to 0.016); ours from 20000: no false alarm in 1000."""
        found = {r.treatment: r for r in rank_treatments(parkinson(), higher_is_better=False)}
        for name, first in {"DA": 0.917, "MAOBI": 0.077, "COMTI": 0.006}.items():
            assert found[name].probabilities[0] == pytest.approx(first, abs=0.035)
        assert found["DA"].sucra == pytest.approx(0.9713, abs=0.02)
        assert (found["placebo"].low, found["placebo"].high) == (4, 4)

    def test_league(self):
        fitted = parkinson()
        assert fitted.relative("DA", "MAOBI").estimate == pytest.approx(-0.46, abs=5.1e-3)
        assert fitted.relative("DA", "COMTI").estimate == pytest.approx(-0.55, abs=5.1e-3)
        assert fitted.relative("MAOBI", "COMTI").estimate == pytest.approx(-0.09, abs=5.1e-3)


class TestGlucoseLowering:
    """Senn 2013 as fitted on the help page of metadat's dat.senn2013 (arm-based, study effects fixed, rho 1/2)."""

    FIXED = {  # noqa: RUF012
        "acarbose": (-0.8273, 0.1085), "benfluorex": (-0.9051, 0.1271), "metformin": (-1.1140, 0.0596),
        "miglitol": (-0.9438, 0.1269), "pioglitazone": (-1.0663, 0.0758), "rosiglitazone": (-1.2019, 0.0477),
        "sitagliptin": (-0.5700, 0.1291), "sulfonylurea": (-0.4394, 0.0915), "vildagliptin": (-0.7000, 0.1273),
    }  # fmt: skip
    RANDOM = {  # noqa: RUF012
        "acarbose": (-0.8414, 0.2384), "benfluorex": (-0.7369, 0.2776), "metformin": (-1.1284, 0.1494),
        "miglitol": (-0.9499, 0.2253), "pioglitazone": (-1.1294, 0.2119), "rosiglitazone": (-1.2337, 0.1235),
        "sitagliptin": (-0.5700, 0.3414), "sulfonylurea": (-0.4175, 0.2326), "vildagliptin": (-0.7000, 0.3408),
    }  # fmt: skip

    def test_fixed_effects(self):
        fitted = glucose("fixed")
        assert (fitted.q, fitted.df) == pytest.approx((96.9841, 18), abs=6e-5)
        for name, expected in self.FIXED.items():
            r = fitted.relative(name, "placebo")
            assert (r.estimate, r.se) == pytest.approx(expected, abs=6e-5), name

    def test_random_effects_reml(self):
        fitted = glucose("REML")
        assert fitted.tau2 == pytest.approx(0.0999, abs=6e-5)
        for name, expected in self.RANDOM.items():
            r = fitted.relative(name, "placebo")
            assert (r.estimate, r.se) == pytest.approx(expected, abs=6e-5), name


class TestSmokingCessation:
    """Hasselblad 1998 as fitted on the help page of metadat's dat.hasselblad1998 (REML, 1/2 added to all cells)."""

    def test_effects(self):
        fitted = smoking()
        assert fitted.tau2 == pytest.approx(0.4324, abs=6e-5)
        assert (fitted.q, fitted.df) == pytest.approx((202.3334, 23), abs=6e-5)
        for name, expected in {
            "self-help": (0.3888, 0.3221),
            "individual": (0.6864, 0.1904),
            "group": (0.8438, 0.3641),
        }.items():
            r = fitted.relative(name, "no contact")
            assert (r.estimate, r.se) == pytest.approx(expected, abs=6e-5), name

    @pytest.mark.parametrize(
        ("a", "b", "ratio", "low", "high"),
        [
            ("individual", "self-help", 1.35, 0.70, 2.58),
            ("group", "self-help", 1.58, 0.72, 3.43),
            ("group", "individual", 1.17, 0.59, 2.30),
        ],
    )
    def test_odds_ratios_between_interventions(self, a, b, ratio, low, high):
        r = smoking().relative(a, b)
        assert np.exp((r.estimate, r.low, r.high)) == pytest.approx((ratio, low, high), abs=5.1e-3)


def test_dopamine_agonists_fixed_effects():
    """multinma's fit of the data of Technical Support Document 2; printed from MCMC (error up to 0.02)."""
    fitted = network(means(AGONISTS), reference="4", tau="fixed")
    for code, mean, sd in (("1", 0.54, 0.47), ("2", -1.26, 0.52), ("3", 0.05, 0.33), ("5", -0.30, 0.22)):
        r = fitted.relative(code, "4")
        assert r.estimate == pytest.approx(mean, abs=0.045)
        assert r.se == pytest.approx(sd, abs=0.025)
