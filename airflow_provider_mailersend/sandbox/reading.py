"""Reading what a client sent, and refusing it in the API's words when it won't do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_mailersend.sandbox.wire import Answer, json_answer

REQUIRED = "#MS42209"
NOT_A_STRING = "#MS42221"

_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\".]+(\.[^@\s<>,;\".]+)+")


class RefusalError(Exception):
    """An answer that ends a request early: a 422 unless it is another."""

    def __init__(self, why: str | Answer, errors: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(why)
        told = {"message": why} if errors is None else {"message": why, "errors": errors}
        self.answer = why if isinstance(why, Answer) else json_answer(told, 422)


class Complaints:
    """What is wrong with a request, field by field, in the order in which it was found."""

    def __init__(self) -> None:
        self._errors: dict[str, list[str]] = {}

    def __contains__(self, field: str) -> bool:
        return field in self._errors

    def add(self, field: str, message: str) -> None:
        self._errors.setdefault(field, []).append(message)

    def settle(self) -> None:
        """Refuse the request if anything was wrong with it."""
        messages = [message for found in self._errors.values() for message in found]
        more = len(messages) - 1
        if more > 0:
            raise RefusalError(
                f"{messages[0]} (and {more} more error{'s' if more > 1 else ''})", self._errors
            )
        if messages:
            raise RefusalError(messages[0], self._errors)


def parse_json(raw: bytes) -> Any:
    """JSON and nothing but: ``ValueError`` for NaN and Infinity, and for what is nested beyond reason."""
    try:
        return json.loads(raw, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read_body(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body; one that is empty is an object without anything in it."""
    try:
        body = parse_json(raw) if raw.strip() else {}
    except ValueError:
        raise RefusalError("The request body must be valid JSON. #MS42227") from None
    if not isinstance(body, dict):
        raise RefusalError("The request body must be a JSON object. #MS42228")
    return body


def read_number(
    query: Mapping[str, str], name: str, default: int, most: int | None, complaints: Complaints
) -> int:
    """A number from the query: ``page`` from 1, ``limit`` from 10 to 100."""
    text = query.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        complaints.add(name, f"The {name} must be an integer.")
        return default
    number, least = int(text), 1 if most is None else 10
    if number < least:
        complaints.add(name, f"The {name} must be at least {least}.")
    elif most is not None and number > most:
        complaints.add(name, f"The {name} must not be greater than {most}.")
    return number


def read_list(body: Mapping[str, Any], field: str, most: int | None, complaints: Complaints) -> list[Any]:
    """A list from the body, empty when there is none; what is in it is left to others to check."""
    value = body.get(field)
    if value is None:
        return []
    if not isinstance(value, list):
        complaints.add(field, f"The {field} must be an array.")
        return []
    if most is not None and len(value) > most:
        complaints.add(field, f"The {field} must not have more than {most} items.")
    return value


def check_addresses(addresses: list[Any], complaints: Complaints) -> None:
    """Complain about each thing in ``recipients`` that is no e-mail address."""
    for index, address in enumerate(addresses):
        field = f"recipients.{index}"
        if not isinstance(address, str):
            complaints.add(field, f"The {field} must be a string. {NOT_A_STRING}")
        elif not _ADDRESS.fullmatch(address) or len(address) > 320:
            complaints.add(field, f"The {field} must be a valid email address. #MS42208")


def check_patterns(patterns: list[Any], complaints: Complaints) -> None:
    """Complain about each thing in ``patterns`` that is no regular expression."""
    for index, pattern in enumerate(patterns):
        field = f"patterns.{index}"
        if pattern is None or pattern == "":
            complaints.add(field, f"The {field} field is required. {REQUIRED}")
        elif not isinstance(pattern, str):
            complaints.add(field, f"The {field} must be a string. {NOT_A_STRING}")
        elif not _is_regex(pattern):
            complaints.add(field, f"The {field} format is invalid.")


def _is_regex(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError, Warning):  # a warning is one where warnings are errors
        return False
    return True
