"""What answers people: the search service and, on top of it, the HTTP API. Nothing of the loop imports this package."""
