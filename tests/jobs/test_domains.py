from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import MailerSendNotFoundError
from airflow_provider_mailersend.jobs.domains import Scope, find_domain
from tests.feeding.script import Script, flow, page


def domain(number: int) -> dict[str, str]:
    return {"id": f"d{number}", "name": f"Mail{number}.example"}


@pytest.mark.parametrize("name", ["mail2.example", "MAIL2.EXAMPLE", " mail2.example "])
def test_a_domain_is_found_by_its_name_in_any_spelling(name: str) -> None:
    script = Script(page(domain(1), domain(2), domain(3)))
    assert script.run(find_domain(flow(), name)) == "d2"


def test_a_domain_is_looked_for_on_every_page_until_it_is_found() -> None:
    script = Script(page(domain(1), more=True), page(domain(2), more=True))
    assert script.run(find_domain(flow(), "mail2.example")) == "d2"
    assert [dict(request.params) for request in script.sent] == [
        {"page": 1, "limit": 100},
        {"page": 2, "limit": 100},
    ]


def test_a_name_that_is_only_part_of_another_is_not_found() -> None:
    with pytest.raises(MailerSendNotFoundError):
        Script(page(domain(1))).run(find_domain(flow(), "mail1"))


def test_an_unknown_domain_is_named_with_those_there_are() -> None:
    script = Script(page(domain(1), domain(2)))
    with pytest.raises(
        MailerSendNotFoundError, match=r"no domain 'else.example'; it has Mail1.example, Mail2"
    ) as caught:
        script.run(find_domain(flow(), "else.example"))
    assert caught.value.endpoint == "GET /domains"


def test_of_many_domains_twenty_are_named() -> None:
    script = Script(page(*[domain(n) for n in range(25)]))
    with pytest.raises(MailerSendNotFoundError, match=r"Mail19.example and 5 more\.$"):
        script.run(find_domain(flow(), "else.example"))


def test_an_account_without_domains_is_said_to_have_none() -> None:
    with pytest.raises(MailerSendNotFoundError, match="it has none"):
        Script(page()).run(find_domain(flow(), "else.example"))


def test_a_domain_without_a_name_is_no_obstacle() -> None:
    assert Script(page({"id": "d0"}, domain(1))).run(find_domain(flow(), "mail1.example")) == "d1"


@pytest.mark.parametrize("wrong", [123, 0, True, False, ["d1"], [], {}, b"d1", "", "  ", "None", "{{ x }}"])
@pytest.mark.parametrize("name", ["domain_id", "domain"])
def test_what_is_no_domain_does_not_mean_the_default(name: str, wrong: Any) -> None:
    error, said = (
        (ValueError, "is not a domain. It is ")
        if isinstance(wrong, str)
        else (TypeError, "must be a string; got ")
    )
    arguments: dict[str, Any] = {"domain_id": None, "domain": None, name: wrong}
    with pytest.raises(error, match=f"^{name} {said}"):
        Scope.of(**arguments, default_id="d1")


def test_a_token_in_place_of_a_domain_is_masked() -> None:
    with pytest.raises(MailerSendNotFoundError, match=r"no domain 'mlsn\.\*\*\*'; it has"):
        Script(page(domain(1))).run(find_domain(flow(), "mlsn.0123456789abcdef"))


@pytest.mark.parametrize(
    ("domain_id", "name", "default_id", "scope"),
    [
        (None, None, None, Scope()),
        (None, None, "d1", Scope("d1")),
        ("d2", None, "d1", Scope("d2")),
        (None, "x.example", "d1", Scope(domain="x.example")),
        ("account", None, "d1", Scope()),
    ],
)
def test_a_domain_is_meant_by_id_or_by_name_or_the_connection_s_is(
    domain_id: str | None, name: str | None, default_id: str | None, scope: Scope
) -> None:
    assert Scope.of(domain_id, name, default_id) == scope


def test_a_domain_is_meant_by_one_of_its_id_and_its_name() -> None:
    with pytest.raises(ValueError, match="either domain_id or domain, not both"):
        Scope.of("d1", "x.example", None)


def test_what_was_found_for_one_name_is_known_for_all() -> None:
    sender, script = flow(), Script(page(domain(1), domain(2)))
    for name, id_ in (("mail1.example", "d1"), ("Mail2.example", "d2")):
        assert script.run(Scope(domain=name).resolve(sender)) == id_
    assert script.run(Scope("d3").resolve(sender)) == "d3"
    assert script.run(Scope().resolve(sender)) is None
    assert len(script.sent) == 1
