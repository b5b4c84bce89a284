"""``python -m airflow_provider_mailersend.sandbox``: run a sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
import inspect
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_mailersend.sandbox import GUESSES, Sandbox


def main(arguments: Sequence[str] | None = None, sandbox_type: type[Sandbox] = Sandbox) -> int:
    """Run a sandbox in the foreground; 0 after Ctrl-C or SIGTERM, 2 if it can't run with these arguments."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options: dict[str, Any] = {"port": 8025, "newest": datetime.now(UTC)}
    options |= vars(_parser(sandbox_type).parse_args(arguments))
    try:
        with sandbox_type(**options) as sandbox:
            sys.stdout.write(f"url    {sandbox.url}\ntoken  {sandbox.token}\n")
            for name in sandbox.domains:
                sys.stdout.write(f"domain {sandbox.domain_id(name)}  {name}\n")
            sys.stdout.write(f"export AIRFLOW_CONN_MAILERSEND_DEFAULT={shlex.quote(sandbox.connection)}\n")
            sys.stdout.flush()
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        why = error.strerror or error
        sys.stderr.write(f"Cannot listen on port {options['port']}: {why}. Choose another one by --port.\n")
    return 2


def _parser(sandbox_type: type[Sandbox]) -> argparse.ArgumentParser:
    """The parameters of the sandbox as options, with the descriptions and defaults that they have there."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_mailersend.sandbox",
        description="A MailerSend API on this machine, until Ctrl-C: by default on port 8025, with entries up to now. "
        "None is written none; several names are separated by commas.",
        argument_default=argparse.SUPPRESS,
        epilog="What it answers where nobody knows what the API does: " + " ".join(GUESSES.values()),
    )
    for kind in [kind for kind in reversed(sandbox_type.__mro__) if issubclass(kind, Sandbox)]:
        described = re.findall(r":param (\w+): (.*?)(?=\n    :param|\Z)", kind.__doc__ or "", re.DOTALL)
        helps = {name: " ".join(text.replace("`", "").split()) for name, text in described}
        for name, parameter in inspect.signature(kind).parameters.items():
            option = f"--{name.replace('_', '-')}"
            if parameter.annotation == "bool":
                parser.add_argument(option, action="store_true", help=helps.get(name))
            elif parameter.annotation.partition(" | ")[0] in _READERS:
                parser.add_argument(option, type=_reader(parameter.annotation), help=helps.get(name))
    return parser


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


_READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": (float, "a number"),
    "datetime": (datetime.fromisoformat, "a date and time in ISO 8601, such as 2026-01-31T08:30"),
    "Sequence[str]": (_words, "names"),
    "Iterable[str]": (_words, "names"),
}
"""How a text becomes a value of each type, and what such a text is called."""


def _reader(annotation: str) -> Callable[[str], Any]:
    kind, _, optional = annotation.partition(" | ")
    convert, called = _READERS[kind]

    def read(text: str) -> Any:
        if optional and text == "none":
            return None
        try:
            return convert(text)
        except ValueError:
            or_none = " or none" if optional else ""
            raise argparse.ArgumentTypeError(f"must be {called}{or_none}, not {text!r}") from None

    return read


if __name__ == "__main__":
    sys.exit(main())
