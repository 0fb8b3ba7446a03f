"""Learning a server's threads as they are written. `ears.py` hears what changed, `learner.py` reads it and learns it."""
