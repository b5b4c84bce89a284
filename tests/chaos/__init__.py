"""
What must hold whatever happens: ``python -m tests.chaos [--runs N] [--killed-adds N] [--killed-transfers N]
[--seed S]``.

A run is one operator's work on a sandbox of its own, under faults, limits and killed processes, retried as Airflow
would retry it until a try succeeds. Then the lists must be as a simple model says: nothing lost, nothing changed out of
scope, no duplicates. An entry may be added again, or left where it should be deleted, only where the operator's result
says that it may be incomplete. The same work done once more must change nothing. A killed addition adds 2,000 addresses
and is killed once, at a random moment. A killed transfer is killed once, over the time that an undisturbed one takes;
half of them after their last request, where a file is renamed or a transaction committed. Its file, table or list must
be whole and right, with nothing left behind, and before the retry a file or table must be as it was, or whole.

A seed determines its run, except for the timing of its processes. The exit code is 1 when a run failed, or when a whole
campaign (400 runs, 50 killed additions, 60 killed transfers) didn't meet every kind of trouble and at least 150 kills.
"""
