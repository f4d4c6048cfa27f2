"""
A browser that has signed in to the pages, and what it notes: errors, strangers that are asked, axe-core's
findings.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
AXE = (Path(__file__).parents[2] / "data" / "vendor" / "axe.min.js").read_text(encoding="utf-8")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


class Visit:
    """A browser window; notes what goes wrong in it and whom it asks. ``key``: what it signs in with."""

    def __init__(self, browser: Any, url: str, key: str, language: str = "en", **more: Any) -> None:
        self.url, self.key = url, key
        self.context = browser.new_context(locale={"zh": "zh-CN"}.get(language, "en-GB"), **more)
        self.page = self.context.new_page()
        self.wrong: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        if message.type == "error" and "preview.png" not in str(message.location):
            self.wrong.append(message.text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:")):
            self.elsewhere.append(request.url)

    def sign_in(self, name: str = "Dr. Li") -> None:
        """Sign in and come to Today."""
        self.go("/sign-in?next=/")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=key]", self.key)
        self.page.click("form button")
        self.page.wait_for_url(f"{self.url}/")

    def go(self, address: str) -> None:
        """Open a page."""
        self.page.goto(self.url + address, wait_until="load")

    def act(self, action: str, why: str, **fields: str) -> None:
        """Open the form of an action, give the reason (and other fields), and send it."""
        form = self.page.locator(f"form[action='{action}']")
        if not form.is_visible():
            form.locator("xpath=..").locator("summary").click()
        for name, value in fields.items():
            field = form.locator(f"[name={name}]")
            tag = field.evaluate("field => field.tagName")
            field.select_option(value) if tag == "SELECT" else field.fill(value)
        form.locator("[name=why]").fill(why)
        form.locator("button").click()
        self.page.wait_for_selector("[role=status].said")

    def axe(self, *rules: str) -> list[str]:
        """
        What axe-core finds that is serious or critical, with the place; by some of its rules, or by all.
        """
        # Through the browser's own channel: the page's policy lets no script be added.
        only = f", runOnly: {json.dumps(rules)}" if rules else ""
        told = self.page.evaluate(f"{AXE}; axe.run(document, {{resultTypes: ['violations']{only}}})")
        return [
            f"{one['id']}: {[node['target'] for node in one['nodes']][:3]}"
            for one in told["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    def close(self) -> None:
        """Close the window."""
        self.context.close()
