"""How the two sides of the bridge run beside the stage: each a thread that never gives up."""
