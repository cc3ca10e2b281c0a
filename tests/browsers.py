"""A real browser for the tests of the report: the system's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser_command() -> str | None:
    """The first Chromium on PATH."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window; the test is skipped where there is none."""
    command = browser_command()
    if command is None:
        pytest.skip(f"no browser is on PATH ({', '.join(NAMES)}): scripts/test installs one where apt-get may")
    # Chromium's own sandbox does not run as root, and a container often has a small /dev/shm.
    options = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=options)
        try:
            yield browser
        finally:
            browser.close()
