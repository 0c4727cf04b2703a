"""The run: DeepSpeed ranks, their checkpoints, and who starts and watches them."""
