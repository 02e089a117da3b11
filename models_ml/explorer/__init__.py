"""The explorer: which threshold pays, whom it hits, what it misses, and the rows behind each doubt."""
