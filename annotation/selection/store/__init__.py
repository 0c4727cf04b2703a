"""What selection remembers across restarts: candidates, requests, and which of them have reached the log."""
