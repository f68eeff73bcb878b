"""The common workload: what is computed, what counts as exact, and our own engine on it."""
