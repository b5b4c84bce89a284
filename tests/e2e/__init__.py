"""
Sensors and asset watchers in a real Airflow of several processes: ``python -m tests.e2e``.

Airflow gets its own home, database and ports on this machine, and a sandbox instead of MailerSend. The triggerer is
killed several times. If a check fails, the exit code is 1 and the last lines of Airflow's logs are printed.
"""
