"""Turns of the wheel on real data: what is labelled, what is trained, how good it is on the held-out side."""
