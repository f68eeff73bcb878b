"""The engines that Rodnan is measured against, each behind the same names.

A module here holds ``TITLE`` (package and solver), ``PACKAGES`` (whose versions are reported), ``VARIANTS`` (ways to
pose the workload), ``available()`` and ``prepare(variant)``. `prepare` does everything that is not counted,
compilation included, and returns ``run(population, setting, absolute)`` -> ``(states, succeeded)`` with shapes
(n, 105, 19) and (n,). A setting is a relative tolerance, `absolute` the absolute one; `succeeded` is what the solver
itself says. Optional: ``LADDER`` (the settings to scan, loosest first), ``WARM`` (a cheap setting for the untimed call that
a new number of patients needs where a program is compiled for each shape), ``BATCH`` and ``MOST`` (patients of a call, at
least and at most) and ``THREADED`` (it fills the machine by itself; the others run as one process a core).
"""

LADDER = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7)

ENGINES = (
    "numbalsoda_lsoda",
    "roadrunner_cvode",
    "diffrax_tsit5",
    "amici_cvodes",
    "copasi_lsoda",
    "scipy_lsoda",
)
