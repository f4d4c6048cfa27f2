"""
What a rule says of a series: taken or filtered, with the rule, the attribute and the value that decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Verdict:
    """
    Take or filter, and why.

    ``because`` is what follows ``filter because`` in the log: attribute and value that decided, letter by
    letter as on site. ``images`` says for how many of the series' images the verdict holds (``24 of 25 images
    (1 localizer)``), where not for all. ``rules`` is the version of the rules that judged
    (``Switches.version``); empty in what older versions wrote.
    """

    taken: bool
    rule: str
    attribute: str
    value: str
    images: str = ""
    rules: str = field(default="", compare=False)

    @property
    def because(self) -> str:
        """The reason in the words of the log."""
        return f"{self.attribute} {self.value}" if self.attribute else self.value

    @classmethod
    def of_text(cls, text: str) -> Verdict:
        """Read a series dropped at find out of a request of an earlier version: the reason alone."""
        return cls(False, "find", "", text)
