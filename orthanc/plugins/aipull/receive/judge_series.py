"""
Applies the filter rules to received series and journals the verdicts: a first look, and a last word by all
images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from pacs_module.domain.dicom.attributes import MISSING_IMAGES, SeriesFacts
from pacs_module.domain.dicom.geometry import distances
from pacs_module.domain.dicom.images import ImageFacts, image_facts, index_facts
from pacs_module.domain.explain import loglines
from pacs_module.domain.json_messages.messages import PullRequest
from pacs_module.domain.receive.decision import expectations
from pacs_module.domain.receive.judged import Judged, with_whole_study
from pacs_module.domain.rules.attribute_rules import wants_image
from pacs_module.domain.rules.filters import NAMED, WHOLE_STUDY, judge_series, named_by_person
from pacs_module.domain.rules.switches import Switches
from pacs_module.domain.series_agreement.agreement import Agreement, Oddity, agree, agreed_facts, without
from pacs_module.domain.series_agreement.unread_images import to_read
from pacs_module.shared.dicom_header import read_facts
from pacs_module.shared.logs import ContractLog

from ..journal.receptions import ReceptionRows
from ..journal.rules import Rules
from ..server.orthanc_client import InstanceHere, OrthancClient, SeriesHere
from ..server.stored_file import MAX_DEPTH, Header, StoredFiles
from .arriving_study import ArrivingStudy
from .identify import Identified
from .missing_numbers import holes

_COUNT_RULES = ("min instances", "slice thickness")
_READ_AHEAD = 128
"""
Of so many images one is read in full as they come, so that few are left to read when the last one is here.
"""
_TRIES = 3
"""Images of a series that are tried for the first look, where one cannot be read."""


class Judge:
    """
    The rules on what was received.

    Args:
        rest: For the ids of an image's file.
        files: The headers.
        receptions: Where verdicts are journaled.
        rules: In force and of earlier versions: a reception is judged by one of them.
        log: Gets the ``filter because`` lines, before the verdict is journaled: a crash between the two
            repeats a line and loses none.
    """

    def __init__(
        self,
        rest: OrthancClient,
        files: StoredFiles,
        receptions: ReceptionRows,
        rules: Rules,
        log: ContractLog,
    ) -> None:
        self._rest = rest
        self._files = files
        self._receptions = receptions
        self._rules = rules
        self._log = log

    def first_look(self, arrival: ArrivingStudy, request: PullRequest | None) -> None:
        """
        Judge every series that is here and not judged yet, on its first image; radiography is taken whole.
        """
        self._settle_rules(arrival, request)
        judged = dict(arrival.judged)
        for uid, parts in arrival.series.items():
            if uid in arrival.judged:
                continue
            facts = self._facts(arrival, uid, self._first_of(arrival, parts[0]), request)
            if facts is not None:
                judged[uid] = self._judged(arrival, facts, request)
        self._note_all(arrival, judged)

    def _first_of(self, arrival: ArrivingStudy, part: SeriesHere) -> Iterator[InstanceHere]:
        """The first images of a series, each asked for only when the one before cannot be read."""
        for orthanc_id in part.instances[:_TRIES]:
            image = arrival.told_of(orthanc_id) or self._rest.instance(orthanc_id)
            if image is not None:
                yield image

    def look_ahead(self, arrival: ArrivingStudy) -> None:
        """Look at each image while others still come, so that the last one finds little left to do."""
        fresh = arrival.fresh()
        for image in fresh:
            self._files.is_poison(image)
            if (image.number or 0) % _READ_AHEAD == 1:
                self._image_facts(arrival, image)
        distances([_from_index(arrival, image) for image in fresh])  # remembers how each position reads

    def _settle_rules(self, arrival: ArrivingStudy, request: PullRequest | None) -> None:
        """
        A reception is judged by one version of the rules: by that of its pull, else by the one that was in
        force when it began. Where it turns out to be another one everything is judged again.
        """
        arrival.rules = rules = self._rules_for(arrival, request)
        judged = arrival.judged
        if any(one.verdict.rules != rules.version for one in judged.values() if not one.at_find):
            arrival.agreements.clear()
            again = {uid: self._judged(arrival, one.facts, request) for uid, one in judged.items()}
            self._note_all(arrival, again)

    def _rules_for(self, arrival: ArrivingStudy, request: PullRequest | None) -> Switches:
        if request is not None and request.rules:
            return self._rules.of(request.rules)
        if arrival.rules is not None:
            return arrival.rules
        first = next(iter(arrival.judged.values()), None)
        return self._rules.of(first.verdict.rules if first is not None else "")

    def last_word(
        self,
        arrival: ArrivingStudy,
        found: Identified,
        request: PullRequest | None,
        only: Collection[str] | None = None,
    ) -> bool:
        """
        Judge again by the images that may be handed over: by those of a series that agree, and by their
        number.

        Args:
            arrival: The study.
            found: Its images.
            request: The pull.
            only: The series that are received; None: all of them.

        Returns:
            Whether a series is taken that was not, or the other way round.
        """
        before = {uid: one.verdict.taken for uid, one in arrival.judged.items()}
        judged = dict(arrival.judged)
        for uid in found.provenance.counts:
            facts = self._of_right_image(arrival, found, uid, request)
            if facts is None or (uid in judged and judged[uid].at_find):
                continue
            judged[uid] = self._of_group(arrival, found, facts, request, only is None or uid in only)
        self._note_all(arrival, judged)
        return any(before.get(uid) != one.verdict.taken for uid, one in arrival.judged.items())

    def usable(self, arrival: ArrivingStudy, found: Identified, series_uid: str) -> list[InstanceHere]:
        """
        The images of a series that are handed over, in order; without odd ones, unless a switch or a person
        wants them, and never with one that cannot be read.
        """
        images = found.images(series_uid)
        agreement = arrival.agreement(series_uid, found.sop_uids(series_uid))
        if agreement is None:
            return sorted((one for one in images if not self._files.is_poison(one)), key=_by_number)
        order = list(agreement.images)
        if self._odd_images_go_along(arrival, series_uid):
            order += sorted(one.sop_uid for one in agreement.odd if one.why is not Oddity.UNREADABLE)
        by_uid = {one.sop_instance_uid: one for one in images}
        return [by_uid[uid] for uid in dict.fromkeys(order) if uid in by_uid]

    def _odd_images_go_along(self, arrival: ArrivingStudy, series_uid: str) -> bool:
        judged = arrival.judged.get(series_uid)
        named = judged is not None and judged.verdict.rule == NAMED
        return named or self._by(arrival).odd_images_go_along

    def _of_right_image(
        self, arrival: ArrivingStudy, found: Identified, uid: str, request: PullRequest | None
    ) -> SeriesFacts | None:
        """The facts so far, unless they are those of an image that is left out."""
        images = found.images(uid)
        ids = {one.orthanc_id for one in images}
        rejected = any(one.image.series_uid == uid for one in found.provenance.rejected)
        known = arrival.judged.get(uid)
        if known is not None and (not rejected or arrival.looked_at.get(uid) in ids):
            return known.facts
        return self._facts(arrival, uid, images[:_TRIES], request)

    def _of_group(
        self,
        arrival: ArrivingStudy,
        found: Identified,
        facts: SeriesFacts,
        request: PullRequest | None,
        final: bool,
    ) -> Judged:
        agreement = self._agreement(arrival, found, facts) if final else None
        if agreement is not None:
            member = self._of_member(arrival, found, facts, agreement, request)
            # What was announced and is not here counts, also when nothing comes any more: short is pulled
            # again, not dropped.
            facts = agreed_facts(member, agreement, final=False)
        known = arrival.judged.get(facts.series_uid)
        if known is not None and agreement is None and not self._needs_count(arrival, known):
            return known if facts == known.facts else self._judged(arrival, facts, request)
        received = found.provenance.counts.get(facts.series_uid, 0)
        grown = received > (facts.instances or received)
        counted = self._counted(arrival, found, facts, received) if final or grown else facts
        return self._judged(arrival, counted, request)

    def _of_member(
        self,
        arrival: ArrivingStudy,
        found: Identified,
        facts: SeriesFacts,
        agreement: Agreement,
        request: PullRequest | None,
    ) -> SeriesFacts:
        """The facts of an image of the group: a localizer has another kernel, or none."""
        looked_at = found.census.images.get(arrival.looked_at.get(facts.series_uid, ""))
        if looked_at is not None and looked_at.sop_instance_uid in agreement.images:
            return facts
        members = [
            one for one in found.images(facts.series_uid) if one.sop_instance_uid in agreement.images[:_TRIES]
        ]
        return self._facts(arrival, facts.series_uid, members, request) or facts

    def _agreement(self, arrival: ArrivingStudy, found: Identified, facts: SeriesFacts) -> Agreement | None:
        """Of CT; the views of a radiograph need not agree, but each must be readable."""
        if self._is_of_no_use(arrival, facts.series_uid):
            return None
        uids = found.sop_uids(facts.series_uid)
        known = arrival.agreement(facts.series_uid, uids)
        if known is not None:
            return known
        agreement = self._agreement_of(arrival, found.images(facts.series_uid), facts)
        if agreement is not None:
            arrival.agreements[facts.series_uid] = (uids, agreement)
        return agreement

    def _agreement_of(
        self, arrival: ArrivingStudy, images: Iterable[InstanceHere], facts: SeriesFacts
    ) -> Agreement | None:
        by_uid = {one.sop_instance_uid: one for one in images}
        poison = {uid for uid, one in by_uid.items() if self._files.is_poison(one)}
        dx = facts.modality in self._by(arrival).dx_modalities
        if dx and not poison:
            return None
        readable = {uid: one for uid, one in by_uid.items() if uid not in poison}
        agreement = self._compared(arrival, readable)
        if agreement is None:
            return None
        if dx:
            agreement = _with_all(agreement, readable.values())
        return without(agreement, poison, f"more than {MAX_DEPTH} nested sequences")

    @staticmethod
    def _is_of_no_use(arrival: ArrivingStudy, uid: str) -> bool:
        """Dropped by its Modality, whatever its images say: a dose report is large, and is read once."""
        known = arrival.judged.get(uid)
        return known is not None and known.verdict.rule == "modality" and not known.verdict.taken

    def _compared(self, arrival: ArrivingStudy, images: Mapping[str, InstanceHere]) -> Agreement | None:
        """Which of some images agree, by SOPInstanceUID; None: there is none."""
        rules = self._by(arrival)
        facts = {uid: _from_index(arrival, one) for uid, one in images.items()}
        known = {uid for uid, one in images.items() if one.file in arrival.from_header}
        for uid in to_read(list(facts.values()), known):
            facts[uid] = self._image_facts(arrival, images[uid])
        least = rules.min_instances_ct if rules.filter_min_instances else 1
        return agree(facts.values(), lambda image: wants_image(image, rules), least)

    def _image_facts(self, arrival: ArrivingStudy, image: InstanceHere) -> ImageFacts:
        """From its header, which is read once; from the index where it cannot be read."""
        known = arrival.from_header.get(image.file)
        if known is not None:
            return known
        header = self._files.header(image)
        if not isinstance(header, Header):
            return _from_index(arrival, image)
        return self._noted(arrival, image, header)

    @staticmethod
    def _noted(arrival: ArrivingStudy, image: InstanceHere, header: Header) -> ImageFacts:
        facts = replace(image_facts(header.tags), sop_uid=image.sop_instance_uid)
        arrival.from_header[image.file] = facts
        return facts

    def _facts(
        self, arrival: ArrivingStudy, uid: str, images: Iterable[InstanceHere], request: PullRequest | None
    ) -> SeriesFacts | None:
        for image in images:
            header = self._files.header(image)
            if isinstance(header, Header):
                arrival.looked_at[uid] = image.orthanc_id
                self._noted(arrival, image, header)
                return read_facts(header, uid, expectations(request).series.get(uid))
        return None

    def _by(self, arrival: ArrivingStudy) -> Switches:
        return arrival.rules or self._rules.current

    def _note_all(self, arrival: ArrivingStudy, judged: dict[str, Judged]) -> None:
        news = {
            one.facts.series_uid: one
            for uid, one in with_whole_study(judged, self._by(arrival)).items()
            if _is_news(arrival.judged.get(uid), one)
        }
        if not news:
            return
        for one in news.values():
            self._tell(arrival, one)
        self._receptions.judge(arrival.row, *news.values())
        arrival.judged.update(news)

    def _needs_count(self, arrival: ArrivingStudy, judged: Judged) -> bool:
        if judged.verdict.rule == WHOLE_STUDY:
            return False
        if judged.verdict.taken:
            return judged.facts.instances is None or self._by(arrival).filter_consecutive_images
        return judged.verdict.rule in _COUNT_RULES and judged.verdict.attribute == "instance nums"

    def _counted(
        self, arrival: ArrivingStudy, found: Identified, facts: SeriesFacts, received: int
    ) -> SeriesFacts:
        facts = replace(facts, instances=max(received, facts.instances or 0))
        if not self._by(arrival).filter_consecutive_images:
            return facts
        numbers = [image.number for image in found.images(facts.series_uid)]
        return replace(facts, attributes={**facts.attributes, MISSING_IMAGES: str(holes(numbers))})

    def _judged(self, arrival: ArrivingStudy, facts: SeriesFacts, request: PullRequest | None) -> Judged:
        uid, rules = facts.series_uid, self._by(arrival)
        if request is not None and uid in request.skip_filter:
            return Judged(facts, named_by_person(rules))
        if request is not None and uid in request.filtered:
            return Judged(facts, request.filtered[uid], at_find=True)
        return Judged(facts, judge_series(facts, rules))

    def _tell(self, arrival: ArrivingStudy, judged: Judged) -> None:
        """The line of a series that is dropped, unless it was told already."""
        facts, because = judged.facts, judged.verdict.because
        if judged.verdict.taken or judged.at_find:
            return
        before = arrival.judged.get(facts.series_uid)
        if before is None or before.verdict.because != because:
            study, names = arrival.row.study_uid, loglines.facts_names(facts)
            self._log.line(loglines.series_filtered(*names, study, facts.series_uid, because))


def _by_number(image: InstanceHere) -> tuple[bool, int, str]:
    """The order of images that were not compared; those without an InstanceNumber come last."""
    return image.number is None, image.number or 0, image.sop_instance_uid


def _is_news(known: Judged | None, judged: Judged) -> bool:
    return known is None or judged != known or judged.verdict.rules != known.verdict.rules


def _with_all(agreement: Agreement, images: Iterable[InstanceHere]) -> Agreement:
    """The same with none of the images odd: the views of a radiograph differ."""
    in_order = sorted(images, key=lambda one: (one.number or 0, one.sop_instance_uid))
    uids = tuple(one.sop_instance_uid for one in in_order)
    return replace(agreement, images=uids, odd=(), frames=agreement.all_frames)


def _from_index(arrival: ArrivingStudy, image: InstanceHere) -> ImageFacts:
    known = arrival.from_index.get(image.file)
    if known is None:
        facts = index_facts(image.tags)
        known = replace(facts, sop_uid=image.sop_instance_uid, sop_class=image.sop_class)
        arrival.from_index[image.file] = known
    return known
