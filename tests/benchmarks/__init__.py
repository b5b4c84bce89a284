"""
Measurements with bounds: ``python -m tests.benchmarks [NAME ...]``; all of them unless some are named.

Machines differ and are busy with other things, so times are compared with others of the same run where possible, and a
figure is the median of its rounds unless it says otherwise. The exit code is 1 when a figure breaks its bound.
"""
