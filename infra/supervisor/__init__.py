"""The supervisor: starts the processes of one machine, watches them, and leaves none behind."""
