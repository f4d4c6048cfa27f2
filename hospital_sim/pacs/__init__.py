"""A simulated PACS with a realistic day of studies and any of the bad habits of real ones."""

from hospital_sim.pacs.clock import Clock, ManualClock, RunningClock
from hospital_sim.pacs.content.studies import Archive, Study
from hospital_sim.pacs.habits import HABITS, HabitError, Habits
from hospital_sim.pacs.ledger import Entry, Ledger
from hospital_sim.pacs.server import SimPacs

__all__ = [
    "HABITS",
    "Archive",
    "Clock",
    "Entry",
    "HabitError",
    "Habits",
    "Ledger",
    "ManualClock",
    "RunningClock",
    "SimPacs",
    "Study",
]
