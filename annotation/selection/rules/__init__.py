"""What binds a round whatever the strategy: the budget, quotas, and the lot that decides the random arm."""
