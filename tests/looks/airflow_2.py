"""What Airflow 2.11 shows: the connection's form."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

import requests
from playwright.sync_api import expect

from airflow_provider_mailersend.sandbox import Sandbox
from tests.e2e.processes import Airflow
from tests.looks.browser import LONGEST, Browser

CONNECTION = "mailersend_marketing"
EXTRA = {"timeout": "20", "max_retries": "3", "quota_reserve": "500"}

_SETTINGS = {
    "CORE__TEST_CONNECTION": "Enabled",
    # Airflow 2 has no other one for SQLite.
    "CORE__EXECUTOR": "SequentialExecutor",
}


class Webserver(Airflow):
    """Airflow 2.11's webserver, where nobody has to log in."""

    def start(self) -> None:
        (self.home / "webserver_config.py").write_text(
            "AUTH_ROLE_PUBLIC = 'Admin'\nWTF_CSRF_ENABLED = True\n"
        )
        self._start(
            "webserver", "webserver", "--hostname", "127.0.0.1", "--port", self.url.rpartition(":")[2]
        )
        until = time.monotonic() + LONGEST
        while not self._is_up():
            self.check()
            if time.monotonic() > until:
                raise RuntimeError(f"the webserver doesn't respond after {LONGEST:.0f} s")
            time.sleep(0.5)

    def _is_up(self) -> bool:
        try:
            return self._http.get(f"{self.url}/health", timeout=30).ok
        except requests.ConnectionError:
            return False


def run(browser: Browser) -> None:
    """Fill the form, save it, open it again, test the connection; AssertionError if the page shows something else."""
    with Sandbox(quota=5_000) as mailersend, Webserver({}, _SETTINGS) as airflow:
        airflow.make_database()
        airflow.start()
        _say("the webserver responds")
        page = browser.page
        values = {
            "host": mailersend.url,
            "extra__mailersend__domain_id": mailersend.domain_id("example.com"),
            **{f"extra__mailersend__{name}": value for name, value in EXTRA.items()},
        }

        browser.show_height(1360)
        page.goto(f"{airflow.url}/connection/add")
        page.locator("#conn_id").fill(CONNECTION)
        page.locator("#conn_type + .select2 .select2-selection").click()
        page.locator(".select2-search__field").fill("MailerSend")
        page.get_by_role("option", name="MailerSend", exact=True).click()
        expect(page.locator("#password")).to_have_attribute("placeholder", "starts with mlsn.")
        for hidden in ("login", "schema"):
            expect(page.locator(f"#{hidden}")).to_be_hidden()
        expect(page.get_by_text("Optional.")).to_have_count(4)
        for name, value in values.items():
            if name != "host":
                page.locator(f"#{name}").fill(value)
        page.locator("#password").fill(mailersend.token)
        expect(page.locator("#password")).to_have_attribute("type", "password")
        page.evaluate("window.scrollTo(0, 0)")
        browser.picture("connection-form-2.11")
        page.locator("#host").fill(values["host"])
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".alert").filter(has_text="Added Row")).to_be_visible()
        _say("the connection is saved")

        page.goto(f"{airflow.url}/connection/list/")
        page.locator("tr").filter(has_text=CONNECTION).locator("a[href*='/connection/edit/']").click()
        for name, value in values.items():
            expect(page.locator(f"#{name}")).to_have_value(value)
        assert mailersend.token not in page.content()
        assert mailersend.token not in page.locator("#password").input_value()
        _say("the form shows what was saved, but not the token")

        # The page doesn't send the stored token.
        _test(page)
        expect(page.locator(".alert").filter(has_text="there is no API token. Enter it")).to_be_visible()
        page.locator("#password").fill(mailersend.token)
        _test(page)
        told = re.compile(
            r"Connected to MailerSend\. 5000 of 5000 requests of the daily quota are left until "
        )
        expect(page.locator(".alert").filter(has_text=told)).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".alert").filter(has_text="Changed Row")).to_be_visible()
        _say("the connection is tested, and saved again")


def _test(page: Any) -> None:
    page.get_by_role("button", name="Test").click()


def _say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()
