"""The switches of ``orthanc/config/config.py`` and of the site's own file, for both processes."""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path
from typing import Any

from ..domain.errors import ConfigurationError
from ..domain.rules.read_switches import ELSEWHERE, parse_switches, with_companions
from ..domain.rules.switches import NAMES, Switches

DEFAULT_CONFIG = Path(__file__).resolve().parents[2] / "orthanc" / "config" / "config.py"


def load_switches(config_path: Path | None = None, site_path: Path | None = None) -> Switches:
    """
    Read the switches.

    Args:
        config_path: The file with all switches; None: the repository's own, or the built-in defaults where it
            is not installed.
        site_path: The site's file, whose values win; None when there is none.

    Raises:
        ConfigurationError: A file is missing or is no Python (file and line are named), a name is unknown or
        a value bad.
    """
    if config_path is None and DEFAULT_CONFIG.exists():
        config_path = DEFAULT_CONFIG
    values: dict[str, object] = {}
    for path in (config_path, site_path):
        if path is not None:
            values.update(with_companions(read_assignments(path)))
    return parse_switches(values)


def read_assignments(path: Path) -> dict[str, object]:
    """
    The upper-case names of a Python file; anything else in it (imports, helpers) stays private to it.

    But for the name of a switch in other letters: left out it would be a switch that the site has set and
    that nobody heeds.
    """
    names = _run(path)
    switches = {*NAMES, *ELSEWHERE}
    for name in names.get("__annotations__") or {}:
        if name.upper() in switches and name not in names:
            # STABLE_AGE: 60 is Python, and assigns nothing.
            raise ConfigurationError(name, ":", f"{name} = value; a colon sets nothing")
    meant = {name for name in names if name.isupper() or name.upper() in switches}
    return {name: value for name, value in names.items() if name in meant and not name.startswith("_")}


def _run(path: Path) -> dict[str, Any]:
    """
    All names of a Python file.

    Raises:
        ConfigurationError: With the line that is wrong.
    """
    try:
        return runpy.run_path(str(path))
    except OSError as error:
        raise ConfigurationError("file", str(path), f"a file that can be read ({error.strerror})") from error
    except SyntaxError as error:
        where, what = f"{path}, line {error.lineno}", f"Python assignments ({error.msg})"
        raise ConfigurationError("file", where, what) from error
    except (Exception, SystemExit) as error:
        where = f"{path}, line {_line_of(error, path)}"
        raise ConfigurationError("file", where, f"Python assignments ({error})") from error


def _line_of(error: BaseException, path: Path) -> int:
    """The last line of this file that the error went through; 0: none."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return next((frame.lineno or 0 for frame in frames if frame.filename == str(path)), 0)
