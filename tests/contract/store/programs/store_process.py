"""
Another process at the same store, for the tests.

``claim URL OWNER``: claim pull work in eight threads until none is left, print each study's UID.
``write URL``: insert and replace studies for ever, print each UID and revision after the store has
acknowledged it.
"""

import sys
import threading

from pacs_module.adapters.stores.by_url import open_store
from pacs_module.adapters.stores.mongo import MongoStore
from pacs_module.domain.study.study import Study
from pacs_module.ports import StudyStore


def reopen(url: str) -> StudyStore:
    address, _, database = url.partition("|")
    return MongoStore(address, database) if database else open_store(address)


def claim_all(store: StudyStore, owner: str) -> list[str]:
    claimed: list[str] = []

    def work() -> None:
        while study := store.claim("pull", owner, 1_000, 60_000):
            claimed.append(study.study_uid)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return claimed


def write_forever(store: StudyStore) -> None:
    number = 0
    while True:
        study = Study(f"1.2.{number}", study_date="2020-06-12", patient_id="x" * 2_000)
        store.insert(study)
        print(study.study_uid, study.revision, flush=True)
        store.replace(study)
        print(study.study_uid, study.revision, flush=True)
        number += 1


def main() -> None:
    what, url, *rest = sys.argv[1:]
    if what == "claim":
        print(*claim_all(reopen(url), rest[0]), sep="\n")
    else:
        write_forever(reopen(url))


if __name__ == "__main__":
    main()
