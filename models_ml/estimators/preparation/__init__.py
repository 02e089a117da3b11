"""Columns before an estimator sees them."""
