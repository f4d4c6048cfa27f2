"""
The site's file with what was applied: a block at its end that overrides what a person wrote above it.

A person's own lines stay as they are. The block names who changed the rules and why, and it is the only part
of the file that a program writes.
"""

from __future__ import annotations

import pprint
from collections.abc import Mapping

from ..errors import ConfigurationError

BEGIN = "# >>> rules applied with `pacs-module rules apply` (`rules undo` takes them back; do not edit here)"
END = "# <<< rules applied"
_WIDTH = 100


def without_block(text: str) -> str:
    """
    What a person wrote.

    Raises:
        ConfigurationError: The block has no end, or there are two: somebody edited it.
    """
    _check_block(text)
    begins = text.count(f"{BEGIN}\n")
    if not begins:
        return text
    above, _, rest = text.partition(f"{BEGIN}\n")
    _, _, below = rest.partition(f"{END}\n")
    return above.rstrip("\n") + "\n" + below


def _check_block(text: str) -> None:
    begins, ends = text.count(f"{BEGIN}\n"), text.count(f"{END}\n")
    if (begins, ends) not in ((0, 0), (1, 1)) or text.find(BEGIN) > text.find(END):
        allowed = f"one block from the line {BEGIN!r} to the line {END!r}, or none"
        raise ConfigurationError("site_config", f"{begins} beginnings, {ends} ends of a block", allowed)


def with_block(text: str, values: Mapping[str, object], about: str) -> str:
    """
    A person's text with a block behind it.

    Args:
        text: Without a block.
        values: Switches by name, RULES_VERSION among them: it is written last, so that half a file never has
            the new number.
        about: Who and why, in one line.
    """
    last = "RULES_VERSION"
    names = [name for name in values if name != last] + [last]
    lines = [BEGIN, f"# {' '.join(about.split())}", *(_assignment(name, values[name]) for name in names), END]
    above = text.rstrip("\n")
    return (f"{above}\n\n" if above else "") + "\n".join(lines) + "\n"


def _assignment(name: str, value: object) -> str:
    if isinstance(value, list | tuple) and value:
        shown = pprint.pformat(list(value), width=_WIDTH, compact=True)
        return f"{name} = {shown}".replace("= [", "= [\n ", 1).replace("\n ", "\n    ")
    return f"{name} = {list(value) if isinstance(value, tuple) else value!r}"
