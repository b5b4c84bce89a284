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
    ):
        script.run(find_domain(flow(), "else.example"))


def test_of_many_domains_twenty_are_named() -> None:
    script = Script(page(*[domain(n) for n in range(25)]))
    with pytest.raises(MailerSendNotFoundError, match=r"Mail19.example and 5 more\.$"):
        script.run(find_domain(flow(), "else.example"))


def test_an_account_without_domains_is_said_to_have_none() -> None:
    with pytest.raises(MailerSendNotFoundError, match="it has none"):
        Script(page()).run(find_domain(flow(), "else.example"))


def test_a_domain_without_a_name_is_no_obstacle() -> None:
    assert Script(page({"id": "d0"}, domain(1))).run(find_domain(flow(), "mail1.example")) == "d1"


@pytest.mark.parametrize("wrong", [123, 0, True, False, ["d1"], [], {}, b"d1"])
@pytest.mark.parametrize("name", ["domain_id", "domain"])
def test_what_is_no_text_is_no_domain(name: str, wrong: Any) -> None:
    arguments: dict[str, Any] = {"domain_id": None, "domain": None, name: wrong}
    with pytest.raises(TypeError, match=f"^{name} must be a string; got {type(wrong).__name__}$"):
        Scope.of(**arguments, default_id="d1")


def test_a_token_in_place_of_a_domain_is_masked() -> None:
    with pytest.raises(MailerSendNotFoundError, match=r"no domain 'mlsn\.\*\*\*'; it has"):
        Script(page(domain(1))).run(find_domain(flow(), "mlsn.0123456789abcdef"))
