"""
What the provider may cost, as bounds that are checked: ``python -m tests.benchmarks [listing] [limit] [imports]``.

Machines differ and are busy with other things, so times are only ever compared with others of the same run, and
the median counts. The exit code is 1 when a figure is out of its bound.
"""
