"""Decides, without I/O, clocks or locks: which offers the slave takes, and what it says of itself."""
