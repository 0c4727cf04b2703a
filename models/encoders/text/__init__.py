"""What encoding texts consists of: cutting long ones, batching them by length, and the network that reads them."""
