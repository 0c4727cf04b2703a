"""The endpoints about what the next model is made of, and which one serves."""
