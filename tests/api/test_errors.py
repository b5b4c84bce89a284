from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend import exceptions
from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.answers import parse_object
from airflow_provider_mailersend.api.refusals import (
    check_change,
    error_from,
    parse_errors,
    parse_message,
    refused_items,
    smaller_batch,
)
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendAuthenticationError,
    MailerSendConnectionError,
    MailerSendError,
    MailerSendGuardError,
    MailerSendIncompleteListError,
    MailerSendNotFoundError,
    MailerSendPermissionError,
    MailerSendQuotaExhaustedError,
    MailerSendRateLimitError,
    MailerSendRequestError,
    MailerSendServerError,
    MailerSendSettingsError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from tests.feeding.samples import DELETE
from tests.feeding.script import answer, lost, properties, refusal

ADDITION = requests.add_suppressions(
    SuppressionList.HARD_BOUNCES, recipients=["jane@example.com"], domain_id="d1"
)
RECIPIENT = requests.get_recipient("62f114f8165fe0d8db0288e3")
#: As recorded.
UNKNOWN = answer(404, b'{\n    "message": "Resource not found."\n}')


@pytest.mark.parametrize(
    ("status", "error_class", "permanent"),
    [
        (301, MailerSendUnexpectedAnswerError, False),
        (302, MailerSendUnexpectedAnswerError, False),
        (400, MailerSendRequestError, True),
        (401, MailerSendAuthenticationError, True),
        (403, MailerSendPermissionError, True),
        (404, MailerSendNotFoundError, True),
        (405, MailerSendRequestError, True),
        (408, MailerSendServerError, False),
        (413, MailerSendRequestError, True),
        (421, MailerSendServerError, False),
        (422, MailerSendValidationError, True),
        (500, MailerSendServerError, False),
        (503, MailerSendServerError, False),
        (524, MailerSendServerError, False),
    ],
)
def test_each_status_has_its_error(status: int, error_class: type[MailerSendError], permanent: bool) -> None:
    error = error_from(ADDITION, answer(status, {"message": "What the API says. #MS40001"}))
    assert type(error) is error_class
    assert error.permanent is permanent
    assert error.status == status
    assert error.endpoint == "POST /suppressions/hard-bounces"
    assert f"POST /suppressions/hard-bounces answered {status}" in str(error)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (301, ["a redirect", "Correct the connection's host"]),
        (401, ["does not accept the API token", "'mlsn.'", "Unauthenticated", "password"]),
        (403, ["the scope suppressions_full", "suspended", "allowed IP addresses", "Unauthenticated"]),
        (422, ["Unauthenticated"]),
        (500, ["Unauthenticated"]),
    ],
)
def test_an_error_tells_what_the_api_said_and_what_to_do(status: int, told: list[str]) -> None:
    message = str(error_from(ADDITION, answer(status, {"message": "Unauthenticated."})))
    for part in told:
        if status != 301 or part != "Unauthenticated":
            assert part in message


def test_a_403_names_the_scope_that_the_endpoint_asks_for() -> None:
    assert "the scope recipients_read" in str(error_from(RECIPIENT, answer(403, {"message": "No."})))
    assert "more rights" in str(error_from(requests.get_api_quota(), answer(403)))


def test_a_404_shows_no_number_that_was_given_as_an_id() -> None:
    message = str(error_from(requests.get_sms_recipient("number=15551234567"), UNKNOWN))
    assert message.startswith("MailerSend has nothing with this id: number=1*** (GET ")


@pytest.mark.parametrize(
    "asked",
    [
        requests.list_suppressions(SuppressionList.BLOCKLIST, "nope"),
        requests.add_suppressions(SuppressionList.HARD_BOUNCES, recipients=["a@x.example"], domain_id="nope"),
        requests.delete_all_suppressions(SuppressionList.BLOCKLIST, "nope"),
    ],
    ids=lambda asked: asked.endpoint,
)
@pytest.mark.parametrize(
    "said", ["The selected domain id is invalid.", "The domain id field is required. #MS42209"]
)
def test_a_domain_id_that_the_account_has_not_is_shown_with_where_to_find_the_right_one(
    asked: Request, said: str
) -> None:
    # The API says "is required" of one that was sent.
    message = str(error_from(asked, refusal({"domain_id": [said]})))
    assert f"answered 422: domain_id: {said.rstrip('.')}. " in message
    assert "'nope' was sent, but the account has no domain with this id" in message
    assert "(Domains)" in message
    assert "its name as domain" in message
    assert "No domain was given" not in message


@pytest.mark.parametrize("errors", [{"domain_id": ["The domain id field is required. #MS42209"]}, {}])
def test_a_domain_id_that_was_not_given_is_asked_for(errors: dict[str, list[str]]) -> None:
    asked = requests.add_suppressions(SuppressionList.HARD_BOUNCES, recipients=["a@x.example"])
    # The API may name the field in its message alone.
    refused = refusal(errors, "The domain id field is required. #MS42209")
    message = str(error_from(asked, refused))
    assert message.endswith("No domain was given: pass a domain's id as domain_id, or its name as domain.")


def test_what_was_pasted_as_a_domain_id_is_masked() -> None:
    asked = requests.list_suppressions(SuppressionList.BLOCKLIST, "mlsn.0123456789abcdef")
    assert "0123456789" not in str(error_from(asked, refusal({"domain_id": ["Invalid."]})))


def test_a_404_tells_that_the_id_is_unknown() -> None:
    message = str(error_from(RECIPIENT, UNKNOWN))
    assert (
        message
        == "MailerSend has nothing with this id: 62f114f8165fe0d8db0288e3 (GET /recipients/{id} answered 404)."
    )


@pytest.mark.parametrize(
    "body", [None, b"<h1>404 Not Found</h1>", {}, {"error": "not found"}, ["message"], "message"]
)
def test_a_404_without_the_api_s_message_does_not_tell_that_the_id_is_unknown(body: object) -> None:
    error = error_from(RECIPIENT, answer(404, body))
    assert type(error) is MailerSendUnexpectedAnswerError
    assert "answered 404 with a body without the API's message. " in str(error)
    assert not error.permanent


def test_a_404_of_an_endpoint_that_has_no_id_speaks_of_none() -> None:
    message = str(error_from(requests.list_recipients(), answer(404, {"message": "Not found."})))
    assert "this id" not in message


def test_no_message_holds_an_id_from_the_path() -> None:
    assert RECIPIENT.path not in str(error_from(RECIPIENT, answer(500, {"message": "Oops"})))


def test_no_answer_is_told_with_its_reason() -> None:
    error = error_from(RECIPIENT, lost("connection  reset\nby peer +15551234567"))
    assert type(error) is MailerSendConnectionError
    assert not error.permanent
    assert error.status is None
    assert error.endpoint == "GET /recipients/{id}"
    assert (
        str(error) == "No answer from MailerSend to GET /recipients/{id}: connection reset by peer +1***67."
    )


@pytest.mark.parametrize("status", [400, 401, 403, 422, 500])
def test_what_the_api_repeats_is_masked(status: int) -> None:
    said = "jane.doe@example.com and +15551234567 by mlsn.0123456789abcdef"
    body = {"message": said, "errors": {"recipients.0": [said], "x": said}}
    error = error_from(ADDITION, answer(status, body))
    shown = str(error) + repr(error) + repr(vars(error))
    for secret in ("jane.doe", "5551234", "0123456789"):
        assert secret not in shown


def test_a_422_tells_the_first_fields_and_keeps_all_of_them() -> None:
    fields = {f"recipients.{n}": [f"Number {n} is invalid.", "Really."] for n in range(9)}
    error = error_from(ADDITION, refusal(fields, "Invalid (and 8 more errors)"))
    assert isinstance(error, MailerSendValidationError)
    assert error.errors == fields
    assert "answered 422: recipients.0: Number 0 is invalid. Really; recipients.1: " in str(error)
    assert "Number 4" in str(error)
    assert "Number 5" not in str(error)


def test_a_long_message_is_cut() -> None:
    assert len(str(error_from(ADDITION, answer(500, {"message": "no " * 5000})))) < 500
    assert len(str(error_from(ADDITION, refusal({"ids": ["no " * 5000]}, "no " * 5000)))) < 1000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "  Too \n bad. "}, "Too bad."),
        ({"message": None}, ""),
        ({"message": ["x"]}, ""),
        ({}, ""),
        ([], ""),
        ("text", ""),
        (b"", ""),
    ],
)
def test_a_message_is_read_where_there_is_one(body: object, message: str) -> None:
    assert parse_message(answer(500, body).json_object) == message


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_no_message_but_told(body: bytes) -> None:
    assert parse_message(answer(500, body).json_object) == ""
    error = error_from(ADDITION, answer(500, body))
    assert str(error).endswith("answered 500: a body that isn't valid JSON.")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"errors": {"ids.0": ["a", "b"]}}, {"ids.0": ["a", "b"]}),
        ({"errors": {"ids.0": "a"}}, {"ids.0": ["a"]}),
        ({"errors": {"ids.0": None, "x": 7}}, {"ids.0": ["None"], "x": ["7"]}),
        ({"errors": {"ids.0": [{"a": 1}]}}, {"ids.0": ["{'a': 1}"]}),
        ({"errors": ["ids.0"]}, {}),
        ({"errors": "ids.0"}, {}),
        ({"errors": None}, {}),
        ([], {}),
        (["errors"], {}),
        ("errors", {}),
        (7, {}),
        (b"<html>", {}),
        (b"", {}),
        (b"[" * 100_000, {}),
    ],
)
def test_the_messages_for_each_field_are_read_where_there_are_any(
    body: object, fields: dict[str, list[str]]
) -> None:
    assert parse_errors(answer(422, body).json_object) == fields


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"ids.0": ["a", "b"], "ids.12": ["c"]}, {("ids", 0): "a b", ("ids", 12): "c"}),
        ({"recipients.1": ["a"], "patterns.1": ["b"]}, {("recipients", 1): "a", ("patterns", 1): "b"}),
        ({"patterns.0": ["The patterns.0 format is invalid."]}, {("patterns", 0): "Its format is invalid."}),
        ({"ids.0": ["The ids.0 field is required."]}, {("ids", 0): "It is required."}),
        ({"ids.0": ["a"], "domain_id": ["b"]}, {}),
        ({"ids.0": ["a"], "ids": ["b"]}, {}),
        ({"ids.x": ["a"]}, {}),
        ({"ids.-1": ["a"]}, {}),
        ({"ids.": ["a"]}, {}),
        ({"ids.0.email": ["a"]}, {}),
        ({"others.0": ["a"]}, {}),
        ({}, {}),
    ],
)
def test_refused_items_are_told_where_nothing_else_is_refused(
    fields: dict[str, list[str]], refused: dict[tuple[str, int], str]
) -> None:
    error = MailerSendValidationError("no", errors=fields)
    assert refused_items(error, "ids", "recipients", "patterns") == refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": {"ids.0": ["No."]}}, "ids.0: No."),
        ({"errors": ["No such id."]}, "['No such id.']."),
        ({"error": "No such id."}, "No such id."),
        ({"errors": [], "error": {"code": 7}}, "{'code': 7}."),
        ({"error": True, "message": "No such id."}, "No such id."),
        ({"success": False}, "{'success': False}."),
        ([{"id": "e1"}, {"error": "No such id of jane@x.example."}], "No such id of j***@x.example."),
        ({"data": [{"id": "e1"}, {"success": False, "message": "Odd"}]}, "Odd."),
        ({"data": {"error": "Odd"}}, "Odd."),
    ],
)
def test_a_change_that_reports_errors_in_its_success_has_failed(body: object, said: str) -> None:
    with pytest.raises(MailerSendValidationError) as caught:
        check_change(DELETE, answer(200, body))
    assert str(caught.value) == f"DELETE /recipients/{{id}} answered 200, but with errors: {said}"
    assert (caught.value.endpoint, caught.value.status) == ("DELETE /recipients/{id}", 200)


@pytest.mark.parametrize(
    "body",
    [None, b" ", [], {}, "done", {"errors": []}, {"error": None, "success": True}, {"data": [None, "e1"]}],
)
def test_a_change_that_reports_no_errors_is_done(body: object) -> None:
    check_change(DELETE, answer(200, body))


def test_a_change_that_something_else_answered_is_unexpected() -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError, match="isn't valid JSON") as caught:
        check_change(DELETE, answer(200, b"<html>"))
    assert (caught.value.endpoint, caught.value.status) == ("DELETE /recipients/{id}", 200)


@pytest.mark.parametrize("status", [200, 201])
def test_an_unexpected_answer_is_told_with_its_endpoint_and_status(status: int) -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError, match="JSON that is a list, not an object") as caught:
        parse_object(RECIPIENT, answer(status, []))
    assert str(caught.value).startswith(f"GET /recipients/{{id}} answered {status} with ")
    assert (caught.value.endpoint, caught.value.status) == ("GET /recipients/{id}", status)


def too_many(field: str, named: object = 100) -> MailerSendValidationError:
    said = f"The {field} field must not have more than {named} items."
    return MailerSendValidationError("no", status=422, errors={field: [said]})


@pytest.mark.parametrize(
    ("error", "size", "smaller"),
    [
        (too_many("ids"), 500, 100),
        (too_many("ids"), 101, 100),
        (too_many("ids"), 100, 50),
        (too_many("ids"), 99, 49),
        (too_many("ids", 0), 100, 50),
        (too_many("ids", 700), 500, 250),
        (too_many("ids"), 1, None),
        (too_many("ids", "many"), 500, None),
        (too_many("domain_id"), 500, None),
        (too_many("ids.0"), 500, None),
        (MailerSendRequestError("no", status=413), 500, 250),
        (MailerSendRequestError("no", status=413), 3, 1),
        (MailerSendRequestError("no", status=413), 1, None),
        (MailerSendRequestError("no", status=400), 500, None),
        (MailerSendValidationError("no", status=422), 500, None),
        (MailerSendValidationError("no", status=422, errors={"ids": ["is odd"]}), 500, None),
    ],
)
def test_a_refused_size_tells_the_next_one(
    error: MailerSendRequestError, size: int, smaller: int | None
) -> None:
    assert smaller_batch(error, size, "ids") == smaller


def test_a_size_refused_for_two_fields_is_one_refusal() -> None:
    error = too_many("recipients")
    error.errors |= too_many("patterns").errors
    assert smaller_batch(error, 500, "recipients", "patterns") == 100


@pytest.mark.parametrize("conn_id", [None, "mailersend_default"])
def test_an_error_says_which_connection_and_how_far_the_work_was(conn_id: str | None) -> None:
    error = MailerSendServerError("It broke.", endpoint="GET /recipients", status=500)
    error.conn_id = conn_id
    error.progress = "One of two was done."
    expected = "It broke. One of two was done."
    assert str(error) == (f"{expected} Connection 'mailersend_default'." if conn_id else expected)


EXAMPLES = [
    MailerSendError("m", endpoint="e", status=7),
    MailerSendAuthenticationError("m", endpoint="e", status=401),
    MailerSendPermissionError("m", endpoint="e", status=403),
    MailerSendNotFoundError("m", endpoint="e", status=404),
    MailerSendRequestError("m", endpoint="e", status=400),
    MailerSendValidationError("m", endpoint="e", status=422, errors={"ids.0": ["a"]}),
    MailerSendRateLimitError("m", endpoint="e", retry_at=12.5),
    MailerSendQuotaExhaustedError("m", endpoint="e", resets_at=datetime(2026, 3, 5, tzinfo=UTC)),
    MailerSendGuardError("m"),
    MailerSendSettingsError("m"),
    MailerSendServerError("m", endpoint="e", status=500),
    MailerSendConnectionError("m", endpoint="e"),
    MailerSendUnexpectedAnswerError("m", endpoint="e", status=200),
    MailerSendIncompleteListError("m", endpoint="e"),
    MailerSendAmbiguousResultError("m", endpoint="e"),
]


def test_every_error_is_among_the_examples() -> None:
    defined = {
        each
        for each in vars(exceptions).values()
        if isinstance(each, type)
        and issubclass(each, MailerSendError)
        and each.__module__ == exceptions.__name__
    }
    assert {type(example) for example in EXAMPLES} == defined


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: type(example).__name__)
@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_an_error_survives_with_all_it_says(
    example: MailerSendError, again: Callable[[MailerSendError], MailerSendError]
) -> None:
    example.conn_id, example.progress, example.may_be_processed = "c", "p", True
    survivor = again(example)
    assert type(survivor) is type(example)
    assert vars(survivor) == vars(example)
    assert str(survivor) == str(example) == "m p Connection 'c'."


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["message", "errors", "ids", "ids.0", "recipients", "recipients.1", ".", ""]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@properties
@given(
    st.sampled_from([301, 400, 401, 403, 404, 413, 422, 500]) | st.integers(100, 599),
    st.one_of(anything, st.binary(), st.text().map(str.encode)),
    st.dictionaries(st.sampled_from(["retry-after", "date", "x-ratelimit-reset"]), st.text(max_size=5)),
)
def test_no_answer_is_too_odd_to_be_told_as_an_error(
    status: int, body: object, headers: dict[str, str]
) -> None:
    error = error_from(ADDITION, answer(status, body, headers))
    assert isinstance(error, MailerSendError)
    assert f"POST /suppressions/hard-bounces answered {status}" in str(error)
    if isinstance(error, MailerSendValidationError):
        refused_items(error, "ids", "recipients")
    if isinstance(error, MailerSendRequestError):
        assert smaller_batch(error, 100, "ids", "recipients") in (None, *range(1, 100))
