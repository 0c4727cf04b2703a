"""Which encoder answers a search: that of the generation that serves, or of the other side of a rollout."""
