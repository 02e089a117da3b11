"""What people decide on scores: the block list and claims, as rows that are never changed."""
