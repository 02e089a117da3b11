"""What a model is worth: metrics, intervals, thresholds, money."""
