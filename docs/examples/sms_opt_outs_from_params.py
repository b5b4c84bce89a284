"""Set SMS recipients by numbers that whoever triggers the DAG passes."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.operators.sms_recipients import MailerSendUpdateSmsRecipientsOperator


# [START dag]
@dag(schedule=None, params={"numbers": Param([], type="array", items={"type": "string"})})
def sms_opt_outs_from_params() -> None:
    MailerSendUpdateSmsRecipientsOperator(
        task_id="opt_out", numbers="{{ params.numbers | tojson }}", status="opt_out", on_missing="skip"
    )


# [END dag]

sms_opt_outs_from_params()
