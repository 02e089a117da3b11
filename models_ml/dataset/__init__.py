"""Labelled rows as of a time: snapshots, splits and what is read back."""
