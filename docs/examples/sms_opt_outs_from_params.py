"""Set SMS recipients by numbers that whoever triggers the DAG passes."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.operators.sms_recipients import MailerSendUpdateSmsRecipientsOperator


# [START dag]
# No default and minItems=1: a run without numbers fails.
@dag(schedule=None, params={"numbers": Param(type="array", items={"type": "string"}, minItems=1)})
def sms_opt_outs_from_params() -> None:
    MailerSendUpdateSmsRecipientsOperator(
        task_id="opt_out", numbers="{{ params.numbers | tojson }}", status="opt_out", on_missing="skip"
    )


# [END dag]

sms_opt_outs_from_params()
