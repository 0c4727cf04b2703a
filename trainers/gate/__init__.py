"""Whether a candidate may take over: statistics on paired outcomes."""
