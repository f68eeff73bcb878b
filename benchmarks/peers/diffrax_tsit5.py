"""diffrax: Tsit5 under ``vmap``, compiled by XLA, in double precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from workload.definition import (
    DOSE,
    DOSES,
    END,
    INTERVAL,
    OUTPUT_EVERY,
    OUTPUT_TIMES,
    PARAMETERS,
    initial_state,
)
from workload.spelling import disease_function, endless_modes, kinetic_function

TITLE = "diffrax, Tsit5, vmap"
PACKAGES = ("diffrax", "jax")
VARIANTS = ("restart per dose", "closed-form kinetics, step to each dose")
WARM = 0.1
BATCH = 64  # patients a process takes at once; with fewer XLA's overhead shows, with more the lanes wait


def available() -> None:
    """Import the engine, or fail with `ImportError`."""
    import diffrax  # noqa: F401


def prepare(variant: str) -> Callable:
    """Compile for each tolerance and number of patients when first asked; see `peers`."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp

    disease, kinetic = disease_function(jnp.power), kinetic_function()
    v1, ic50 = PARAMETERS.index("v1"), PARAMETERS.index("ic50")
    first, doses = jnp.asarray(initial_state()), jnp.arange(DOSES) * INTERVAL

    def closed(time, y, given):
        p, rates, weights = given
        k = jnp.floor(time / INTERVAL)
        earlier = 1.0 - jnp.exp(-rates * INTERVAL * (k + 1))
        conc = jnp.sum(weights * earlier * jnp.exp(-rates * (time - k * INTERVAL)))
        return jnp.stack(disease(y, p, conc / (p[ic50] + conc)))

    def full(time, y, given):
        conc = y[1] / given[0][v1]
        return jnp.stack(kinetic(y, given[0], 0.0) + disease(y[3:], given[0], conc / (given[0][ic50] + conc)))

    def at_once(given, rtol, atol):
        steps = diffrax.PIDController(rtol=rtol, atol=atol)
        steps = diffrax.ClipStepSizeController(steps, jump_ts=doses[1:])
        got = diffrax.diffeqsolve(
            diffrax.ODETerm(closed),
            diffrax.Tsit5(),
            0.0,
            END,
            0.05,
            first,
            args=given,
            saveat=diffrax.SaveAt(ts=jnp.asarray(OUTPUT_TIMES)),
            stepsize_controller=steps,
            max_steps=1_000_000,
            throw=False,
        )
        return got.ys, got.result == diffrax.RESULTS.successful

    def by_dose(given, rtol, atol):
        def one(y, _):
            got = diffrax.diffeqsolve(
                diffrax.ODETerm(full),
                diffrax.Tsit5(),
                0.0,
                INTERVAL,
                0.02,
                y.at[0].add(DOSE),
                args=given,
                stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
                max_steps=100_000,
                throw=False,
            )
            return got.ys[0], got.result == diffrax.RESULTS.successful

        def week(y, _):
            y, good = jax.lax.scan(one, y, None, length=round(OUTPUT_EVERY / INTERVAL))
            return y, (y[3:], jnp.all(good))

        start = jnp.concatenate([jnp.zeros(3), first])
        _, (states, good) = jax.lax.scan(week, start, None, length=len(OUTPUT_TIMES) - 1)
        return jnp.concatenate([first[None], states]), jnp.all(good)

    solve = by_dose if variant == VARIANTS[0] else at_once
    compiled = jax.jit(jax.vmap(solve, in_axes=((0, 0, 0), None, None)))

    def run(population: np.ndarray, rtol: float, atol: float) -> tuple[np.ndarray, np.ndarray]:
        states, good = compiled((population, *endless_modes(population)), rtol, atol)
        return np.array(states), np.array(good)

    return run
