"""What a model is worth: metrics, intervals, thresholds, money."""

from clickward.renamed import attributes

__getattr__ = attributes(__name__, "measurement")
