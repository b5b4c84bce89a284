"""A suppression list whose entries of one second change places from one request to the next."""

from __future__ import annotations

import random
from typing import Any

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request

from .account import Account
from .script import Script


class VaryingAccount(Account):
    """
    An account whose list is newest first, its ties in another order for each request.

    :param seed: of the orders.
    """

    def __init__(self, *args: Any, seed: int = 0, **options: Any) -> None:
        super().__init__(*args, **options)
        self._random = random.Random(seed)

    def __call__(self, request: Request, script: Script) -> Outcome:
        self._random.shuffle(self.entries)
        self.entries.sort(key=lambda entry: entry["created_at"], reverse=True)
        return super().__call__(request, script)
