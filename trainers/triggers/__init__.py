"""When to train: a policy over windows of what happens."""
