"""The bridge to Label Studio, an unreliable neighbour: tasks go out by an outbox, answers come back by polling."""
