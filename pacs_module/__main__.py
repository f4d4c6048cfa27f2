"""``python -m pacs_module``."""

from .cli.app import main

main()
