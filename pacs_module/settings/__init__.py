"""
Settings of pacs_module: a TOML file, overridden by environment variables ``PACS_MODULE_...`` (``__`` between
the levels).

An unknown key or a bad value stops the start with the key, the value and what is allowed. ``whole`` has the
sections, each in a file of its own; ``reading`` is the one place that reads file and environment.
"""

from .backend import BackendSettings
from .pacs import PacsSettings
from .reading import SETTINGS_FILE, load_settings
from .servers import WebSettings
from .whole import Settings

__all__ = ["SETTINGS_FILE", "BackendSettings", "PacsSettings", "Settings", "WebSettings", "load_settings"]
