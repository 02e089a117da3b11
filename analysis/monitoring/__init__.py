"""Whether data come in time and as usual, and whether models still hold, against limits."""
