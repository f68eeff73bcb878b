"""Claims of the ledger as executable checks: criteria on record, experiments by kind, one verdict a claim."""

from rodnan.calibration.claims.record import criteria, hazards
from rodnan.calibration.claims.run import check_claims, chosen_checks, claim_row, summary_line

__all__ = ["check_claims", "chosen_checks", "claim_row", "criteria", "hazards", "summary_line"]
