"""What Airflow reads about this provider: its modules, its connection type and that connection's form."""

from __future__ import annotations

from typing import Any

#: The fields of the connection form that are stored in the connection's *extra*.
CONNECTION_FIELDS: dict[str, dict[str, Any]] = {
    "domain_id": {
        "label": "Domain ID",
        "schema": {"type": ["string", "null"]},
        "description": "Optional. The domain of tasks that don't name one; MailerSend shows its ID under Domains.",
    },
    "timeout": {
        "label": "Timeout",
        "schema": {"type": ["integer", "null"], "minimum": 1},
        "description": "Optional. The time limit of one request, in seconds; 30 by default.",
    },
    "max_retries": {
        "label": "Max retries",
        "schema": {"type": ["integer", "null"], "minimum": 0},
        "description": "Optional. How often a request is retried after a network or API fault; 5 by default. Waits for "
        "the rate limit don't count.",
    },
    "quota_reserve": {
        "label": "Quota reserve",
        "schema": {"type": ["integer", "null"], "minimum": 0},
        "description": "Optional. How many requests of the daily quota to leave for sending; 0 by default.",
    },
}

#: How the standard fields appear: the token in *password*, the base URL in *host*.
FIELD_BEHAVIOUR: dict[str, Any] = {
    # Extra stays visible: without it, the Test button on Airflow 2.11's edit page does nothing. So does port: Airflow
    # 3.3 tests only connections that have one.
    "hidden-fields": ["login", "schema"],
    "relabeling": {"password": "API token", "host": "Base URL"},
    "placeholders": {
        "password": "starts with mlsn.",
        "host": "leave empty for https://api.mailersend.com/v1",
        "port": "443, or Airflow 3.3 can't test the connection",
        "timeout": "30",
        "max_retries": "5",
        "quota_reserve": "0",
    },
}


def connection_form_widgets() -> dict[str, Any]:
    """Return the form's own fields for Airflow 2.11, which does not read ``conn-fields``."""
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import IntegerField, StringField
    from wtforms.validators import NumberRange, Optional

    widgets: dict[str, Any] = {}
    for name, field in CONNECTION_FIELDS.items():
        options = {"description": field["description"], "widget": BS3TextFieldWidget()}
        if "integer" in field["schema"]["type"]:
            validators = [Optional(), NumberRange(min=field["schema"]["minimum"])]
            widgets[name] = IntegerField(field["label"], validators=validators, **options)
        else:
            widgets[name] = StringField(field["label"], **options)
    return widgets


def ui_field_behaviour() -> dict[str, Any]:
    """Return how the form's standard fields appear, for Airflow 2.11 too."""
    return {name.replace("-", "_"): behaviour for name, behaviour in FIELD_BEHAVIOUR.items()}


_INTEGRATION = "MailerSend"
_PACKAGE = "airflow_provider_mailersend"

_ASSETS = [
    {
        "schemes": ["mailersend"],
        "handler": f"{_PACKAGE}.assets.sanitize_uri",
        "factory": f"{_PACKAGE}.assets.create_asset",
        "to_openlineage_converter": f"{_PACKAGE}.assets.convert_asset_to_openlineage",
    }
]


def _modules(*names: str) -> list[dict[str, Any]]:
    return [{"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{name}" for name in names]}]


def get_provider_info() -> dict[str, Any]:
    """Describe the provider in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-mailersend",
        "name": "MailerSend",
        "description": "`MailerSend <https://www.mailersend.com/>`__: suppression lists, recipients, SMS recipients.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://developers.mailersend.com/",
                "tags": ["service"],
            }
        ],
        "operators": _modules("operators.suppressions", "operators.recipients", "operators.sms_recipients"),
        "sensors": _modules("sensors.suppressions", "sensors.sms_recipients", "sensors.quota"),
        "triggers": _modules("triggers.mailersend", "triggers.events"),
        "transfers": [
            {
                "source-integration-name": source,
                "target-integration-name": target,
                "python-module": f"{_PACKAGE}.transfers.{module}",
            }
            for source, target, module in (
                (_INTEGRATION, "Object Storage", "mailersend_to_object_storage"),
                (_INTEGRATION, "SQL", "mailersend_to_sql"),
                ("SQL", _INTEGRATION, "sql_to_mailersend"),
            )
        ],
        "hooks": _modules("hooks.mailersend"),
        "asset-uris": _ASSETS,
        "dataset-uris": _ASSETS,  # what Airflow 2.11 calls them
        "extra-links": [f"{_PACKAGE}.links.MailerSendSuppressionsLink"],
        "connection-types": [
            {
                "connection-type": "mailersend",
                "hook-class-name": f"{_PACKAGE}.hooks.mailersend.MailerSendHook",
                "hook-name": "MailerSend",
                "ui-field-behaviour": FIELD_BEHAVIOUR,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
    }
