"""
C-FIND: from a query to the answers, habits included. Pure but for what it is given.

Hierarchy and levels after PS3.4 C.6.1 (patient root) and C.6.2 (study root); keys above the query's level are
not demanded, as with relational queries, unless a habit demands them.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from hospital_sim.pacs.content.identity import Corrected, told_attributes
from hospital_sim.pacs.content.studies import Archive, Series, Study
from hospital_sim.pacs.find.matching import bounds, is_range, is_wildcard, matches, matches_combined
from hospital_sim.pacs.find.odd_answers import Listing, Told, made_odd
from hospital_sim.pacs.find.query import DOES_NOT_MATCH, UIDS, Answer, Level, Query, QueryRefusedError, Row
from hospital_sim.pacs.find.spoiled_answers import Draft, is_hit, spoil
from hospital_sim.pacs.habits import Habits
from hospital_sim.pacs.wire.data_sets import tag_of, vr_of
from hospital_sim.pacs.wire.text import coding_of

_PATIENT = frozenset({"PatientID", "PatientName", "PatientBirthDate", "PatientSex"})
_NAME_OF_EXTRA = "KO"  # objects that are announced and never sent, of a class that nobody asks for


@dataclass(frozen=True)
class Asked:
    """
    What was before this query: it is the ``number``-th C-FIND, and these studies were moved and corrected.
    """

    number: int = 1
    corrected: Corrected = field(default_factory=Corrected)


class Finder:
    """Answers queries on an archive at a moment, with habits."""

    def __init__(
        self, archive: Archive, habits: Habits, now: dt.datetime, ae_title: str, asked: Asked | None = None
    ) -> None:
        self._archive = archive
        self._habits = habits
        self._now = now
        self._ae_title = ae_title
        self._asked = asked or Asked()

    def answers(self, query: Query) -> list[Answer]:
        """
        All answers, doubled as the habits want it and not yet capped.

        Raises:
            QueryRefusedError: With the status.
        """
        self._refuse(query)
        if query.level is Level.IMAGE and "empty-image-level" in self._habits:
            return []
        rows = list(self._rows(query))
        rows += self._foreign(query, rows)
        told = tuple(Told(row, self._answer(query, row)) for row in rows)
        found = made_odd(Listing(query.level, self._asked.number, told), self._habits)
        every = self._habits.count("duplicate-answers")
        if every:
            found += found[every - 1 :: every]
        return found

    def _refuse(self, query: Query) -> None:
        if query.level is Level.SERIES and "no-series-level" in self._habits:
            raise QueryRefusedError(DOES_NOT_MATCH, "SERIES level not supported")
        lacks_study = query.level >= Level.SERIES and not query.keys.get("StudyInstanceUID")
        if lacks_study and self._habits.word("series-needs-study-uid") == "refused":
            raise QueryRefusedError(DOES_NOT_MATCH, "StudyInstanceUID missing")

    # ------------------------------------------------------------------------------------------ matching

    def _rows(self, query: Query) -> Iterator[Row]:
        if (
            query.level >= Level.SERIES
            and not query.keys.get("StudyInstanceUID")
            and "series-needs-study-uid" in self._habits
        ):
            return
        keys = self._keys(query)
        studies = (
            one
            for one in self._candidates(keys)
            if one.is_visible(self._now) and self._study_matches(one, keys)
        )
        if query.level is Level.PATIENT:
            yield from _first_of_each_patient(studies, self._now)
            return
        for study in studies:
            yield from [Row(study)] if query.level is Level.STUDY else self._below(study, query.level, keys)

    def _foreign(self, query: Query, rows: Iterable[Row]) -> list[Row]:
        """Rows that do not match, of the query's level or above it, where a habit adds some."""
        most = self._habits.count("foreign-answers") or 0
        matching = {row.study.uid for row in rows} if most else set()
        others = (one for one in self._archive.visible(self._now) if one.uid not in matching) if most else ()
        return [self._first_row(one, query.level) for one in islice(others, most)]

    def _first_row(self, study: Study, level: Level) -> Row:
        series = study.series_at(self._now)[0] if level >= Level.SERIES else None
        return Row(study, series, 0 if level is Level.IMAGE else None)

    def _attributes(self, study: Study) -> Mapping[str, str]:
        return told_attributes(study, self._habits, self._asked.corrected, self._now)

    def _keys(self, query: Query) -> dict[str, str]:
        """The keys that count, as this PACS understands them."""
        keys = query.filled
        for name in self._habits.words("ignores-key"):
            keys.pop(name, None)
        for habit, name in (
            ("time-range-ignored", "StudyTime"),
            ("no-modalities-in-study", "ModalitiesInStudy"),
        ):
            if habit in self._habits:
                keys.pop(name, None)
        if "date-range-ignored" in self._habits and is_range(keys.get("StudyDate", "")):
            keys["StudyDate"] = bounds("DA", keys["StudyDate"]).low or ""
        if "uid-list-first" in self._habits:
            keys.update({name: keys[name].split("\\")[0] for name in UIDS if name in keys})
        return keys if "wildcard-ignored" not in self._habits else self._without_wildcards(keys)

    def _without_wildcards(self, keys: dict[str, str]) -> dict[str, str]:
        if self._habits.word("wildcard-ignored") == "everything":
            return {name: key for name, key in keys.items() if name in UIDS or not is_wildcard(key)}
        # Escaped by a value that no attribute can have, so that the pattern is never a pattern.
        return {name: "\x1a" if is_wildcard(key) and name not in UIDS else key for name, key in keys.items()}

    def _candidates(self, keys: Mapping[str, str]) -> Iterable[Study]:
        uids = keys.get("StudyInstanceUID", "")
        if uids:
            found = (self._archive.study(uid.replace(" ", "")) for uid in dict.fromkeys(uids.split("\\")))
            hidden = self._habits.count("empty-uid-everywhere")
            return [one for one in found if one is not None and not (hidden and is_hit(one, hidden))]
        if keys.get("StudyDate"):
            limits = bounds("DA", keys["StudyDate"])
            return self._archive.dated(limits.low, limits.high)
        return self._archive

    def _study_matches(self, study: Study, keys: Mapping[str, str]) -> bool:
        values = self._attributes(study)
        if not self._time_matches(values, keys):
            return False
        for name, key in keys.items():
            if name in ("StudyInstanceUID", "StudyDate", "StudyTime"):
                continue
            if name == "ModalitiesInStudy":
                if not self._modalities_match(study, key):
                    return False
            elif name in values and not matches(vr_of(tag_of(name)), key, values[name]):
                return False
        return True

    def _time_matches(self, values: Mapping[str, str], keys: Mapping[str, str]) -> bool:
        date, time = keys.get("StudyDate", ""), keys.get("StudyTime", "")
        stored = values.get("StudyDate", ""), values.get("StudyTime", "")
        if date and time and "time-range-independent" not in self._habits:
            return matches_combined(date, time, *stored)
        return matches("DA", date, stored[0]) and matches("TM", time, stored[1])

    def _modalities_match(self, study: Study, key: str) -> bool:
        modalities = self._modalities(study)
        if "modalities-equal" in self._habits:
            return matches("CS", key, "\\".join(modalities).replace("\\", "/")) or key == "\\".join(
                modalities
            )
        return matches("CS", key, "\\".join(modalities))

    def _below(self, study: Study, level: Level, keys: Mapping[str, str]) -> Iterator[Row]:
        for series in study.series_at(self._now):
            if not _all_match(
                {**series.attributes, "SeriesInstanceUID": series.uid}, keys, clean="SeriesInstanceUID"
            ):
                continue
            if level is Level.SERIES:
                yield Row(study, series)
                continue
            for index in range(series.visible(self._now)):
                if _all_match(_image_values(series, index), keys, clean="SOPInstanceUID"):
                    yield Row(study, series, index)

    # ------------------------------------------------------------------------------------------ values

    def _answer(self, query: Query, row: Row) -> Answer:
        known = self._values(query.level, row)
        draft = Draft(query.level, row, {name: known[name] for name in query.keys if name in known})
        spoil(draft, self._habits)
        values = {**draft.values, "QueryRetrieveLevel": query.level.name, "RetrieveAETitle": self._ae_title}
        values.pop("SpecificCharacterSet", None)
        return Answer(values, self._habits.text() or coding_of(row.study.character_set), draft.vrs)

    def _values(self, level: Level, row: Row) -> dict[str, str]:
        """Everything that this PACS knows at a level, the levels above included."""
        attributes = self._attributes(row.study)
        if level is Level.PATIENT:
            values = {name: value for name, value in attributes.items() if name in _PATIENT}
            return {**values, **self._patient_counts(values.get("PatientID", ""))}
        values = {
            **attributes,
            **self._study_counts(row.study),
            "ModalitiesInStudy": "\\".join(self._modalities(row.study)),
        }
        if row.series is not None:
            values.update(row.series.attributes)
            values["NumberOfSeriesRelatedInstances"] = str(row.series.visible(self._now))
            if row.index is not None:
                values.update(_image_values(row.series, row.index))
        return values

    def _study_counts(self, study: Study) -> dict[str, str]:
        extra = self._habits.count("move-announces-more") or 0
        return {
            "NumberOfStudyRelatedSeries": str(len(study.series_at(self._now)) + bool(extra)),
            "NumberOfStudyRelatedInstances": str(study.instances_at(self._now) + extra),
        }

    @functools.cached_property
    def _by_patient(self) -> dict[str, list[Study]]:
        found: dict[str, list[Study]] = {}
        for one in self._archive.visible(self._now):
            found.setdefault(self._attributes(one).get("PatientID", ""), []).append(one)
        return found

    def _patient_counts(self, patient: str) -> dict[str, str]:
        own = self._by_patient.get(patient, [])
        return {
            "NumberOfPatientRelatedStudies": str(len(own)),
            "NumberOfPatientRelatedSeries": str(sum(len(one.series_at(self._now)) for one in own)),
            "NumberOfPatientRelatedInstances": str(sum(one.instances_at(self._now) for one in own)),
        }

    def _modalities(self, study: Study) -> list[str]:
        found = list(dict.fromkeys(one.modality for one in study.series_at(self._now)))
        return [*found, _NAME_OF_EXTRA] if "move-announces-more" in self._habits else found


def _image_values(series: Series, index: int) -> dict[str, str]:
    uids = {"SOPInstanceUID": series.images.uid(index), "SOPClassUID": series.images.sop_class(index)}
    return {**series.images.attributes(index), **uids}


def _first_of_each_patient(studies: Iterable[Study], now: dt.datetime) -> Iterator[Row]:
    seen: set[str] = set()
    for study in studies:
        patient = study.attributes_at(now).get("PatientID", "")
        if patient not in seen:
            seen.add(patient)
            yield Row(study)


def _all_match(values: Mapping[str, str], keys: Mapping[str, str], clean: str) -> bool:
    for name, key in keys.items():
        if name not in values:
            continue
        if not matches(vr_of(tag_of(name)), key.replace(" ", "") if name == clean else key, values[name]):
            return False
    return True
