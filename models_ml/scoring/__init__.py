"""Scores, their changes and agreement, in the tables of the warehouse."""

from clickward.renamed import attributes

__getattr__ = attributes(__name__, "run")
