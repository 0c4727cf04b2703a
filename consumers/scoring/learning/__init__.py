"""What scoring learns from labels: heads, their temperature, and how labels spread over the neighbour graph."""
