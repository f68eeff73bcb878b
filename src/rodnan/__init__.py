"""Rodnan."""
