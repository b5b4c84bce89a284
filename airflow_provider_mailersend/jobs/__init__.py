"""Jobs of many requests: add, delete, look up, synchronize, watch. Generators without I/O over ``api``."""
