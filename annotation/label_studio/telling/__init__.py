"""What the bridge tells the log: written down with the state that it follows from, published afterwards."""
