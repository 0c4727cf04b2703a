"""Windows over the log, read with Faust: for state that can be rebuilt, and nothing else."""
