"""What the API refuses, in its own words; nothing that is sent to it makes it answer 500."""

from __future__ import annotations

import json
from typing import Any

import pytest

BLOCKLIST = "/suppressions/blocklist"
BOUNCES = "/suppressions/hard-bounces"
NOBODY = "5ee0b174b251345e407c92dc"


def refused(answer: Any) -> dict[str, list[str]]:
    """The errors of a 422, after a look at the message that sums them up."""
    assert answer.status_code == 422, answer.text
    body = answer.json()
    messages = [message for found in body["errors"].values() for message in found]
    more = {1: "", 2: " (and 1 more error)"}.get(len(messages), f" (and {len(messages) - 1} more errors)")
    assert body["message"] == messages[0] + more
    errors: dict[str, list[str]] = body["errors"]
    return errors


@pytest.mark.parametrize("token", ["mlsn.other", "mlsn.sandboxx", "x"])
def test_a_wrong_token(start, token):
    client = start(blocklist=3)

    answer = client("GET", BLOCKLIST, headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})


def test_no_token(start):
    answer = start()("GET", "/domains", headers={"Authorization": None})

    assert answer.status_code == 401


def test_another_token_when_so_set(start):
    assert start(token="mlsn.mine").get("/domains").status_code == 200


@pytest.mark.parametrize("unknown", [1, 2, 3])
def test_unknown_ids_refuse_the_whole_delete(start, unknown):
    client = start(blocklist=3)
    known = client.sandbox.entries("blocklist")[0]["id"]

    answer = client("DELETE", BLOCKLIST, {"ids": [NOBODY] * unknown + [known]})

    assert refused(answer) == {f"ids.{n}": [f"The selected ids.{n} is invalid."] for n in range(unknown)}
    assert len(client.sandbox.entries("blocklist")) == 3


def test_the_summary_counts_the_errors(start):
    client = start()
    for unknown, more in ((1, ""), (2, " (and 1 more error)"), (3, " (and 2 more errors)")):
        answer = client("DELETE", BLOCKLIST, {"ids": [NOBODY] * unknown})
        assert answer.json()["message"] == f"The selected ids.0 is invalid.{more}"


@pytest.mark.parametrize("dialect", ["observed", "documented"])
def test_ids_of_another_domain(start, dialect):
    client = start(dialect=dialect, hard_bounces=2, domains=("a.example", "b.example"))
    entry = client.sandbox.entries("hard-bounces")[0]
    other = ({"a.example", "b.example"} - {entry["recipient"]["domain"]["name"]}).pop()

    answer = client("DELETE", BOUNCES, {"ids": [entry["id"]], "domain_id": client.sandbox.domain_id(other)})

    if dialect == "observed":
        assert answer.status_code == 200
        assert entry not in client.sandbox.entries("hard-bounces")
    else:
        assert refused(answer) == {"ids.0": ["The selected ids.0 is invalid."]}


def test_an_id_that_differs_in_one_digit(start):
    client = start(blocklist=3)
    known = client.sandbox.entries("blocklist")[0]["id"]
    for place in range(24):
        changed = known[:place] + ("0" if known[place] != "0" else "1") + known[place + 1 :]
        refused(client("DELETE", BLOCKLIST, {"ids": [changed]}))


@pytest.mark.parametrize(
    "body", [None, {}, {"ids": []}, {"all": False}, {"ids": [], "all": False}, {"ids": None}]
)
def test_delete_of_nothing_in_particular(start, body):
    client = start(blocklist=3)

    assert set(refused(client("DELETE", BLOCKLIST, body))) == {"ids", "all"}
    assert len(client.sandbox.entries("blocklist")) == 3


def test_delete_of_ids_and_all(start):
    client = start(blocklist=3)
    known = client.sandbox.entries("blocklist")[0]["id"]

    assert set(refused(client("DELETE", BLOCKLIST, {"ids": [known], "all": True}))) == {"all"}
    assert len(client.sandbox.entries("blocklist")) == 3


@pytest.mark.parametrize("all_", ["yes", 7, [], {}])
def test_all_that_is_neither_true_nor_false(start, all_):
    client = start(blocklist=3)

    assert "all" in refused(client("DELETE", BLOCKLIST, {"all": all_}))
    assert len(client.sandbox.entries("blocklist")) == 3


@pytest.mark.parametrize("path", [BLOCKLIST, BOUNCES])
def test_invalid_addresses(start, path):
    client = start()
    domain_id = client.sandbox.domain_id("example.com")
    addresses = ["ok@a.co", "no", "", "a@b", "a b@c.de", "a@@b.co", 7, None]

    errors = refused(client("POST", path, {"domain_id": domain_id, "recipients": addresses}))

    assert errors["recipients.1"] == ["The recipients.1 must be a valid email address. #MS42208"]
    assert errors["recipients.6"] == ["The recipients.6 must be a string. #MS42221"]
    assert list(errors) == [f"recipients.{index}" for index in range(1, 8)]
    assert client.sandbox.entries(path.rpartition("/")[2]) == []


def test_invalid_patterns(start):
    client = start()

    errors = refused(
        client("POST", BLOCKLIST, {"patterns": [".*@a.co", "", "(", "*@b.co", 5, "(" * 9999 + ")" * 9999]})
    )

    assert errors == {
        "patterns.1": ["The patterns.1 field is required. #MS42209"],
        "patterns.2": ["The patterns.2 format is invalid."],
        "patterns.3": ["The patterns.3 format is invalid."],
        "patterns.4": ["The patterns.4 must be a string. #MS42221"],
        "patterns.5": ["The patterns.5 format is invalid."],
    }
    assert client.sandbox.entries("blocklist") == []


@pytest.mark.parametrize("body", [{}, {"recipients": []}, {"recipients": [], "patterns": []}])
def test_a_blocklist_add_of_nothing(start, body):
    assert set(refused(start()("POST", BLOCKLIST, body))) == {"recipients", "patterns"}


def test_an_add_of_nothing_at_all(start):
    errors = refused(start()("POST", BOUNCES, {}))

    assert errors == {
        "domain_id": ["The domain id field is required. #MS42209"],
        "recipients": ["The recipients field is required. #MS42209"],
    }


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{BLOCKLIST}?domain_id=nope", None),
        ("GET", f"{BOUNCES}?domain_id=nope", None),
        ("GET", "/recipients?domain_id=nope", None),
        ("POST", BLOCKLIST, {"domain_id": "nope", "recipients": ["a@a.co"]}),
        ("DELETE", BLOCKLIST, {"domain_id": "nope", "all": True}),
    ],
)
def test_an_unknown_domain(start, method, path, body):
    client = start(blocklist=3)

    answer = client(method, path, body)

    message = "The selected domain id is invalid."
    assert answer.json() == {"message": message, "errors": {"domain_id": [message]}}
    assert answer.status_code == 422
    assert len(client.sandbox.entries("blocklist")) == 3


@pytest.mark.parametrize("name", ["hard-bounces", "spam-complaints", "unsubscribes"])
@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        ("observed", "The domain id field is required. #MS42209"),
        ("documented", "The selected domain id is invalid."),
    ],
)
def test_an_unknown_domain_in_an_add(start, name, dialect, message):
    client = start(dialect=dialect)

    answer = client("POST", f"/suppressions/{name}", {"domain_id": "nope", "recipients": ["a@a.co"]})

    assert answer.status_code == 422
    assert answer.json() == {"message": message, "errors": {"domain_id": [message]}}
    assert client.sandbox.entries(name) == []


def test_unknown_sms_filters(start):
    errors = refused(start().get("/sms-recipients", sms_number_id="nope", status="asleep"))

    assert errors == {
        "status": ["The selected status is invalid."],
        "sms_number_id": ["The selected sms number id is invalid."],
    }


@pytest.mark.parametrize(
    "body", [{"status": "asleep"}, {"status": 1}, {"status": ["active"]}, {"status": ""}, {}]
)
def test_an_invalid_status(start, body):
    client = start(sms_recipients=1)
    path = f"/sms-recipients/{client.sandbox.entries('sms-recipients')[0]['id']}"

    assert set(refused(client("PUT", path, body))) == {"status"}
    assert client.get(path).json()["data"]["status"] == "active"


@pytest.mark.parametrize(
    "path",
    [
        f"/recipients/{NOBODY}",
        f"/sms-recipients/{NOBODY}",
        "/recipients/",
        "/recipients/x",
        "/sms-recipients/..%2Fdomains",
        "/recipients/..%2Fsuppressions%2Fblocklist",
        "/recipients/%2E%2E%2Fdomains",
        "/recipients/%00",
        "/recipients/%FF",
        "/domains/",
        "/suppressions",
        "/suppressions/nothing",
        "/",
    ],
)
def test_404(start, path):
    client = start(recipients=3, sms_recipients=3)

    answer = client("GET", path, allow_redirects=False)

    assert answer.status_code == 404
    assert answer.json() == {"message": "Resource not found."}
    assert len(answer.text.splitlines()) == 3
    assert "x-apiquota-remaining" not in answer.headers


def test_an_encoded_id_is_logged_as_it_came(start):
    client = start()

    client.get("/sms-recipients/..%2Fdomains")

    [request] = client.sandbox.log
    assert request.raw_path == "/v1/sms-recipients/..%2Fdomains"
    assert request.path == "/sms-recipients/../domains"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/suppressions/on-hold-list", "DELETE, GET, HEAD"),
        ("PUT", BLOCKLIST, "DELETE, GET, HEAD, POST"),
        ("DELETE", "/recipients", "GET, HEAD"),
        ("DELETE", f"/sms-recipients/{NOBODY}", "GET, HEAD, PUT"),
    ],
)
def test_405(start, method, path, allowed):
    answer = start()(method, path, {"recipients": ["a@a.co"]})

    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.json()["message"].startswith(f"The {method} method is not supported for this route.")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "#MS42227"),
        (b"recipients=a@a.co", "#MS42227"),
        (b"\xff\xfe", "#MS42227"),
        (b'{"recipients": [NaN]}', "#MS42227"),
        (b"[" * 100_000, "#MS42227"),
        (b"1" * 10_000, "#MS42227"),
        (b"[]", "#MS42228"),
        (b'"text"', "#MS42228"),
        (b"null", "#MS42228"),
    ],
)
def test_a_body_that_is_no_json_object(start, method, body, code):
    answer = start()(method, BLOCKLIST, data=body)

    assert answer.status_code == 422
    assert answer.json()["message"].endswith(code)


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "\ud800",
    "\0",
    [],
    [[]],
    [{}],
    {},
    {"a": 1},
    ["a@a.co", []],
    "9" * 5000,
]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", BLOCKLIST),
        ("POST", BOUNCES),
        ("DELETE", BLOCKLIST),
        ("DELETE", BOUNCES),
        ("PUT", "/sms-recipients/{sms}"),
    ],
)
def test_odd_values_are_refused_and_never_a_500(start, method, path):
    client = start(sms_recipients=1, blocklist=2, hard_bounces=2)
    path = path.replace("{sms}", client.sandbox.entries("sms-recipients")[0]["id"])
    domain_id = client.sandbox.domain_id("example.com")
    for field in ("recipients", "patterns", "ids", "all", "domain_id", "status"):
        for value in ODD:
            body = {"domain_id": domain_id, field: value}
            assert client(method, path, data=json.dumps(body)).status_code in (200, 201, 422), body


@pytest.mark.parametrize(
    "query", ["limit=%FF", "limit[]=10", "domain_id[]=x", "&&=&", "page=%00", "limit=%F0%9F%98%80"]
)
def test_odd_queries_are_never_a_500(start, query):
    client = start(blocklist=2, sms_recipients=2)
    for path in (BLOCKLIST, "/recipients", "/sms-recipients", "/domains"):
        assert client.get(f"{path}?{query}").status_code in (200, 422)
