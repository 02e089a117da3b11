"""The whole story of one click or install: from raw row to decision."""
