"""The explorer: see why a model flags what it flags, from bins down to raw rows."""
