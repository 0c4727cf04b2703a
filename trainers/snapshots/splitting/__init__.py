"""Which items are trained on, which are measured with, and which are too near to those."""
