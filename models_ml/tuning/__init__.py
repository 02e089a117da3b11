"""Search over parameters, by validation folds."""

from clickward.renamed import attributes

__getattr__ = attributes(__name__, "run")
