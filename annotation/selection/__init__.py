"""What to ask about next: a bounded pool of candidates, a strategy, a budget, and a random arm as honest witness."""
