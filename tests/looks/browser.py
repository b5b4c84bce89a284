"""A browser without a window, and the pictures it takes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: The names of Chromium's program: Debian's, and others'.
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

#: As root it starts only without its sandbox; the others keep it from asking anybody but Airflow.
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: How long a page may take to show something, in seconds: the machine may be busy.
LONGEST = 90.0

#: The most bytes of a picture: they are kept with the code.
LARGEST = 150_000

WIDTH = 1280


def missing() -> list[str]:
    """Return how to install what is missing."""
    commands = []
    if program() is None:
        commands.append("apt-get install chromium")
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        commands.append("pip install playwright")
    return commands


def program() -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


class Browser:
    """
    Chromium with an empty profile, as a context manager.

    :param pictures: the folder that pictures go to.
    """

    def __init__(self, pictures: Path) -> None:
        from playwright.sync_api import expect, sync_playwright

        self.pictures = pictures
        self.taken: list[Path] = []
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-")
        self._playwright = sync_playwright()
        expect.set_options(timeout=LONGEST * 1000)

    def __enter__(self) -> Self:
        self._context = self._playwright.start().chromium.launch_persistent_context(
            self._profile.name, executable_path=program(), headless=True, args=list(_OPTIONS)
        )
        (self.page,) = self._context.pages
        self.page.set_default_timeout(LONGEST * 1000)
        self.show_height(900)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, Exception):
                self.page.screenshot(path=self.pictures / "failed.png")
        finally:
            self._context.close()
            self._playwright.__exit__()
            self._profile.cleanup()

    def show_height(self, height: int) -> None:
        self.page.set_viewport_size({"width": WIDTH, "height": height})

    def picture(self, name: str, of: Any = None) -> None:
        """Take a picture of the page, or of one thing on it."""
        path = self.pictures / f"{name}.png"
        # What appears or moves takes a moment.
        self.page.wait_for_timeout(1000)
        (of or self.page).screenshot(path=path, animations="disabled")
        if (size := path.stat().st_size) > LARGEST:
            raise RuntimeError(f"{path} has {size:,} bytes, more than {LARGEST:,}")
        self.taken.append(path)
