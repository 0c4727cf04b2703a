"""What is learnt: towers, losses, batches. Plain torch, the same on any number of ranks."""
