"""A snapshot becomes a registered model."""
