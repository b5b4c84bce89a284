"""``python -m tests.e2e``: run it all, and say what came true."""

from __future__ import annotations

import signal
import sys

import requests

from tests.e2e.story import run


def main() -> int:
    """Return 0 when all came true, else 1."""
    # As an exception, so that all processes are ended and the home is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run()
    except (RuntimeError, requests.RequestException) as error:
        sys.stderr.write(f"\nFAILED: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
