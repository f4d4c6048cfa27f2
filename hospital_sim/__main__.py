"""``python -m hospital_sim``."""

from hospital_sim.cli import main

main()
