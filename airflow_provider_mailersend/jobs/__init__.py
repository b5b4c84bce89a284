"""
Work of many requests: adding, deleting, finding, synchronizing, watching.

Generators over :mod:`airflow_provider_mailersend.api`: they do no I/O and know nothing of Airflow.
"""
