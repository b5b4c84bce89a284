"""What Airflow 3 shows: the connection's form, a DAG's graph, a task's log, an asset's events."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from airflow_provider_mailersend.sandbox import Fault, Sandbox
from example_dags import demo
from tests.e2e.processes import Airflow
from tests.looks.browser import LONGEST, Browser

_SETTINGS = {
    "CORE__DAGS_FOLDER": str(Path(demo.__file__).parent),
    "CORE__TEST_CONNECTION": "Enabled",
    # The first task waits until Airflow has set up its API for tasks.
    "WORKERS__EXECUTION_API_TIMEOUT": "60",
}

CONNECTION = "mailersend_marketing"
EXTRA = {"Timeout": "20", "Max retries": "3", "Quota reserve": "500"}
CRM, WATCH, COUNT = "mailersend_crm_opt_outs", "mailersend_bounce_watch", "mailersend_after_crm_sync"
RUN, TASK = "crm_synced", "sync_blocklist"


def run(browser: Browser) -> None:
    """Look at all pages; AssertionError if one doesn't show what it should."""
    with (
        demo.sandbox() as mailersend,
        Airflow({"mailersend_default": mailersend}, _SETTINGS) as airflow,
    ):
        Looks(browser, mailersend, airflow).look()


class Looks:
    """
    The pages, in order.

    :param airflow: Airflow, not started yet.
    """

    def __init__(self, browser: Browser, mailersend: Sandbox, airflow: Airflow) -> None:
        self.browser = browser
        self.page = browser.page
        self.mailersend = mailersend
        self.airflow = airflow
        self.begun = time.monotonic()

    def look(self) -> None:
        self.start()
        self.fill_the_form()
        self.test_without_a_port()
        self.reopen_the_form()
        self.test_with_a_port()
        # Before the graph: Airflow remembers to show that, and then the log has little room.
        self.read_the_log()
        self.see_the_graph()
        self.see_the_events()

    def start(self) -> None:
        self.airflow.make_database()
        self.airflow.start()
        self.airflow.start_triggerer()
        self.wait_for("Airflow responds", self.airflow.log_in)
        self.wait_for("the DAGs are there", lambda: self.airflow.ask("dags")["total_entries"] == 8)
        for dag_id in (CRM, WATCH, COUNT):
            self.airflow.ask(f"dags/{dag_id}", "PATCH", is_paused=False)
        # So the log has something to say about waiting.
        limit = {"retry-after": "3"}
        self.mailersend.fail(Fault(method="POST", path="/suppressions/blocklist", status=429, headers=limit))
        crm = demo.make_crm(self.airflow.home / "crm.sqlite", self.mailersend)
        run = {"dag_run_id": RUN, "logical_date": None, "conf": {"crm": str(crm)}}
        self.airflow.ask(f"dags/{CRM}/dagRuns", "POST", **run)

    def fill_the_form(self) -> None:
        self.page.goto(f"{self.airflow.url}/connections")
        self.page.get_by_role("button", name="Add Connection").click()
        form = self.page.get_by_role("dialog")
        form.get_by_role("textbox", name="Connection ID").fill(CONNECTION)
        form.get_by_role("combobox", name="Connection Type").fill("MailerSend")
        self.page.get_by_role("option", name="MailerSend").click()
        token, port = (
            form.get_by_role("textbox", name="API token"),
            form.get_by_role("spinbutton", name="Port"),
        )
        token.fill(self.mailersend.token)
        expect(token).to_have_attribute("type", "password")
        port.fill("443")
        for hidden in ("Login", "Schema"):
            expect(form.get_by_text(hidden, exact=True)).to_have_count(0)
        self.browser.picture("connection-form", form)
        port.fill("")
        form.get_by_role("textbox", name="Base URL").fill(self.mailersend.url)
        form.get_by_role("button", name="Extra Fields", exact=True).click()
        form.locator("#element_domain_id").fill(self.domain_id)
        for label, value in EXTRA.items():
            form.get_by_role("spinbutton", name=label).fill(value)
        expect(form.get_by_text("Optional.")).to_have_count(4)
        self.browser.show_height(1150)
        self.browser.picture("connection-extra-fields", form)
        self.browser.show_height(900)
        self.save(form)
        self.say("the connection is saved")

    @property
    def domain_id(self) -> str:
        return self.mailersend.domain_id(self.mailersend.domains[0])

    def save(self, form: Any) -> None:
        form.get_by_role("button", name="Save").click()
        expect(form).to_be_hidden()
        expect(self.row()).to_contain_text(self.mailersend.url)
        assert self.mailersend.token not in self.page.content()

    def row(self) -> Any:
        return self.page.get_by_role("row").filter(has_text=CONNECTION)

    def test(self) -> Any:
        """Press the button and return the notification."""
        self.row().get_by_role("button", name="Test Connection").click()
        return self.page.get_by_role("status").filter(has_text="Test Connection")

    def test_without_a_port(self) -> None:
        """Airflow tests port 0, finds that the stored connection has another, and refuses, saying no more."""
        before = len(self.mailersend.requests("GET", "/api-quota"))
        told = self.test()
        expect(told).to_contain_text("Test Connection Failed")
        expect(told).to_contain_text("Bad Request")
        assert len(self.mailersend.requests("GET", "/api-quota")) == before
        self.say("without a port, Airflow tests no connection")

    def reopen_the_form(self) -> None:
        self.page.reload()
        self.row().get_by_role("button", name="Edit Connection").click()
        form = self.page.get_by_role("dialog")
        expect(form.get_by_role("textbox", name="Base URL")).to_have_value(self.mailersend.url)
        expect(form.get_by_role("textbox", name="API token")).to_have_value("***")
        form.get_by_role("spinbutton", name="Port").fill("443")
        form.get_by_role("button", name="Extra Fields", exact=True).click()
        expect(form.locator("#element_domain_id")).to_have_value(self.domain_id)
        for label, value in EXTRA.items():
            expect(form.get_by_role("spinbutton", name=label)).to_have_value(value)
        assert self.mailersend.token not in self.page.content()
        self.save(form)
        self.say("the form shows what was saved, but not the token")

    def test_with_a_port(self) -> None:
        self.page.reload()
        told = self.test()
        expect(told).to_contain_text("Test Connection Success")
        expect(told).to_contain_text(
            re.compile(r"Connected to MailerSend\. \d+ of 1000 requests of the daily quota are left until ")
        )
        self.browser.show_height(420)
        self.browser.picture("connection-test")
        self.browser.show_height(900)
        self.say("with a port, the connection is tested")

    def see_the_graph(self) -> None:
        self.browser.show_height(600)
        self.page.goto(f"{self.airflow.url}/dags/{CRM}/runs/{RUN}")
        self.page.get_by_role("button", name="Show Graph").click()
        self.page.get_by_role("button", name="Collapse Details Panel").click()
        # A tooltip would cover tasks.
        self.page.mouse.move(640, 40)
        for task, operator in {
            "opted_out_by_email": "@task",
            "opted_out_by_sms": "@task",
            TASK: "MailerSendSyncSuppressionsOperator",
            "sync_unsubscribes": "MailerSendSyncSuppressionsOperator",
            "opt_numbers_out": "MailerSendUpdateSmsRecipientsOperator",
        }.items():
            node = self.page.locator(f".react-flow__node[data-id={task}]")
            expect(node).to_contain_text(operator)
            expect(node).to_contain_text("success")
        self.browser.picture("dag-graph")
        self.say("the graph shows the tasks")

    def read_the_log(self) -> None:
        path = f"dags/{CRM}/dagRuns/{RUN}"
        self.wait_for("the DAG run is over", lambda: self.airflow.ask(path)["state"] in ("success", "failed"))
        self.browser.show_height(480)
        page = f"{self.airflow.url}/dags/{CRM}/runs/{RUN}/tasks/{TASK}"
        self.page.goto(page)
        log = self.page.locator("code").filter(has_text="Post Execute").first
        expect(log).to_contain_text(re.compile(r"waiting \d\.\d s for the rate limit"))
        expect(log).to_contain_text(
            re.compile(
                rf"blocklist \(domain {self.domain_id}\): added 60, deleted 0; mode add_only; 60 wanted, \d+ present, "
                r"0 unchanged; \d+ requests, \d+ of the daily quota left; waited \d s for the rate limit; "
                r"connection 'mailersend_default'\."
            )
        )
        shown = log.inner_text()
        assert "@" not in shown, "an address in the log"
        assert self.mailersend.token not in shown
        self.page.get_by_role("button", name="Log Settings").click()
        self.page.get_by_role("menuitem", name="Wrap").click()
        self.page.mouse.move(640, 40)
        self.browser.picture("task-log")
        self.page.goto(f"{page}/details")
        link = self.page.get_by_role("link", name="MailerSend suppressions")
        expect(link).to_have_attribute("href", "https://app.mailersend.com/suppressions")
        self.say("the log says what was done, and the page links to MailerSend")

    def see_the_events(self) -> None:
        path = "/suppressions/hard-bounces"
        self.wait_for("the watcher had its first look", lambda: bool(self.mailersend.requests("GET", path)))
        self.mailersend.add("hard-bounces", *(f"bounced{number}@example.net" for number in range(3)))
        uri = "mailersend://mailersend_default/hard-bounces"
        # It looks once a minute.
        runs = f"dags/{WATCH}/dagRuns"
        self.wait_for("the watcher has seen what bounced", lambda: self.ended(runs), longest=150)
        self.browser.show_height(720)
        self.page.goto(f"{self.airflow.url}/assets")
        expect(self.page.get_by_role("link", name="mailersend://")).to_have_count(3)
        self.page.get_by_role("link", name=uri).click()
        expect(self.page.get_by_role("heading", name="1 Asset Event")).to_be_visible()
        expect(self.page.get_by_text("Source: Trigger")).to_be_visible()
        expect(self.page.get_by_role("button", name="1 Watcher")).to_be_visible()
        expect(self.page.get_by_role("link", name=WATCH)).to_have_count(2)
        self.make_room()
        self.browser.picture("asset-events")
        self.say("the asset shows the event, and the DAG run it started")

    def ended(self, runs: str) -> bool:
        return any(run["state"] == "success" for run in self.airflow.ask(runs)["dag_runs"])

    def make_room(self) -> None:
        """Draw the panel of events wider: Airflow gives it a quarter of the page."""
        edge = self.page.get_by_role("separator").first.bounding_box()
        if edge is None:
            raise RuntimeError("the panel has no edge to draw")
        self.page.mouse.move(edge["x"] + edge["width"] / 2, edge["y"] + 300)
        self.page.mouse.down()
        self.page.mouse.move(660, edge["y"] + 300, steps=10)
        self.page.mouse.up()
        self.page.mouse.move(640, 40)
        self.page.get_by_role("button", name="Fit View").click()

    def wait_for(self, what: str, is_true: Callable[[], bool], longest: float = LONGEST) -> None:
        until = time.monotonic() + longest
        while not is_true():
            self.airflow.check()
            if time.monotonic() > until:
                raise RuntimeError(f"not true after {longest:.0f} s: {what}")
            time.sleep(0.5)
        self.say(what)

    def say(self, what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self.begun:6.1f} s  {what}\n")
        sys.stdout.flush()
