"""The HTTP server: what the master and monitors ask the slave."""
