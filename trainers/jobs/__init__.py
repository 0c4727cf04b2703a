"""From a request to a registered model."""
