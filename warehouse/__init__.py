"""The store: where it is, what is loaded, what has been built."""
