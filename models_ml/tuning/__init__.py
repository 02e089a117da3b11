"""Search over parameters, by validation folds."""
