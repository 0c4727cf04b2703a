"""Ways to train: what is learnt, from which share of which examples, for how long."""
