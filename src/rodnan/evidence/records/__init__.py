"""The shapes of the records."""
