from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.jobs.addresses import address_problem
from tests.feeding.script import properties


@pytest.mark.parametrize(
    "address",
    [
        "jane@example.com",
        "jane.doe+news=1@sub.example.co.uk",
        "o'hara@example.com",
        "mary.o'brien-d'arcy@example.com",
        "jane_doe+o'hara@example.com",
        "_@example.com",
        "-jane@example.com",
        ".jane.@docomo.example",
        "+15551234567@sms.example",
        "r&d!~?@example.com",
        "bounce+jane=example.com@lists.example",
        "prvs=0123456789=jane@example.com",
        "jane_example.com#EXT#@contoso.onmicrosoft.example",  # a guest in Microsoft's directories
        "jane..doe.@docomo.example",  # no RFC, but written to every day
        '"jane,doe"@example.com',
        r'"jane\"@doe"@example.com',
        "jané@exämple.com",
        "用户@例子.公司",
        "नमस्ते@उदाहरण.भारत",
        "иван.петров@пример.рф",
        "ใคร@ตัวอย่าง.ไทย",
        "jane@paral·lel.example",
        "jane@例子・会社.example",
        '"{jane}|*"@example.com',
        "jane@xn--bcher-kva.example",
        "jane@localhost",
        "jane_@a_b.example.com",
        "jane@[192.0.2.1]",
        "jane@[IPv6:2001:db8::1]",
        "none@example.com",
        f"{'j' * 255}@{'e' * 64}",
    ],
)
def test_unusual_addresses_pass(address: str) -> None:
    assert address_problem(address) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("None", "'None', which stands for no value"),
        ("null", "no value"),
        ("NaN", "no value"),
        ("<NA>", "no value"),
        ("{{ params.address }}", "a template"),
        ("{{ params.name }}@example.com", "a template"),
        ("{% if x %}a@b.com{% endif %}", "a template"),
        ("<generator object f at 0x7f00>", "a Python object"),
        ("LazySelectSequence(['a@example.com'])", "a Python object"),
        ("a@example.com, b@example.com", "more than one address"),
        ("a@example.com;b@example.com", "more than one address"),
        ("a@example.com b@example.com", "more than one address"),
        ("a@example.com\nb@example.com", "invisible character, U+000A"),
        ("['a@example.com']", "more than an address"),
        ('["a@example.com"]', "more than an address"),
        ("('a@example.com',)", "more than an address"),
        ("'a@example.com'", "begins with '"),
        ("Jane <jane@example.com>", "such as a name"),
        ("<jane@example.com>", "such as a name"),
        ("jane@example.com (Jane)", "not a domain name"),
        ("mailto:jane@example.com", "mailto:"),
        ("MAILTO:jane@example.com", "mailto:"),
        ("ja ne@example.com", "more than an address"),
        ("jane@exam ple.com", "not a domain name"),
        ("jane@example.com\u200b", "invisible character, U+200B"),
        ("\ufeffjane@example.com", "U+FEFF"),
        ("ja\u00adne@example.com", "U+00AD"),
        ("ja\u2800ne@example.com", "U+2800"),
        ("jane\x00@example.com", "U+0000"),
        ("jane\ud800@example.com", "U+D800"),
        ("jan\ufffd@example.com", "wrong encoding"),
        ("jane", "no @"),
        ("jane\uff20example.com", "no @"),
        ("@example.com", "nothing before or after"),
        ("jane@", "nothing before or after"),
        ("@", "nothing before or after"),
        ("jane@@example.com", "more than one @"),
        ("jane@doe@example.com", "more than one"),
        ("jane@example..com", "not a domain name"),
        ("jane@.example.com", "not a domain name"),
        ("jane@example.com/", "not a domain name"),
        ("https://example.com/?a=jane@example.com", "more than an address"),
        ("a" * 400 + "@example.com", "412 characters"),
        ("“jane@example.com”", "holds '“' before the @"),
        ("\u2018jane@example.com\u2019", "holds '\u2018' before the @"),
        ("«jane@example.com»", "holds '«' before the @"),
        ("・jane@example.com", "holds '・' before the @"),
        ("jane@example.com”", "not a domain name"),
        ("jane@example.com\uff0c", "not a domain name"),
        ("jane@example.com\uff1b", "not a domain name"),
        ("jane@example.com…", "not a domain name"),
        ("jane@example.com、bob", "not a domain name"),
        ("jane@example.com·", "not a domain name"),
        ("jane@example.com€", "not a domain name"),
        ("jane@😀", "not a domain name"),
        ("😀@example.com", "holds '😀' before the @"),
        ("jane\uff20a.com@b.com", "holds '\uff20' before the @"),
        ("jane%40a.com@b.com", "holds '%' before the @"),
        ("%s@example.com", "holds '%' before the @"),
        (".*@example.com", "holds '*' before the @"),
        ("*@example.com", "holds '*' before the @"),
        (".+@example.com", "no letter or digit before the @"),
        ("?@example.com", "no letter or digit before the @"),
        ("^jane@example.com", "holds '^' before the @"),
        ("jane|john@example.com", "holds '|' before the @"),
        ("jane/john@example.com", "holds '/' before the @"),
        ("//jane@example.com", "holds '/' before the @"),
        ("{email}@example.com", "holds '{' before the @"),
        ("}}@example.com", "holds '}' before the @"),
        ("$email@example.com", "holds '$' before the @"),
        ("${jane}@example.com", "a template"),
        ("`jane@example.com", "holds '`' before the @"),
        ("'jane@example.com", "begins with '"),
        ("jane'@example.com", "ends with '"),
        ("#jane@example.com", "begins with #"),
        ("=jane@example.com", "begins with ="),
        ("mailto=jane@example.com", "begins with mailto="),
        ("EMAIL=jane@example.com", "begins with EMAIL="),
    ],
)
def test_what_is_not_surely_one_address_is_told_why(text: str, why: str) -> None:
    assert why in (address_problem(text) or "")


@properties
@given(st.text(max_size=40))
def test_no_text_breaks_it_and_what_passes_is_one_address(text: str) -> None:
    if address_problem(text) is None:
        assert text.count("@") == 1 or text.startswith('"')
        assert text == text.strip()
        assert "," not in text or text.startswith('"')


@pytest.mark.parametrize(
    "text", ["a" * 320, "a@" * 160, "<" * 100_000, "{{" * 50_000, "a@b," * 25_000, '"' * 320]
)
def test_long_texts_take_no_longer_than_others(text: str) -> None:
    assert address_problem(text) is not None
