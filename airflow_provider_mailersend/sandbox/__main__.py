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
        conflict_handler="resolve",  # a subclass may describe an option anew
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


_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "datetime": datetime.fromisoformat,
    "Sequence[str]": _words,
    "Iterable[str]": _words,
}


def _reader(annotation: str) -> Callable[[str], Any]:
    """What reads an option of that type."""
    kind, _, optional = annotation.partition(" | ")

    def read(text: str) -> Any:
        try:
            return None if optional and text == "none" else _READERS[kind](text)
        except ValueError:
            called = {"int": "a whole number", "float": "a number", "datetime": "a date in ISO 8601"}[kind]
            raise argparse.ArgumentTypeError(
                f"must be {called}{' or none' * bool(optional)}, not {text!r}"
            ) from None

    return read


if __name__ == "__main__":
    sys.exit(main())
