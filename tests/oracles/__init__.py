"""Brute-force recomputation, sharing no code with what it checks."""
