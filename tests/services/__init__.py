"""Real servers for tests, each with a folder of its own, on the loopback address, ended with the test run."""
