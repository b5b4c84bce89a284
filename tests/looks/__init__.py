"""
What Airflow's pages show of the provider, in a real browser: ``python -m tests.looks [--pictures FOLDER]``.

It needs Chromium and playwright. On Airflow 3 it looks at the connection's form, a DAG's graph, a task's log and an
asset's events; on Airflow 2.11 at the form. It takes the pictures that the documentation shows.
"""
