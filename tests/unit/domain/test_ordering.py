"""The order of pulls (M13)."""

from pacs_module.domain.ordering import pull_key
from pacs_module.domain.study import EMERGENCY, GREEN_CHANNEL, MANUAL, ROUTINE, Study


def test_priority_first_then_the_oldest_study() -> None:
    new = Study("new", study_date="2020-06-13", study_time="080000")
    old = Study("old", study_date="2020-06-12", study_time="235900")
    older = Study("older", study_date="2020-06-12", study_time="080000")
    by_priority = [
        Study(str(priority), study_date="2020-06-14", priority=priority)
        for priority in (ROUTINE, GREEN_CHANNEL, EMERGENCY, MANUAL)
    ]
    in_order = sorted([*by_priority, new, old, older], key=pull_key)
    assert [study.study_uid for study in in_order] == ["4", "2", "1", "older", "old", "new", "0"]
