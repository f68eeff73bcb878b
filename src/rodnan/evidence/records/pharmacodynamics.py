"""Measured effects of a drug: what was measured, by which model or experiment, with which numbers.

Sources report effects in many shapes; every number has a named field here, so that a misspelt one is refused.
"""

from __future__ import annotations

from rodnan.evidence.records.base import Basis, Count, Number, Pair, Record, Size, Text, Value

__all__ = ["EffectRow"]


class _Concentrations(Record):
    """Concentration-effect relations and their spread between patients (iiv: coefficient of variation, %)."""

    emax: Number | None = None
    emax_unit: str | None = None
    imax: Number | None = None
    imax_note: str | None = None
    ec: Number | None = None
    ec50: Size | None = None
    ec50_range: Pair | None = None
    iiv_ec50_cv_pct: Size | None = None
    ec_near_max: Size | None = None
    et50: Size | None = None
    ic50: Size | None = None
    ic50_range: Pair | None = None
    ic50_lower_bound: Size | None = None
    ic50_iiv_cv_pct: Size | None = None
    hill: Size | None = None
    concentration: Size | None = None
    slope: Number | None = None
    slope_unit: str | None = None
    slope_iiv_cv_pct: Size | None = None
    intercept: Number | None = None
    vegfr: Pair | None = None
    fgfr: Pair | None = None
    pdgfr: Pair | None = None


class _Turnover(Record):
    """Baselines, turnover and delays of indirect-response and marrow models."""

    baseline: Number | None = None
    baseline_sd: Size | None = None
    baseline_unit: str | None = None
    baseline_iiv_cv_pct: Size | None = None
    baseline_anc: Size | None = None
    baseline_cells_per_ul: Size | None = None
    nadir: Size | None = None
    nadir_sd: Size | None = None
    kout: Size | None = None
    kout_unit: str | None = None
    kout_iiv_cv_pct: Size | None = None
    iiv_kout_cv_pct: Size | None = None
    ktr: Size | None = None
    ktr_unit: str | None = None
    ktr_iiv_cv_pct: Size | None = None
    k_circ: Size | None = None
    k_circ_unit: str | None = None
    gamma: Size | None = None
    gamma_iiv_cv_pct: Size | None = None
    initial_efficacy_factor: Size | None = None
    residual: str | None = None
    residual_proportional_pct: Size | None = None
    rate_unit: str | None = None
    kdeg_target: Size | None = None
    k_complex_loss: Size | None = None
    effect_decay: Size | None = None
    multiplier: Size | None = None
    cd20_per_cell: Size | None = None
    delay_h: Size | None = None
    until_week: Size | None = None
    time_weeks: Size | None = None
    nk_max_effect_week: Pair | None = None


class _Changes(Record):
    """Observed changes and shares, in per cent unless said otherwise."""

    reduction_pct: Value | None = None
    cd3_pct_change: Number | None = None
    cd19_pct_change: Number | None = None
    nk_pct_change: Number | None = None
    nk_pct: Number | None = None
    b_cell_pct: Number | None = None
    total_lymphocyte_pct: Number | None = None
    cd4_pct: Number | None = None
    cd4_total_pct: Number | None = None
    cd4_naive_pct: Number | None = None
    cd4_memory_pct: Number | None = None
    cd4_effector_pct: Number | None = None
    cd4_cd45ro_pct: Number | None = None
    cd8_pct: Number | None = None
    cd8_total_pct: Number | None = None
    cd8_naive_pct: Number | None = None
    cd8_memory_pct: Number | None = None
    cd8_td_pct: Number | None = None
    albumin_pct: Number | None = None
    low_igg_pct: Number | None = None
    low_igm_pct: Number | None = None
    flare_pct: Number | None = None
    no_flare_pct: Number | None = None
    ra_pct: Number | None = None
    ctd_pct: Number | None = None
    gpa_mpa_pct: Number | None = None
    gpa_mpa_median_months: Size | None = None
    half_life_mpo_anca: Size | None = None
    half_life_pr3_anca: Size | None = None
    igg_relative: Pair | None = None
    fcr_relative: Pair | None = None
    auc0_12: Pair | None = None
    auc0_0_5h: Pair | None = None
    cmax: Pair | None = None
    n_with: Count | None = None
    n_without: Count | None = None


class EffectRow(_Concentrations, _Turnover, _Changes):
    """One measured effect."""

    process: Text
    model: Text
    value: Value | None = None
    sd: Size | None = None
    range: Pair | None = None
    comparator: str | None = None
    unit: str | None = None
    note: str | None = None
    source: str
    basis: Basis
