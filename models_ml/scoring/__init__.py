"""Scores, their changes and agreement, in the tables of the warehouse."""
