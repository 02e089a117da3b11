"""A snapshot becomes a registered model."""

from clickward.renamed import attributes

__getattr__ = attributes(__name__, "run")
