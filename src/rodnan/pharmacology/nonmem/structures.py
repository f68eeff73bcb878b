"""Named structures: which compartments, which equations, which parameters.

A :class:`Skeleton` holds the equations as expressions of the parameters; nothing is computed here. Linear
structures have a rate matrix (``dA/dt = K A + input``), the others one expression per compartment.

===============================  ======================================================================
``ADVAN1``, ``ADVAN3``,          one, two, three compartments, dose into the central one
``ADVAN11``
``ADVAN2``, ``ADVAN4``,          the same after first-order absorption (compartment 1 is the depot)
``ADVAN12``
``ADVAN10``                      one compartment, ``dA1/dt = -VM A1/(KM + A1)``
``transit``                      a chain of transit compartments, depot, central and peripheral ones
``michaelis-menten``             ``-CL C - VMAX C/(KM + C)`` out of the central compartment
``tmdd-full``, ``tmdd-qe``,      target-mediated disposition (Mager and Jusko 2001; Gibiansky 2008)
``tmdd-qss``
``turnover-1`` to ``-4``         indirect response (Dayneka, Garg and Jusko 1993): drug inhibits production,
                                 inhibits loss, stimulates production, stimulates loss
``claret``, ``claret-closed``    tumour size under an effect that fades (Claret 2009), as equation and in
                                 closed form
===============================  ======================================================================

``TRANS`` chooses the parameters of the ADVAN structures as in PREDPP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rodnan.errors import ModelError, nearest_name

__all__ = ["STRUCTURES", "Skeleton", "add_turnover", "named_structure"]

STRUCTURES = (
    "ADVAN1",
    "ADVAN2",
    "ADVAN3",
    "ADVAN4",
    "ADVAN10",
    "ADVAN11",
    "ADVAN12",
    "transit",
    "michaelis-menten",
    "tmdd-full",
    "tmdd-qe",
    "tmdd-qss",
    "claret",
    "claret-closed",
)
"""Names that :func:`named_structure` knows; :func:`add_turnover` adds a response to any of them."""


@dataclass(frozen=True)
class Skeleton:
    """Equations of a structure, as text.

    Attributes
    ----------
    compartments
        Names, in NONMEM's order (compartment 1 first).
    parameters
        Names the equations need.
    rate_matrix
        Rows of K, or None.
    derivatives
        One expression a compartment, without the doses, or None.
    initial
        Compartment (from 1) -> amount at the start and after a reset.
    central
        Compartment (from 1) that is sampled.
    concentration
        Expression of the concentration there, None where there is none.
    derived
        Further names that outputs may use.
    """

    compartments: tuple[str, ...]
    parameters: tuple[str, ...]
    rate_matrix: tuple[tuple[str, ...], ...] | None = None
    derivatives: tuple[str, ...] | None = None
    initial: Mapping[int, str] = field(default_factory=dict)
    central: int = 1
    concentration: str | None = None
    derived: Mapping[str, str] = field(default_factory=dict)

    def equations(self) -> tuple[str, ...]:
        """Return the right-hand sides as expressions, also of a linear structure."""
        if self.derivatives is not None:
            return self.derivatives
        if self.rate_matrix is None:
            return tuple("0" for _ in self.compartments)
        rows = []
        for row in self.rate_matrix:
            terms = [f"({k})*A{j}" for j, k in enumerate(row, 1) if k != "0"]
            rows.append(" + ".join(terms) or "0")
        return tuple(rows)


@dataclass(frozen=True)
class _Trans:
    """One TRANS variant: parameters, elimination, and the rates to and from each peripheral compartment.

    {c} is the number of the central compartment, {p} and {q} those of the peripheral ones: PREDPP numbers its
    parameters by compartment, so that ADVAN4's K23 is ADVAN3's K12.
    """

    parameters: tuple[str, ...]
    elimination: str
    outward: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    volume: str | None = None

    def numbered(self, c: int, p: int, q: int) -> _Trans:
        """Return the variant with the numbers of the compartments filled in."""

        def fill(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text.format(c=c, p=p, q=q) for text in texts)

        (elimination,) = fill((self.elimination,))
        volume = None if self.volume is None else fill((self.volume,))[0]
        return _Trans(fill(self.parameters), elimination, fill(self.outward), fill(self.back), volume)


_K21_5 = "(AOB*BETA+ALPHA)/(AOB+1)"
_K6 = "ALPHA*BETA*GAMMA/(K{p}{c}*K{q}{c})"
_S6 = f"(ALPHA+BETA+GAMMA-{_K6}-K{{p}}{{c}}-K{{q}}{{c}})"  # sum of the two rates out of the central one
_P6 = f"(ALPHA*BETA+ALPHA*GAMMA+BETA*GAMMA-{_K6}*(K{{p}}{{c}}+K{{q}}{{c}})-K{{p}}{{c}}*K{{q}}{{c}})"
_TO_Q6 = f"(({_P6}-{_S6}*K{{q}}{{c}})/(K{{p}}{{c}}-K{{q}}{{c}}))"

_TRANS: Mapping[int, Mapping[int, _Trans]] = {
    1: {1: _Trans(("K",), "K"), 2: _Trans(("CL", "V"), "CL/V", volume="V")},
    2: {
        1: _Trans(("K", "K{c}{p}", "K{p}{c}"), "K", ("K{c}{p}",), ("K{p}{c}",)),
        3: _Trans(("CL", "V", "Q", "VSS"), "CL/V", ("Q/V",), ("Q/(VSS-V)",), "V"),
        4: _Trans(("CL", "V{c}", "Q", "V{p}"), "CL/V{c}", ("Q/V{c}",), ("Q/V{p}",), "V{c}"),
        5: _Trans(
            ("AOB", "ALPHA", "BETA"),
            f"ALPHA*BETA/({_K21_5})",
            (f"(ALPHA+BETA-{_K21_5}-ALPHA*BETA/({_K21_5}))",),
            (_K21_5,),
        ),
        6: _Trans(
            ("ALPHA", "BETA", "K{p}{c}"),
            "ALPHA*BETA/K{p}{c}",
            ("(ALPHA+BETA-K{p}{c}-ALPHA*BETA/K{p}{c})",),
            ("K{p}{c}",),
        ),
    },
    3: {
        1: _Trans(
            ("K", "K{c}{p}", "K{p}{c}", "K{c}{q}", "K{q}{c}"),
            "K",
            ("K{c}{p}", "K{c}{q}"),
            ("K{p}{c}", "K{q}{c}"),
        ),
        4: _Trans(
            ("CL", "V{c}", "Q{p}", "V{p}", "Q{q}", "V{q}"),
            "CL/V{c}",
            ("Q{p}/V{c}", "Q{q}/V{c}"),
            ("Q{p}/V{p}", "Q{q}/V{q}"),
            "V{c}",
        ),
        6: _Trans(
            ("ALPHA", "BETA", "GAMMA", "K{p}{c}", "K{q}{c}"),
            _K6,
            (f"({_S6}-{_TO_Q6})", _TO_Q6),
            ("K{p}{c}", "K{q}{c}"),
        ),
    },
}
"""Number of body compartments -> TRANS number -> variant."""


def _matrix(n: int, flows: list[tuple[int, int, str]]) -> tuple[tuple[str, ...], ...]:
    """Rate matrix of flows (from, to, rate); compartments from 1, to 0 leaves the body."""
    gains: dict[tuple[int, int], str] = {}
    losses: dict[int, list[str]] = {}
    for source, target, rate in flows:
        losses.setdefault(source, []).append(f"({rate})")
        if target:
            gains[target, source] = rate
    rows = []
    for i in range(1, n + 1):
        row = [gains.get((i, j), "0") for j in range(1, n + 1)]
        if i in losses:
            row[i - 1] = "-(" + "+".join(losses[i]) + ")"
        rows.append(tuple(row))
    return tuple(rows)


def _mammillary(
    bodies: int, before: list[str], flows_in: list[tuple[int, int, str]], trans: int, ka: list[str]
) -> Skeleton:
    """Central and peripheral compartments after the absorption compartments `before`."""
    table = _TRANS[bodies]
    if trans not in table:
        known = ", ".join(f"TRANS{t}" for t in table)
        raise ModelError("RDN-M405", f"this structure has {known}", where="trans", value=f"TRANS{trans}")
    central = len(before) + 1
    first = central if len(before) < 2 else 1  # after a transit chain the volumes count from 1
    variant = table[trans].numbered(first, first + 1, first + 2)
    flows = [*flows_in, (central, 0, variant.elimination)]
    for i, (out, home) in enumerate(zip(variant.outward, variant.back, strict=True), central + 1):
        flows += [(central, i, out), (i, central, home)]
    compartments = (*before, "central", *("peripheral", "peripheral2")[: bodies - 1])
    return Skeleton(
        compartments,
        (*ka, *variant.parameters),
        rate_matrix=_matrix(len(compartments), flows),
        central=central,
        concentration=f"A{central}/{variant.volume}" if variant.volume else None,
    )


_DEFAULT_TRANS = {1: 2, 2: 4, 3: 4}


def named_structure(
    name: str,
    trans: int | None = None,
    *,
    bodies: int = 1,
    depot: bool = False,
    transit: int = 0,
) -> Skeleton:
    """Return the equations of a named structure.

    Parameters
    ----------
    name
        One of :data:`STRUCTURES`; case does not matter.
    trans
        Number of the TRANS variant; by default 2 with one body compartment and 4 with more.
    bodies
        1, 2 or 3 body compartments of ``transit``; 1 or 2 of ``michaelis-menten`` and the target-mediated
        ones. The ADVAN structures have their own number.
    depot
        Whether ``michaelis-menten`` and the target-mediated ones begin with a depot (``KA``).
    transit
        Number of transit compartments of ``transit``, each left at ``(transit + 1)/MTT``.

    Returns
    -------
    Skeleton

    Raises
    ------
    ModelError
        ``RDN-M404`` no such structure; ``RDN-M405`` an option it does not have.
    """
    key = name.casefold().replace("_", "-")
    advan = {"advan1": (1, 0), "advan2": (1, 1), "advan3": (2, 0), "advan4": (2, 1)}
    advan |= {"advan11": (3, 0), "advan12": (3, 1)}
    if key in advan:
        bodies, absorption = advan[key]
        before = ["depot"][:absorption]
        return _mammillary(
            bodies,
            before,
            [(1, 2, "KA")][:absorption],
            trans or _DEFAULT_TRANS[bodies],
            ["KA"][:absorption],
        )
    if key == "advan10":
        return Skeleton(("central",), ("VM", "KM"), derivatives=("-VM*A1/(KM+A1)",))
    if key == "claret":
        equation = "KG*A1 - KS0*exp(-GAMMA*T)*ln(DOSE)*A1"
        names = ("KG", "KS0", "GAMMA", "DOSE", "BASE")
        return Skeleton(("response",), names, derivatives=(equation,), initial={1: "BASE"})
    if key == "claret-closed":
        closed = "BASE*exp(KG*TIME - KS0*ln(DOSE)/GAMMA*(1-exp(-GAMMA*TIME)))"
        names = ("KG", "KS0", "GAMMA", "DOSE", "BASE")
        return Skeleton(("response",), names, rate_matrix=(("0",),), derived={"RESP": closed})
    if key == "transit":
        if not 1 <= transit <= 50 or bodies not in (1, 2, 3):
            raise ModelError("RDN-M405", "1 to 50 transit and 1 to 3 body compartments", value=transit)
        before = [f"transit{i + 1}" for i in range(transit)] + ["depot"]
        leave = f"{transit + 1}/MTT"
        flows = [(i, i + 1, leave) for i in range(1, transit + 1)] + [(transit + 1, transit + 2, "KA")]
        return _mammillary(bodies, before, flows, trans or _DEFAULT_TRANS[bodies], ["MTT", "KA"])
    if key == "michaelis-menten":
        return _saturable(bodies, depot)
    if key in ("tmdd-full", "tmdd-qe", "tmdd-qss"):
        return _target_mediated(key.removeprefix("tmdd-"), bodies, depot)
    raise ModelError(
        "RDN-M404", "no such structure", where="structure", value=name, nearest=nearest_name(name, STRUCTURES)
    )


def _pieces(bodies: int, depot: bool) -> tuple[list[str], list[str], int, str]:
    """Names of compartments and parameters, number of the central one, its central volume."""
    if bodies not in (1, 2):
        raise ModelError("RDN-M405", "this structure has 1 or 2 body compartments", value=bodies)
    names = (["depot"] if depot else []) + ["central"] + (["peripheral"] if bodies == 2 else [])
    c = 2 if depot else 1
    v = "V" if bodies == 1 else f"V{c}"
    parameters = (["KA"] if depot else []) + ["CL", v] + (["Q", f"V{c + 1}"] if bodies == 2 else [])
    return names, parameters, c, v


def _disposition(bodies: int, depot: bool, c: int, v: str, free: str, sink: str) -> list[str]:
    """Equations of depot, central, peripheral; `free` is the free concentration, `sink` its further loss."""
    central = f"-CL*({free}) - {sink}"
    equations = []
    if depot:
        equations.append("-KA*A1")
        central = "KA*A1 " + central
    if bodies == 2:
        central += f" - Q*({free}) + Q*A{c + 1}/V{c + 1}"
    equations.append(central)
    if bodies == 2:
        equations.append(f"Q*({free}) - Q*A{c + 1}/V{c + 1}")
    return equations


def _saturable(bodies: int, depot: bool) -> Skeleton:
    names, parameters, c, v = _pieces(bodies, depot)
    free = f"A{c}/{v}"
    equations = _disposition(bodies, depot, c, v, free, f"VMAX*({free})/(KM + {free})")
    parameters += ["VMAX", "KM"]
    return Skeleton(
        tuple(names), tuple(parameters), derivatives=tuple(equations), central=c, concentration=free
    )


def _target_mediated(kind: str, bodies: int, depot: bool) -> Skeleton:
    """Central amounts; target (and complex) concentrations in the last compartments."""
    names, parameters, c, v = _pieces(bodies, depot)
    r = len(names) + 1  # the target
    if kind == "full":
        free = f"A{c}/{v}"
        bind = f"KON*({free})*A{r}"
        equations = _disposition(bodies, depot, c, v, free, f"{v}*({bind} - KOFF*A{r + 1})")
        equations += [
            f"KSYN - KDEG*A{r} - {bind} + KOFF*A{r + 1}",
            f"{bind} - (KOFF + KINT)*A{r + 1}",
        ]
        names += ["target", "complex"]
        parameters += ["KON", "KOFF", "KINT", "KSYN", "KDEG"]
    else:
        constant = {"qe": "KD", "qss": "KSS"}[kind]
        free = f"free(A{c}/{v}, A{r}, {constant})"
        bound = f"A{r}*{free}/({constant} + {free})"
        equations = _disposition(bodies, depot, c, v, free, f"{v}*KINT*{bound}")
        equations.append(f"KSYN - KDEG*A{r} - (KINT - KDEG)*{bound}")
        names.append("target")
        parameters += [constant, "KINT", "KSYN", "KDEG"]
    return Skeleton(
        tuple(names),
        tuple(parameters),
        derivatives=tuple(equations),
        initial={r: "KSYN/KDEG"},
        central=c,
        concentration=free,
    )


def add_turnover(skeleton: Skeleton, kind: int, *, driver: str | None = None, hill: bool = False) -> Skeleton:
    """Return the structure with an indirect response after it.

    Parameters
    ----------
    skeleton
        The kinetics.
    kind
        1 the drug inhibits production, 2 inhibits loss, 3 stimulates production, 4 stimulates loss of the
        response. Parameters: ``KIN``, ``KOUT``, and ``IMAX``, ``IC50`` (1, 2) or ``EMAX``, ``EC50`` (3, 4).
    driver
        Expression that drives the effect; by default the concentration of the structure.
    hill
        Whether the effect has an exponent ``HILL``.

    Returns
    -------
    Skeleton
        One compartment more, ``response``, which starts at ``KIN/KOUT``.

    Raises
    ------
    ModelError
        ``RDN-M405`` no such kind, or nothing that could drive the response.
    """
    if kind not in (1, 2, 3, 4):
        raise ModelError("RDN-M405", "a turnover model is of kind 1, 2, 3 or 4", value=kind)
    c = driver or skeleton.concentration
    if c is None:
        raise ModelError("RDN-M405", "say what drives the response: this structure has no concentration")
    maximum, half = ("IMAX", "IC50") if kind < 3 else ("EMAX", "EC50")
    size, middle = f"max({c}, 0)", half
    if hill:
        size, middle = f"{size}^HILL", f"{half}^HILL"
    sign = "-" if kind < 3 else "+"
    effect = f"(1 {sign} {maximum}*{size}/({middle} + {size}))"
    r = len(skeleton.compartments) + 1
    response = f"KIN*{effect} - KOUT*A{r}" if kind in (1, 3) else f"KIN - KOUT*{effect}*A{r}"
    names = ["KIN", "KOUT", maximum, half] + (["HILL"] if hill else [])
    return replace(
        skeleton,
        compartments=(*skeleton.compartments, "response"),
        parameters=(*skeleton.parameters, *names),
        rate_matrix=None,
        derivatives=(*skeleton.equations(), response),
        initial={**skeleton.initial, r: "KIN/KOUT"},
    )
