"""What the slave sends: registration, heartbeats, callbacks, and requests for files."""
