"""The figures of one virtual trial: courses, the score card, safety and withdrawals, the baseline check."""

from rodnan.report.plots.figures import Figure, figures

__all__ = ["Figure", "figures"]
