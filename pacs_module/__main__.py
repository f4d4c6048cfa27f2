"""``python -m pacs_module``."""

from .cli import main

main()
