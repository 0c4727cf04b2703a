"""The endpoints, by what they are about. Each module has one function that builds its router from the running API."""
