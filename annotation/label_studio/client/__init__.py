"""Label Studio's HTTP API, as much of it as we use, with its traps fenced off."""
