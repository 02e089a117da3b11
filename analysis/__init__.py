"""What people do with scores: explain, explore, decide, monitor."""
