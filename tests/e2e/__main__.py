"""``python -m tests.e2e``: run the whole story."""

from __future__ import annotations

import signal
import sys

import requests

from tests.e2e.story import run


def main() -> int:
    """Return 0 if all checks passed, else 1."""
    # Exit by an exception, so that all processes are killed and the home is removed.
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
