"""Bayesian calibration: design of simulations, emulator, posterior, checks."""
