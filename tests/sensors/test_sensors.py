"""The sensors, over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout

from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError
from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.sensors.sms_recipients import MailerSendSmsRecipientStatusSensor
from airflow_provider_mailersend.sensors.suppressions import MailerSendSuppressionSensor
from tests.dags.in_airflow import rescheduled

Connect = Callable[..., str]


def poked(sensor: Any) -> tuple[bool, Any]:
    value = sensor.poke({})
    return bool(value), value.xcom_value


@pytest.mark.parametrize("suppression_list", ["blocklist", "hard-bounces", "unsubscribes"])
def test_it_waits_for_an_address(connect: Connect, suppression_list: str) -> None:
    with Sandbox(blocklist=150, hard_bounces=150, unsubscribes=150) as sandbox:
        connect(sandbox)
        sensor = MailerSendSuppressionSensor(
            task_id="wait", suppression_list=suppression_list, recipient=" Jane@example.NET"
        )
        assert poked(sensor) == (False, None)
        (entry,) = sandbox.add(suppression_list, "jane@example.net")
        before = len(sandbox.log)
        assert poked(sensor) == (True, sandbox.entries(suppression_list)[0])
        assert len(sandbox.log) == before + 1, "it stands on the first page"
        assert entry["id"] == sandbox.entries(suppression_list)[0]["id"]


def test_it_waits_for_a_pattern(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sensor = MailerSendSuppressionSensor(
        task_id="wait", suppression_list="blocklist", pattern=r"\S+@example\.net"
    )
    sandbox.add("blocklist", r"\S+@example\.net".replace("\\", ""), patterns=[r"\s+@example\.net"])
    assert poked(sensor)[0] is False
    sandbox.add("blocklist", patterns=[r"\S+@example\.net"])
    assert poked(sensor)[0] is True


def test_it_waits_for_an_address_to_leave(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    (entry,) = sandbox.add("blocklist", "jane@example.net")
    sensor = MailerSendSuppressionSensor(
        task_id="wait", suppression_list="blocklist", recipient="jane@example.net", present=False
    )
    assert poked(sensor)[0] is False
    sandbox.remove("blocklist", [entry["id"]])
    assert poked(sensor) == (True, None)


def test_it_looks_at_one_domain_where_told(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("unsubscribes", "jane@example.net", domain="news.example.com")
    here, elsewhere = (
        MailerSendSuppressionSensor(
            task_id=name.partition(".")[0],
            suppression_list="unsubscribes",
            recipient="jane@example.net",
            domain_id=sandbox.domain_id(name),
        )
        for name in ("news.example.com", "example.com")
    )
    assert poked(here)[0] is True
    assert poked(elsewhere)[0] is False
    by_name = MailerSendSuppressionSensor(
        task_id="by_name", suppression_list="unsubscribes", recipient="jane@example.net", domain="example.com"
    )
    assert poked(by_name)[0] is False
    assert poked(by_name)[0] is False
    assert len(sandbox.requests(path="/domains")) == 1


def test_it_leaves_requests_to_sending(connect: Connect) -> None:
    with Sandbox(blocklist=2000, quota=20, rate_limit=None) as sandbox:
        connect(sandbox)
        sensor = MailerSendSuppressionSensor(
            task_id="wait", suppression_list="blocklist", recipient="jane@example.net", quota_reserve=12
        )
        with pytest.raises(MailerSendQuotaExhaustedError):
            sensor.poke({})
        assert sandbox.state()["quota_remaining"] == 12


def test_it_asks_by_the_connection_given(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox, conn_id="marketing")
    sensor = MailerSendSuppressionSensor(
        task_id="wait",
        suppression_list="blocklist",
        recipient="jane@example.net",
        mailersend_conn_id="marketing",
    )
    assert poked(sensor) == (False, None)
    assert len(sandbox.log) == 1


def test_it_waits_for_an_sms_recipients_status(connect: Connect) -> None:
    with Sandbox(sms_recipients=5) as sandbox:
        connect(sandbox)
        one = next(one for one in sandbox.entries("sms-recipients") if one["status"] == "active")
        sensor = MailerSendSmsRecipientStatusSensor(
            task_id="wait", sms_recipient_id=one["id"], status="opt_out"
        )
        assert poked(sensor)[0] is False
        sandbox.set_sms_status(one["id"], "opt_out")
        done, found = poked(sensor)
        assert done
        assert (found["id"], found["status"]) == (one["id"], "opt_out")


@pytest.mark.parametrize(
    ("sensor", "complaint"),
    [
        (
            MailerSendSuppressionSensor(task_id="a", suppression_list="blocklist"),
            "recipient or pattern",
        ),
        (
            MailerSendSuppressionSensor(
                task_id="b", suppression_list="blocklist", recipient="a", pattern="b"
            ),
            "recipient or pattern",
        ),
        (
            MailerSendSuppressionSensor(task_id="g", suppression_list="unsubscribes", pattern="a.*"),
            "patterns stand on the blocklist only, not on unsubscribes",
        ),
        (
            MailerSendSuppressionSensor(
                task_id="i", suppression_list="blocklist", recipient="a@b.com", domain_id="None"
            ),
            "domain_id or domain was given, but rendered to nothing: domain_id='None'",
        ),
        (
            MailerSendSuppressionSensor(task_id="h", suppression_list="blocklist", recipient="nobody"),
            r"recipient must be one address; got 'n\*\*\*'\. It has no @",
        ),
        (
            MailerSendSmsRecipientStatusSensor(task_id="e", sms_recipient_id="abc", status="active"),
            "has nothing with this id",
        ),
    ],
    ids=lambda thing: getattr(thing, "task_id", ""),
)
def test_what_waiting_cannot_mend_fails_at_once(
    connect: Connect, sandbox: Sandbox, sensor: Any, complaint: str
) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match=complaint):
        sensor.poke({})


@pytest.mark.parametrize(
    "recipient",
    [
        "a@example.com, b@example.com",
        "Jane <jane@example.com>",
        "['jane@example.com']",
        "mailto:jane@example.com",
        "jane@example.com\u200b",
        "{{ params.jane }}@example.com",
        "nan",
    ],
)
def test_an_absence_sensor_opens_for_nothing_but_one_address(
    connect: Connect, sandbox: Sandbox, recipient: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "jane@example.com", "a@example.com")
    sensor = MailerSendSuppressionSensor(
        task_id="gone", suppression_list="blocklist", recipient=recipient, present=False
    )
    with pytest.raises(AirflowFailException, match="recipient must be one address") as error:
        sensor.poke({})
    assert "jane@" not in str(error.value)
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("sensor", "options", "complaint"),
    [
        (MailerSendSuppressionSensor, {"suppression_list": "nowhere"}, "suppression_list must be one of"),
        (MailerSendSuppressionSensor, {"suppression_list": "None"}, "suppression_list must not be empty"),
        (
            MailerSendSuppressionSensor,
            {"suppression_list": "blocklist", "present": "false"},
            "present must be True or False",
        ),
        (
            MailerSendSuppressionSensor,
            {"suppression_list": "blocklist", "quota_reserve": "5"},
            "quota_reserve must be a whole number",
        ),
        (
            MailerSendSmsRecipientStatusSensor,
            {"sms_recipient_id": "abc", "status": "gone"},
            "status must be one of",
        ),
    ],
)
def test_a_literal_that_cannot_be_fails_when_the_dag_is_parsed(
    sensor: Any, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=complaint):
        sensor(task_id="wait", **options)


def test_in_poke_mode_it_goes_on_until_it_is_there_or_the_timeout(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sensor = MailerSendSuppressionSensor(
        task_id="wait",
        suppression_list="blocklist",
        recipient="jane@example.net",
        poke_interval=0.05,
        timeout=0.2,
    )
    with pytest.raises(AirflowSensorTimeout):
        sensor.execute({})
    assert len(sandbox.log) > 1
    sandbox.add("blocklist", "jane@example.net")
    assert sensor.execute({})["pattern"] == "jane@example.net"


def test_in_poke_mode_it_goes_on_with_a_token_that_was_replaced(
    connect: Connect, sandbox: Sandbox, logged: Callable[[], str]
) -> None:
    connect(sandbox)
    sensor = MailerSendSuppressionSensor(
        task_id="wait", suppression_list="blocklist", recipient="jane@example.net"
    )
    assert poked(sensor)[0] is False
    connect(sandbox, password="mlsn.new")
    sandbox.token = "mlsn.new"
    assert poked(sensor)[0] is False
    sandbox.add("blocklist", "jane@example.net")
    assert poked(sensor)[0] is True
    assert f"; {len(sandbox.log)} requests" in logged()
    sandbox.token = "mlsn.newer"
    sandbox.clear_log()
    with pytest.raises(AirflowFailException, match="does not accept the API token"):
        poked(sensor)
    assert len(sandbox.log) == 1


@pytest.mark.usefixtures("airflow_db")
def test_in_reschedule_mode_airflow_runs_it_again_until_it_is_there(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)

    def suppress_after_the_second_poke() -> None:
        while len(sandbox.log) < 2:
            time.sleep(0.01)
        sandbox.add("blocklist", "jane@example.net")

    somebody_else = threading.Thread(target=suppress_after_the_second_poke, daemon=True)
    somebody_else.start()
    dag_run = rescheduled.test()
    assert dag_run.state == "success"
    assert len(sandbox.log) >= 3
    found = dag_run.get_task_instance("wait").xcom_pull(task_ids="wait")
    assert found["pattern"] == "jane@example.net"
