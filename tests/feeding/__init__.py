"""Feeds the I/O-free core: scripted answers, a model of an account, virtual time."""
