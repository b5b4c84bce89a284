"""``python -m tests.looks``: look at all, and say which pictures were taken."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import requests

from tests.looks.browser import Browser, missing


def main() -> int:
    """Return 0 if the pages show what they should, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.looks")
    parser.add_argument(
        "--pictures", type=Path, help="the folder for the pictures; a temporary one by default"
    )
    options = parser.parse_args()
    if commands := missing():
        sys.stderr.write(f"It needs a browser and its driver: {'; '.join(commands)}\n")
        return 1
    from playwright.sync_api import Error

    if version("apache-airflow").startswith("2."):
        from tests.looks.airflow_2 import run
    else:
        from tests.looks.airflow_3 import run
    # Exit by an exception, so that all processes are ended and the home is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    pictures = options.pictures or Path(tempfile.mkdtemp(prefix="looks-"))
    pictures.mkdir(parents=True, exist_ok=True)
    try:
        with Browser(pictures) as browser:
            run(browser)
    except (RuntimeError, AssertionError, Error, requests.RequestException) as error:
        sys.stderr.write(f"\nFAILED: {error}\nThe page at that moment: {pictures / 'failed.png'}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write("".join(f"{path}\n" for path in browser.taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())
