"""
What holds whatever happens, over hundreds of runs: ``python -m tests.chaos [--runs N] [--seed S]``.

A run is one operator's work on a sandbox of its own, with faults, limits and killed processes, retried as Airflow
would until a try ends well. Then the lists must be what a plain model says, and the same work done once more must
change nothing. A run follows from its seed, but for the processes' timing. The exit code is 1 when a run failed, or
when something that is to happen in so many runs did not.
"""
