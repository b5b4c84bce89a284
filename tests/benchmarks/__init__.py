"""
What the provider may cost, as bounds that are checked: ``python -m tests.benchmarks``, with names only those.

Machines differ and are busy with other things, so times are compared with others of the same run where that can be,
and the median counts. The exit code is 1 when a figure is out of its bound.
"""
