"""The identity of the slave, and who may ask it what."""
