"""
Sensors and asset watchers in a real Airflow of several processes: ``python -m tests.e2e``.

It has a home, a database and ports of its own, all on this machine, and a sandbox for MailerSend. The triggerer is
killed several times. The exit code is 1 when something does not come true; the ends of Airflow's logs follow then.
"""
