"""Files into raw tables: bounded batches, every row accounted for, commits by a ledger."""
