"""What models make of inputs that are in no index: vectors, and class probabilities."""
