"""Runs each task in a child process, which can be killed."""
