"""``python -m airflow_provider_mailersend.sandbox``: run a sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
import inspect
import re
import shlex
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow_provider_mailersend.sandbox import GUESSES, Sandbox

#: How an argument of a type is read, what --help shows for it, and what it must be.
_TYPES: dict[str, tuple[Callable[[str], Any], str, str]] = {
    "str": (str, "TEXT", "a text"),
    "int": (int, "N", "a whole number"),
    "float": (float, "SECONDS", "a number"),
    "datetime": (datetime.fromisoformat, "DATE", "a date in ISO 8601"),
    "Sequence[str]": (lambda text: [name for name in text.split(",") if name], "NAME,...", "names"),
    "Iterable[str]": (lambda text: [name for name in text.split(",") if name], "NAME,...", "names"),
}


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
    """The parameters of the sandbox as options, described as they are there."""
    guesses = [textwrap.fill(f"- {guess}", subsequent_indent="  ") for guess in GUESSES.values()]
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_mailersend.sandbox",
        usage="%(prog)s [options]",
        description="Run a MailerSend API on this machine until Ctrl-C.",
        argument_default=argparse.SUPPRESS,
        epilog="\n".join(["What it answers where nobody knows what the API does:", *guesses]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    helps: dict[str, str] = {}
    parameters: dict[str, inspect.Parameter] = {}
    for kind in [kind for kind in reversed(sandbox_type.__mro__) if issubclass(kind, Sandbox)]:
        helps |= re.findall(r":param (\w+): (.*?)(?=\n    :param|\Z)", kind.__doc__ or "", re.DOTALL)
        parameters |= inspect.signature(kind).parameters
    for name, parameter in parameters.items():
        option, type_name = f"--{name.replace('_', '-')}", parameter.annotation.partition(" | ")[0]
        help_ = " ".join(helps.get(name, "").replace("`", "").replace("None", "none").split())
        if type_name == "bool":
            parser.add_argument(option, action="store_true", help=help_)
        elif type_name in _TYPES:
            default = {"port": 8025, "newest": "now"}.get(name, parameter.default)
            default = ",".join(default) if isinstance(default, tuple) else default
            help_ += f" Default: {default}." if default else ""
            read = partial(_read, parameter.annotation)
            parser.add_argument(option, type=read, metavar=_TYPES[type_name][1], help=help_)
    return parser


def _read(annotation: str, text: str) -> Any:
    """The value of an argument for a parameter with that annotation."""
    type_name, _, optional = annotation.partition(" | ")
    read, _, kind = _TYPES[type_name]
    try:
        return None if optional and text == "none" else read(text)
    except ValueError:
        or_none = " or none" if optional else ""
        raise argparse.ArgumentTypeError(f"must be {kind}{or_none}, not {text!r}") from None


if __name__ == "__main__":
    sys.exit(main())
