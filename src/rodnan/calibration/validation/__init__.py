"""Validation: studies that were not fitted, predicted and scored beside baselines."""
