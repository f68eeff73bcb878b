"""Compartmental structures: which compartments there are, how they are joined, and their rate matrix.

Every linear structure is a set of *flows*, each with a first-order rate constant that is a product of named
parameters: ``CL/V1`` out of the central compartment, ``Q/V1`` to the first peripheral one and ``Q/V2``
back, ``ka`` out of the depot, and so on. :func:`build_structure` lays the flows of the usual structures;
from values of the parameters :meth:`Structure.rate_matrix` makes the matrix K of ``dA/dt = K A + input``,
for any number of patients at once. Units are the package's: mg, L, day, rates 1/day.

Parameter names
---------------
==============================  ===========================================================================
``CL``, ``V1``                  clearance (L/day) and central volume (L)
``Q``, ``V2``; ``Q3``, ``V3``   intercompartmental clearance and volume of the second and third compartment
``ka_<route>``                  first-order absorption (1/day) of an extravascular route (``ka_oral``)
``MTT_<route>``                 mean transit time (day) through N transit compartments, each left at
                                (N + 1)/MTT
``ke0_<name>``                  equilibration (1/day) of an effect compartment, which takes nothing away
``fm``, ``CLm``, ``Vm``         fraction of CL that forms the metabolite (mass per mass of parent), and the
                                metabolite's own clearance and volume
``ratio_metabolite``            concentration of the metabolite as a share of its parent's
==============================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rodnan.errors import ModelError, nearest_name

__all__ = ["Absorption", "Flow", "Rate", "Structure", "build_structure", "matrix_from_flows"]

OUTSIDE = -1  # target of a flow that leaves the body


@dataclass(frozen=True)
class Rate:
    """A first-order rate constant: ``factor * product(above) / product(below)`` of named parameters."""

    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    factor: float = 1.0

    def value(self, parameters: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the rate constant (1/day) for each patient."""
        rate = np.asarray(self.factor, dtype=np.float64)
        for name in self.above:
            rate = rate * parameters[name]
        for name in self.below:
            rate = rate / parameters[name]
        return np.asarray(rate, dtype=np.float64)

    def __str__(self) -> str:
        above = " * ".join(
            ([f"{self.factor:g}"] if self.factor != 1.0 or not self.above else []) + [*self.above]
        )
        return above + "".join(f" / {name}" for name in self.below)


@dataclass(frozen=True)
class Flow:
    """One first-order flow between compartments (indices).

    ``depletes`` is False for an effect or metabolite compartment that follows its source without emptying it
    (the source's loss is already counted in its clearance).
    """

    source: int
    target: int
    rate: Rate
    depletes: bool = True


@dataclass(frozen=True)
class Absorption:
    """How one extravascular route reaches the central compartment.

    Attributes
    ----------
    route
        Name of the route, for example ``"oral"`` or ``"sc"``; it ends the names of the route's parameters.
    transit
        Number of transit compartments before the depot (0: the dose enters the depot).
    above_elimination
        The depot empties at ``ka + CL/V1``, so that absorption is never slower than elimination.
    """

    route: str
    transit: int = 0
    above_elimination: bool = False


@dataclass(frozen=True)
class Structure:
    """A linear compartmental structure.

    Attributes
    ----------
    compartments
        Names in the order of the state vector.
    parameters
        Names of every parameter the rate matrix needs.
    flows
        The flows between compartments.
    entries
        Route -> index of the compartment that a dose by this route enters.
    outputs
        Observable -> (index of its compartment, factor that turns the amount there into the concentration:
        ``1 / V1``; 1 where the state already is a concentration).
    """

    compartments: tuple[str, ...]
    parameters: tuple[str, ...]
    flows: tuple[Flow, ...]
    entries: Mapping[str, int]
    outputs: Mapping[str, tuple[int, Rate]] = field(default_factory=dict)

    @property
    def n_compartments(self) -> int:
        """Number of compartments."""
        return len(self.compartments)

    def rate_matrix(self, parameters: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Return the rate matrix of each patient.

        Parameters
        ----------
        parameters
            Name -> value or values, shape () or (n,), in mg, L, day. Names beyond ``self.parameters`` are
            ignored.

        Returns
        -------
        ndarray, shape (n, n_compartments, n_compartments)
            K (1/day) with ``dA/dt = K A``; n is 1 when every value is a scalar.

        Raises
        ------
        ModelError
            ``RDN-M101`` a parameter is missing; ``RDN-M102`` a value is not finite or not positive.
        """
        values = self._values(parameters)
        rates = [(f.source, f.target, f.rate.value(values), f.depletes) for f in self.flows]
        return matrix_from_flows(self.n_compartments, rates)

    def output_rows(self, output: str, parameters: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Return the rows c, shape (n, n_compartments), with ``concentration = c . A`` for one observable.

        Raises
        ------
        ModelError
            ``RDN-M103`` the structure has no such observable; ``RDN-M101``, ``RDN-M102`` as in `rate_matrix`.
        """
        if output not in self.outputs:
            raise ModelError(
                "RDN-M103",
                f"no such concentration in this structure; it has: {', '.join(self.outputs)}",
                value=output,
                nearest=nearest_name(output, self.outputs),
            )
        index, factor = self.outputs[output]
        values = self._values(parameters)
        n = max((v.size for v in values.values()), default=1)
        rows = np.zeros((n, self.n_compartments))
        rows[:, index] = factor.value(values)
        return rows

    def entry(self, route: str) -> int:
        """Return the index of the compartment that a dose by `route` enters.

        Raises
        ------
        ModelError
            ``RDN-M104`` the structure has no such route.
        """
        if route not in self.entries:
            raise ModelError(
                "RDN-M104",
                f"this model cannot be given by that route; it has: {', '.join(self.entries)}",
                value=route,
                nearest=nearest_name(route, self.entries),
            )
        return self.entries[route]

    def _values(self, parameters: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
        values: dict[str, NDArray[np.float64]] = {}
        for name in self.parameters:
            if name not in parameters:
                raise ModelError(
                    "RDN-M101",
                    "a parameter of the structure has no value",
                    where=name,
                    nearest=nearest_name(name, parameters),
                )
            value = np.atleast_1d(np.asarray(parameters[name], dtype=np.float64))
            wrong = ~(np.isfinite(value) & (value > 0.0))
            if wrong.any():
                raise ModelError(
                    "RDN-M102",
                    "a parameter must be a finite number above zero",
                    where=name,
                    value=float(value[wrong][0]),
                )
            values[name] = value
        return values


def matrix_from_flows(
    n_compartments: int, flows: Iterable[tuple[int, int, ArrayLike, bool]]
) -> NDArray[np.float64]:
    """Return the rate matrix of a set of first-order flows.

    Parameters
    ----------
    n_compartments
        Number of compartments.
    flows
        ``(source, target, rate, depletes)``; target -1 leaves the body; rate (1/day) of shape () or (n,).

    Returns
    -------
    ndarray, shape (n, n_compartments, n_compartments)
        K with ``dA/dt = K A``.
    """
    flows = [(s, t, np.atleast_1d(np.asarray(r, dtype=np.float64)), d) for s, t, r, d in flows]
    n = max((r.size for _, _, r, _ in flows), default=1)
    k = np.zeros((n, n_compartments, n_compartments))
    for source, target, rate, depletes in flows:
        if depletes:
            k[:, source, source] -= rate
        if target != OUTSIDE:
            k[:, target, source] += rate
        if not depletes and target == OUTSIDE:
            raise ModelError(
                "RDN-M105", "a flow that neither leaves its source nor reaches a target", value=source
            )
    return k


def build_structure(
    compartments: int,
    absorptions: Sequence[Absorption] = (),
    *,
    effect: Sequence[str] = (),
    metabolite: Literal["compartment", "ratio"] | None = None,
    metabolite_effect: Sequence[str] = (),
) -> Structure:
    """Lay the flows of a mammillary model with optional absorption, effect and metabolite compartments.

    Parameters
    ----------
    compartments
        1, 2 or 3: central, and up to two peripheral compartments (ADVAN 1/2, 3/4, 11/12 equivalents). 0: a
        therapy without kinetics; its one compartment counts what was given, by the route ``session``.
    absorptions
        One entry per extravascular route. A dose given ``iv`` always enters the central compartment.
    effect
        Names of effect compartments that follow the parent concentration with rate ``ke0_<name>``.
    metabolite
        ``"compartment"`` adds one metabolite compartment, formed at ``fm * CL``. ``"ratio"`` reads the
        metabolite as a fixed share of the parent concentration: right where it is formed far more slowly than
        it is lost, so that it runs parallel to its parent, and only the ratio of the areas was published.
    metabolite_effect
        Names of effect compartments that follow the metabolite.

    Returns
    -------
    Structure
        Compartments in the order: transit and depot of each route, central, peripheral, metabolite, effect.

    Raises
    ------
    ModelError
        ``RDN-M106`` the number of compartments is not 0, 1, 2 or 3, a route is named twice or called ``iv``,
        or an effect of a metabolite is asked for without a metabolite.
    """
    if compartments not in (0, 1, 2, 3):
        raise ModelError("RDN-M106", "a structure has 0, 1, 2 or 3 body compartments", value=compartments)
    if compartments == 0:
        if absorptions or effect or metabolite:
            raise ModelError(
                "RDN-M106", "a therapy without kinetics has no absorption, effect site or metabolite"
            )
        return Structure(("given",), (), (), MappingProxyType({"session": 0, "iv": 0}), MappingProxyType({}))
    routes = [a.route for a in absorptions]
    if len(set(routes)) != len(routes) or "iv" in routes:
        raise ModelError("RDN-M106", "routes of absorption must differ, and iv needs none", value=routes)
    if metabolite_effect and not metabolite:
        raise ModelError(
            "RDN-M106", "an effect of a metabolite needs a metabolite", value=list(metabolite_effect)
        )

    names: list[str] = []
    flows: list[Flow] = []
    entries: dict[str, int] = {}
    parameters: list[str] = []

    def add(name: str) -> int:
        names.append(name)
        return len(names) - 1

    depots: list[tuple[int, str, bool]] = []
    for absorption in absorptions:
        if absorption.transit < 0:
            raise ModelError(
                "RDN-M106", "a number of transit compartments below zero", value=absorption.transit
            )
        suffix = absorption.route
        chain = [add(f"transit{i + 1}_{suffix}") for i in range(absorption.transit)]
        chain.append(add(f"depot_{suffix}"))
        entries[suffix] = chain[0]
        leave = Rate(below=(f"MTT_{suffix}",), factor=absorption.transit + 1.0)
        flows += [Flow(a, b, leave) for a, b in pairwise(chain)]
        if absorption.transit:
            parameters.append(f"MTT_{suffix}")
        parameters.append(f"ka_{suffix}")
        depots.append((chain[-1], f"ka_{suffix}", absorption.above_elimination))

    central = add("central")
    entries["iv"] = central
    for depot, ka, above in depots:
        flows.append(Flow(depot, central, Rate((ka,))))
        if above:
            flows.append(Flow(depot, central, Rate(("CL",), ("V1",))))
    flows.append(Flow(central, OUTSIDE, Rate(("CL",), ("V1",))))
    parameters += ["CL", "V1"]
    for q, v in (("Q", "V2"), ("Q3", "V3"))[: compartments - 1]:
        peripheral = add(f"peripheral_{v}")
        flows += [Flow(central, peripheral, Rate((q,), ("V1",))), Flow(peripheral, central, Rate((q,), (v,)))]
        parameters += [q, v]
    outputs: dict[str, tuple[int, Rate]] = {"parent": (central, Rate(below=("V1",)))}

    followed = {"parent": central}
    if metabolite == "compartment":
        followed["metabolite"] = m = add("metabolite")
        flows += [
            Flow(central, m, Rate(("fm", "CL"), ("V1",)), depletes=False),
            Flow(m, OUTSIDE, Rate(("CLm",), ("Vm",))),
        ]
        parameters += ["fm", "CLm", "Vm"]
        outputs["metabolite"] = (m, Rate(below=("Vm",)))
    elif metabolite == "ratio":
        followed["metabolite"] = central
        parameters.append("ratio_metabolite")
        outputs["metabolite"] = (central, Rate(("ratio_metabolite",), ("V1",)))
    sites = [(name, "parent") for name in effect] + [(name, "metabolite") for name in metabolite_effect]
    for name, source in sites:
        site = add(f"effect_{name}")
        ke0, concentration = f"ke0_{name}", outputs[source][1]
        equilibrate = Rate((ke0, *concentration.above), concentration.below)
        flows += [
            Flow(followed[source], site, equilibrate, depletes=False),
            Flow(site, OUTSIDE, Rate((ke0,))),
        ]
        parameters.append(ke0)
        outputs[f"effect_{name}"] = (site, Rate())
    return Structure(
        tuple(names), tuple(parameters), tuple(flows), MappingProxyType(entries), MappingProxyType(outputs)
    )
