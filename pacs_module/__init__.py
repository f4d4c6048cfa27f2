"""The orchestration service of the AI pull pipeline."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ai-pull-pipeline")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0"
