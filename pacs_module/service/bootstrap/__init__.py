"""The service out of its settings: a file for each station of a study's way, and what puts them together."""

from .build import build

__all__ = ["build"]
