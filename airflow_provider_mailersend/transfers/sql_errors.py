"""The messages of databases' errors, without what they quote of rows."""

from __future__ import annotations

import re

from airflow_provider_mailersend.api.masking import masked_within

#: From the first quotation mark on, a message may quote a row; servers speak many languages.
_QUOTED = re.compile("['\"`\u2018\u201c\u201e\xab\xbb].*")

#: MySQL's errors that quote only names of the schema, and that its drivers take for no ProgrammingError.
_MYSQL_SCHEMA_ERRORS = (1048, 1054, 1142, 1143, 1265, 1364, 1406, 3819, 4025)


def masked_message(error: Exception, *, is_connected: bool) -> str:
    """Return what an error of a driver says, without any row; before it is connected, it knows none."""
    said = _first_line(error)
    return masked_within(said if not is_connected or _quotes_no_row(error) else _QUOTED.sub("…", said))


def _first_line(error: Exception) -> str:
    """Return an error's number and its message's first line: drivers quote rows after it, as DETAIL."""
    number = [str(part) for part in error.args[:1] if isinstance(part, int)]
    # MySQL's own connector begins the message with number and SQLSTATE, which look like a phone number, but for msg.
    text = str(getattr(error, "msg", None) or "".join(map(str, error.args[-1:])))
    return " ".join([*number, *text.strip().splitlines()[:1]])


def _quotes_no_row(error: Exception) -> bool:
    """Whether a message can quote only the statement and names of the schema."""
    classes = {kind.__name__ for kind in type(error).__mro__}
    driver = type(error).__module__.partition(".")[0]
    return (
        # Other drivers raise ProgrammingError for all errors.
        ("ProgrammingError" in classes and driver in ("psycopg", "psycopg2", "MySQLdb", "mysql"))
        or ("IntegrityError" in classes and driver in ("psycopg", "psycopg2"))
        or (bool(error.args) and error.args[0] in _MYSQL_SCHEMA_ERRORS)
        or getattr(error, "sqlite_errorcode", None) == 1  # SQLITE_ERROR
    )
