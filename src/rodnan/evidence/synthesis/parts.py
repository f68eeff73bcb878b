"""The parts of an answer: direct comparisons, the network, single arms."""

from __future__ import annotations

from dataclasses import dataclass

from rodnan.evidence.synthesis.bayes import BayesPooled
from rodnan.evidence.synthesis.certainty import Certainty
from rodnan.evidence.synthesis.consistency import Decomposition, NodeSplit
from rodnan.evidence.synthesis.endpoints import Endpoint
from rodnan.evidence.synthesis.network_fit import Network, Relative
from rodnan.evidence.synthesis.pairwise import LeaveOneOut, Pooled
from rodnan.evidence.synthesis.ranking import Rank
from rodnan.evidence.synthesis.rows import ArmChange, ContrastRow, Published, Unused
from rodnan.evidence.synthesis.small_study import Egger

__all__ = ["NOTICE", "Answer", "Comparison", "Indirect", "NetworkPart", "SingleArms"]

NOTICE = (
    "This puts published studies side by side. It is for research and teaching "
    "and does not say what is right for any person."
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Direct evidence of the drug against one comparator, on one scale, from one kind of design.

    Parameters
    ----------
    rows
        The studies, turned so that the estimate is drug minus comparator (or log drug / comparator).
    pooled, common
        Random-effects estimate with the Hartung-Knapp interval and floor; common-effect estimate.
    predicted
        Prediction intervals with k-1 and k-2 degrees of freedom, None where they do not exist.
    bayes
        Bayesian random-effects estimate; None without a prior for this outcome.
    without
        Leave-one-out; None for one study.
    egger
        None with fewer than three studies.
    sensitivity
        The pooled estimate when adjusted rows are preferred to rows read at their source; None when it is
        the same.
    """

    drug: str
    against: str
    scale: str
    randomised: bool
    rows: tuple[ContrastRow, ...]
    pooled: Pooled
    common: Pooled
    predicted: tuple[tuple[float, float] | None, tuple[float, float] | None]
    bayes: BayesPooled | None
    without: LeaveOneOut | None
    egger: Egger | None
    certainty: Certainty
    sensitivity: Pooled | None = None


@dataclass(frozen=True, slots=True)
class Indirect:
    """Network estimate of the drug against a comparator; `direct_studies` is 0 when it is wholly indirect."""

    relative: Relative
    scale: str
    direct_studies: int
    via: tuple[str, ...]
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """The network that the drug belongs to.

    Parameters
    ----------
    fitted
        The fit; with no degrees of freedom tau2 is taken as 0 and `spread_known` is False.
    left_out
        Treatments of the outcome's trials that do not connect to the drug.
    """

    fitted: Network
    rows: tuple[ContrastRow, ...]
    spread_known: bool
    left_out: tuple[str, ...]
    estimates: tuple[Indirect, ...]
    ranks: tuple[Rank, ...]
    decomposition: Decomposition | None
    splits: tuple[NodeSplit, ...]


@dataclass(frozen=True, slots=True)
class SingleArms:
    """Changes from baseline under the drug, without a comparison; pooled with at least three arms."""

    rows: tuple[ArmChange, ...]
    pooled: Pooled | None
    certainty_word: str = "very low"


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that the records say about a drug and an outcome."""

    drug: str
    endpoint: Endpoint
    against: str | None
    week: float
    comparisons: tuple[Comparison, ...]
    network: NetworkPart | None
    single_arms: SingleArms
    published: tuple[Published, ...]
    unused: tuple[Unused, ...]
    remarks: tuple[str, ...]
    notice: str = NOTICE

    @property
    def unverified(self) -> tuple[str, ...]:
        """Studies with pooled numbers that were not read at their source."""
        pooled = [r for c in self.comparisons for r in c.rows]
        rows = [*pooled, *(self.network.rows if self.network else ()), *self.single_arms.rows]
        return tuple(sorted({r.facts.study for r in rows if r.basis != "read"}))
