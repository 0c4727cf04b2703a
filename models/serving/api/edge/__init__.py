"""What every request and every error passes, whatever its endpoint."""
