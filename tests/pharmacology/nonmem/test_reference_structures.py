"""Named structures against closed forms, against each other, and against limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from reference.nonmem_tables import relative, run_yaml
from rodnan.errors import DoseError, ModelError
from rodnan.pharmacology.nonmem.structures import add_turnover, named_structure

TIMES = np.array([0.0, 0.3, 1.0, 2.5, 7.0, 24.0])


def _times(dose="0,1,100,1,0,0,0,0", times=TIMES, more=""):
    rows = ["ID,TIME,EVID,AMT,CMT,RATE,II,ADDL,SS" + (",X" if more else ""), f"1,{dose}{more}"]
    return "\n".join(rows + [f"1,{t!r},0,0,1,0,0,0,0{more}" for t in map(float, times)]) + "\n"


def _amounts(structure, trans, parameters, dose="0,1,100,1,0,0,0,0"):
    text = (
        f"{{name: m, structure: {structure}, trans: {trans}, outputs: {{X: A1}}, parameters: {parameters}}}"
    )
    return run_yaml(text, _times(dose)).amounts[1:]


def test_one_compartment_bolus_and_oral_are_the_textbook_curves():
    ka, cl, v = 1.5, 2.0, 10.0
    k = cl / v
    iv = _amounts("ADVAN1", 2, "{CL: 2, V: 10}")[:, 0]
    assert iv == pytest.approx(100.0 * np.exp(-k * TIMES), rel=1e-12)
    oral = _amounts("ADVAN2", 2, "{KA: 1.5, CL: 2, V: 10}")[:, 1]
    assert oral == pytest.approx(
        100.0 * ka / (ka - k) * (np.exp(-k * TIMES) - np.exp(-ka * TIMES)), rel=1e-10, abs=1e-12
    )
    infused = _amounts("ADVAN1", 2, "{CL: 2, V: 10}", "0,1,100,1,20,0,0,0")[:, 0]
    during, after = np.minimum(TIMES, 5.0), np.maximum(TIMES - 5.0, 0.0)
    assert infused == pytest.approx(20.0 / k * (1.0 - np.exp(-k * during)) * np.exp(-k * after), rel=1e-11)


def test_two_compartments_are_the_textbook_curve_in_every_parameterisation():
    cl, v1, q, v2 = 2.0, 10.0, 3.0, 30.0
    k, k12, k21 = cl / v1, q / v1, q / v2
    total = k + k12 + k21
    root = math.sqrt(total * total - 4.0 * k * k21)
    alpha, beta = (total + root) / 2.0, (total - root) / 2.0
    a, b = (alpha - k21) / (alpha - beta), (k21 - beta) / (alpha - beta)
    expected = 100.0 * (a * np.exp(-alpha * TIMES) + b * np.exp(-beta * TIMES))
    variants = {
        1: f"{{K: {k}, K12: {k12}, K21: {k21}}}",
        3: f"{{CL: {cl}, V: {v1}, Q: {q}, VSS: {v1 + v2}}}",
        4: f"{{CL: {cl}, V1: {v1}, Q: {q}, V2: {v2}}}",
        5: f"{{AOB: {a / b!r}, ALPHA: {alpha!r}, BETA: {beta!r}}}",
        6: f"{{ALPHA: {alpha!r}, BETA: {beta!r}, K21: {k21}}}",
    }
    for trans, parameters in variants.items():
        assert _amounts("ADVAN3", trans, parameters)[:, 0] == pytest.approx(expected, rel=1e-10), trans


@pytest.mark.parametrize(
    ("structure", "variants"),
    [
        (
            "ADVAN4",
            {
                1: "{KA: 1.2, K: 0.2, K23: 0.3, K32: 0.1}",
                3: "{KA: 1.2, CL: 2, V: 10, Q: 3, VSS: 40}",
                4: "{KA: 1.2, CL: 2, V2: 10, Q: 3, V3: 30}",
                6: "{KA: 1.2, ALPHA: 0.6-BETA, BETA: 0.3-sqrt(0.07), K32: 0.1}",
            },
        ),
        (
            "ADVAN12",
            {
                1: "{KA: 1.2, K: 0.2, K23: 0.3, K32: 0.1, K24: 0.05, K42: 0.01}",
                4: "{KA: 1.2, CL: 2, V2: 10, Q3: 3, V3: 30, Q4: 0.5, V4: 50}",
            },
        ),
        (
            "ADVAN11",
            {
                1: "{K: 0.2, K12: 0.3, K21: 0.1, K13: 0.05, K31: 0.01}",
                4: "{CL: 2, V1: 10, Q2: 3, V2: 30, Q3: 0.5, V3: 50}",
            },
        ),
    ],
)
def test_parameterisations_of_one_structure_agree(structure, variants):
    first, *others = (_amounts(structure, t, p) for t, p in variants.items())
    for other in others:
        assert relative(other, first) < 1e-12


@pytest.mark.parametrize(("structure", "suffix"), [("ADVAN11", ("21", "31")), ("ADVAN12", ("32", "42"))])
def test_three_exponents_give_back_their_own_curve(structure, suffix):
    """TRANS 6 has no other form to compare with: its amounts must decay with exactly its exponents."""
    alpha, beta, gamma, ka = 1.1, 0.23, 0.017, 2.0
    parameters = f"ALPHA: {alpha}, BETA: {beta}, GAMMA: {gamma}, K{suffix[0]}: 0.4, K{suffix[1]}: 0.05"
    ka_text = f"KA: {ka}, " if structure == "ADVAN12" else ""
    spec = named_structure(structure, 6)
    assert spec.rate_matrix is not None
    n = len(spec.compartments)
    text = f"{{name: m, structure: {structure}, trans: TRANS6, outputs: {{X: A1}}, parameters: {{{ka_text}{parameters}}}}}"
    unit = [run_yaml(text, _times(f"0,1,1,{i + 1},0,0,0,0", [1.0])).amounts[1] for i in range(n)]
    rates = -np.log(np.linalg.eigvals(np.array(unit).T).real)
    expected = [alpha, beta, gamma] + ([ka] if structure == "ADVAN12" else [])
    assert sorted(rates) == pytest.approx(sorted(expected), rel=1e-8)


def test_a_transit_chain_is_a_gamma_density():
    n, mtt, ka, k = 4, 3.0, 1.7, 0.3
    done = run_yaml(
        "{name: m, structure: transit, transit: 4, parameters: {MTT: 3, KA: 1.7, CL: 3, V: 10}}", _times()
    )
    ktr = (n + 1) / mtt

    def reached(s, t):  # what entered the depot at s (Erlang density) and is central at t
        entering = 100.0 * ktr * (ktr * s) ** (n - 1) / math.factorial(n - 1) * math.exp(-ktr * s)
        return entering * ka / (ka - k) * (math.exp(-k * (t - s)) - math.exp(-ka * (t - s)))

    for t, amount in zip(TIMES, done.amounts[1:, n + 1], strict=True):
        expected, _ = quad(reached, 0.0, t, args=(t,), epsabs=1e-12, epsrel=1e-12)
        assert amount == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_saturable_elimination_follows_its_implicit_solution():
    early = TIMES[:-1]
    model = "{name: m, structure: ADVAN10, parameters: {VM: 20, KM: 8}, outputs: {X: A1}}"
    a = run_yaml(model, _times(times=early)).amounts[1:, 0]
    assert 8.0 * np.log(100.0 / a) + 100.0 - a == pytest.approx(20.0 * early, rel=1e-8, abs=1e-8)


def test_saturable_elimination_at_low_concentration_is_a_clearance():
    low = _times("0,1,1e-6,1,0,0,0,0")
    a = run_yaml(
        "{name: m, structure: michaelis-menten, depot: true, bodies: 2, parameters: "
        "{KA: 1, CL: 1, V2: 10, Q: 2, V3: 20, VMAX: 6, KM: 3}}",
        low,
    )
    b = run_yaml("{name: m, structure: ADVAN4, parameters: {KA: 1, CL: 3, V2: 10, Q: 2, V3: 20}}", low)
    assert relative(a.amounts, b.amounts) < 1e-6


@pytest.mark.parametrize(
    ("dose", "level"),
    [("0,1,0,1,6,0,0,1", 6.0), ("0,1,72,1,6,12,0,1", 6.0)],
)
def test_steady_state_of_saturable_elimination_is_exact(dose, level):
    """VMAX A/(KM + A) = rate, both for an infusion that stops and for infusions that meet."""
    done = run_yaml(
        "{name: m, structure: ADVAN10, parameters: {VM: 20, KM: 8}, outputs: {X: A1}}", _times(dose)
    )
    assert done.amounts[0, 0] == pytest.approx(8.0 * level / (20.0 - level), rel=1e-7)


def test_a_dose_that_cannot_be_eliminated_has_no_steady_state():
    for dose in ("0,1,250,1,0,12,0,1", "0,1,0,1,21,0,0,1"):
        with pytest.raises(DoseError, match="RDN-D176"):
            run_yaml(
                "{name: m, structure: ADVAN10, parameters: {VM: 20, KM: 8}, outputs: {X: A1}}", _times(dose)
            )


TMDD = (
    "{{name: m, structure: tmdd-{}, bodies: 2, parameters: "
    "{{CL: 0.2, V1: 3, Q: 0.4, V2: 2, {} KINT: 0.05, KSYN: 0.4, KDEG: 0.2}}}}"
)
NONLINEAR = {
    "mm": "{name: m, structure: ADVAN10, parameters: {VM: 12, KM: 8}, outputs: {X: A1}}",
    "full": TMDD.format("full", "KON: 3, KOFF: 0.2,"),
    "qss": TMDD.format("qss", "KSS: 0.1,"),
    "turnover": "{name: m, structure: ADVAN1, turnover: {kind: 3}, parameters: "
    "{CL: 1, V: 5, KIN: 8, KOUT: 0.2, EMAX: 2, EC50: 6}}",
}


@pytest.mark.parametrize("name", NONLINEAR)
@pytest.mark.parametrize("rate", ["0", "2.5"])
def test_a_nonlinear_steady_state_is_what_many_doses_lead_to(name, rate):
    """Rate 2.5: infusions of 16 h every 12 h; those before the record go on, and one begins there."""
    n = 40
    steady = _times(f"0,1,40,1,{rate},12,0,1", [0.0, 3.0, 11.0])
    many = _times(f"{-12 * n},1,40,1,{rate},12,{n},0", [0.0, 3.0, 11.0])
    a, b = (run_yaml(NONLINEAR[name], text).amounts for text in (steady, many))
    assert a[1:] == pytest.approx(b[1:], rel=1e-6)


def _binding(kind):
    constants = {"full": "KON: 4000, KOFF: 400,", "qe": "KD: 0.1,", "qss": "KSS: 0.1,"}[kind]
    return run_yaml(TMDD.format(kind, constants), _times("0,1,10,1,0,0,0,0", [1.0, 5.0, 20.0, 60.0]))


def test_target_mediated_disposition_with_fast_binding_is_the_equilibrium_model():
    full, qe, qss = (_binding(kind) for kind in ("full", "qe", "qss"))
    free = full.outputs["CP"][1:]
    assert qe.outputs["CP"][1:] == pytest.approx(free, rel=2e-3)
    assert qss.outputs["CP"][1:] == pytest.approx(qe.outputs["CP"][1:], rel=1e-12)
    total_target = full.amounts[1:, 2] + full.amounts[1:, 3]
    assert qe.amounts[1:, 2] == pytest.approx(total_target, rel=2e-3)
    assert qe.amounts[1:, 0] == pytest.approx(full.amounts[1:, 0] + 3.0 * full.amounts[1:, 3], rel=2e-3)


def test_target_mediated_disposition_equals_its_equations_integrated_apart():
    def slope(_, y):
        c, p, r, rc = y[0] / 3.0, y[1] / 2.0, y[2], y[3]
        bound = 3.0 * c * r - 0.2 * rc
        return [
            3.0 * (-0.2 / 3.0 * c - bound) - 0.4 * c + 0.4 * p,
            0.4 * c - 0.4 * p,
            0.4 - 0.2 * r - bound,
            bound - 0.05 * rc,
        ]

    times = [1.0, 5.0, 20.0, 60.0]
    apart = solve_ivp(
        slope, (0.0, 60.0), [10.0, 0.0, 2.0, 0.0], "Radau", t_eval=times, rtol=1e-11, atol=1e-13
    )
    done = run_yaml(NONLINEAR["full"], _times("0,1,10,1,0,0,0,0", times))
    assert done.amounts[1:] == pytest.approx(apart.y.T, rel=1e-7, abs=1e-9)


FACTORS = {1: lambda e: 1 - e, 2: lambda e: 1 / (1 - e), 3: lambda e: 1 + e, 4: lambda e: 1 / (1 + e)}


@pytest.mark.parametrize("kind", FACTORS)
@pytest.mark.parametrize("hill", [False, True])
def test_a_response_under_constant_concentration_is_where_production_meets_loss(kind, hill):
    """C = 3 for ever: effect 0.8 C/(C + 2), or with the exponent 2 0.8 C^2/(C^2 + 4)."""
    top, half = ("IMAX", "IC50") if kind < 3 else ("EMAX", "EC50")
    model = (
        f"{{name: m, structure: ADVAN1, turnover: {{kind: {kind}, hill: {str(hill).lower()}}}, parameters: "
        f"{{CL: 2, V: 5, KIN: 8, KOUT: 0.2, {top}: 0.8, {half}: 2{', HILL: 2' if hill else ''}}}}}"
    )
    done = run_yaml(model, _times("0,1,0,1,6,0,0,1"))
    effect = 0.8 * (9.0 / 13.0 if hill else 3.0 / 5.0)
    assert done.amounts[0] == pytest.approx([15.0, 40.0 * FACTORS[kind](effect)], rel=1e-7)
    rest = run_yaml(model, "ID,TIME,EVID,AMT,CMT,SS\n1,0,0,0,1,0\n1,9,0,0,1,0\n1,9,1,0,1,1\n1,30,3,0,1,0\n")
    assert rest.amounts[:, 1] == pytest.approx([40.0] * 4, rel=1e-9)  # baseline, its steady state, a reset


def test_a_tumour_that_the_dose_never_changes_follows_the_closed_form():
    text = _times("0,0,0,1,0,0,0,0", more=",10").replace(",X", ",DOSE")
    parameters = "parameters: {KG: 0.6, KS0: 0.4, GAMMA: 0.8, BASE: 70}"
    a = run_yaml(f"{{name: m, structure: claret, {parameters}, outputs: {{Y: A1}}}}", text)
    b = run_yaml(f"{{name: m, structure: claret-closed, {parameters}, outputs: {{Y: RESP}}}}", text)
    assert a.outputs["Y"] == pytest.approx(b.outputs["Y"], rel=1e-8)
    dosed = "ID,TIME,EVID,AMT,SS,II,DOSE\n1,0,1,1,1,12,10\n"
    with pytest.raises(DoseError, match="RDN-D176"):
        run_yaml(f"{{name: m, structure: claret, {parameters}, outputs: {{Y: A1}}}}", dosed)


def test_a_modelled_rate_changes_with_its_record_and_the_amount_stays():
    text = (
        "ID,TIME,EVID,AMT,CMT,RATE,R1\n1,0,1,100,1,-1,10\n1,4,0,0,1,0,10\n"
        "1,6,0,0,1,0,20\n1,9,0,0,1,0,5\n1,12,0,0,1,0,50\n1,20,0,0,1,0,50\n"
    )
    done = run_yaml("{name: m, compartments: [x], rate_matrix: [[0]], outputs: {X: x}}", text)
    assert done.amounts[:, 0] == pytest.approx([0.0, 40.0, 80.0, 95.0, 100.0, 100.0], rel=1e-12)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: named_structure("ADVAN5"), "RDN-M404"),
        (lambda: named_structure("ADVAN2", 4), "RDN-M405"),
        (lambda: named_structure("tmdd-qe", bodies=3), "RDN-M405"),
        (lambda: named_structure("transit"), "RDN-M405"),
        (lambda: add_turnover(named_structure("ADVAN1", 1), 1), "RDN-M405"),
        (lambda: add_turnover(named_structure("ADVAN1"), 5), "RDN-M405"),
    ],
)
def test_options_that_a_structure_does_not_have_are_refused(make, code):
    with pytest.raises(ModelError) as caught:
        make()
    assert caught.value.code == code


SATURABLE = "{name: m, structure: ADVAN10, parameters: {VM: 30, KM: 20}, outputs: {C: A1}}"


def _table(*rows):
    return "\n".join(["ID,TIME,EVID,AMT,CMT,RATE,II,ADDL,SS", *rows]) + "\n"


@pytest.mark.parametrize("rate", [0.0, 50.0])
def test_ss_2_of_a_nonlinear_model_is_the_sum_that_nonmem_defines(rate):
    """The state as it would be, plus the steady state of the dose alone; then the equations go on from the sum."""
    before = run_yaml(SATURABLE, _table("1,0,1,80,1,0,0,0,0", "1,6,0,0,1,0,0,0,0")).amounts[1, 0]
    alone = run_yaml(SATURABLE, _table(f"1,0,1,100,1,{rate},12,0,1")).amounts[0, 0]
    rows = ("1,0,1,80,1,0,0,0,0", f"1,6,1,100,1,{rate},12,0,2", "1,9,0,0,1,0,0,0,0")
    done = run_yaml(SATURABLE, _table(*rows))
    assert done.amounts[1, 0] == pytest.approx(before + alone, rel=1e-9)

    def slope(t, x, fed):
        return [fed - 30.0 * x[0] / (20.0 + x[0])]

    x, now = before + alone, 0.0
    for until, fed in ((2.0, rate), (3.0, 0.0)):
        options = {"rtol": 1e-11, "atol": 1e-12, "args": (fed,)}
        x = solve_ivp(slope, (now, until), [x], method="DOP853", **options).y[0, -1]
        now = until
    assert done.amounts[2, 0] == pytest.approx(x, rel=1e-8)


def test_ss_2_of_a_nonlinear_model_is_told_once_and_of_a_linear_one_not_at_all():
    rows = ("1,0,1,80,1,0,0,0,0", "1,6,1,100,1,0,12,0,2", "1,8,1,50,1,0,12,0,2", "1,9,1,0,1,5,0,0,2")
    (notice,) = run_yaml(SATURABLE, _table(*rows)).notices
    assert notice.startswith("row 3: SS 2 adds the steady state")
    linear = "{name: m, structure: ADVAN1, parameters: {CL: 1, V: 10}}"
    assert run_yaml(linear, _table(*rows)).notices == ()
