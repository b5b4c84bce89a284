"""Requests and responses that several tests use."""

from __future__ import annotations

import pytest

from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList

from .script import answer

GET = requests.list_recipients()
PUT = requests.update_sms_recipient("s1", SmsRecipientStatus.OPT_OUT)
DELETE = requests.delete_recipient("r1")
POST = requests.add_suppressions(SuppressionList.BLOCKLIST, recipients=["jane@example.com"])
BLOCKLIST = requests.list_suppressions(SuppressionList.BLOCKLIST)

FINE = answer(200, {"data": []})

#: A 429 as it was observed: without headers, and without a code.
CODELESS = answer(
    429, {"message": "You cannot create a resource at the moment. Please wait a while before retrying."}
)

any_method = pytest.mark.parametrize("request_", [GET, PUT, DELETE, POST], ids=lambda request: request.method)
