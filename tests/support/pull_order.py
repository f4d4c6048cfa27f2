"""The order of pulls in one line: what every store's sorting (rank, turn, risesFrom) is held against."""

from pacs_module.domain.study.priority import Ageing
from pacs_module.domain.study.study import Study, effective_priority


def pull_key(study: Study, now: int, ageing: Ageing) -> tuple[int, str, str]:
    """Sort key: smaller is pulled sooner; ``now`` in epoch milliseconds."""
    return (-effective_priority(study, now, ageing), study.turn, study.study_uid)
