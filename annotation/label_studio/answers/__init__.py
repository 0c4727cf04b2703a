"""What comes back: the server's truth compared with what the log was told, and the facts that follow."""
