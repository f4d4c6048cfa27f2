"""Which hand-overs go to a destination, and the rule, attribute and value that decided."""

import pytest

from pacs_module.domain.upload.destination import Arrival, DestinationRule, HandedOver, route

CT = {"Modality": "CT", "BodyPartExamined": "CHEST", "Manufacturer": "SIEMENS", "StationName": "CT2"}
NAMELESS = {
    "Modality": "CT",
    "BodyPartExamined": "",
    "SeriesDescription": "Lung 1.0",
    "StudyDescription": "111",
}
PULLED = HandedOver((CT,), priority=0, pacs="A")
PUSHED = HandedOver((CT,))


def test_a_rule_without_parts_takes_everything() -> None:
    said = route(DestinationRule(), PUSHED)
    assert said.taken
    assert said.words == "everything goes there"


@pytest.mark.parametrize(
    ("rule", "handed_over", "taken", "words"),
    [
        (DestinationRule(modalities=("CT",)), PULLED, True, "modality: Modality CT"),
        (DestinationRule(modalities=("DX",)), PULLED, False, "modality: Modality CT"),
        (
            DestinationRule(modalities=("CT",)),
            HandedOver(({**CT, "Modality": " ct "},)),
            True,
            "modality: Modality CT",
        ),
        (DestinationRule(body_parts=("chest",)), PULLED, True, "body_part: BodyPartExamined CHEST"),
        (DestinationRule(body_parts=("head",)), PULLED, False, "body_part: BodyPartExamined CHEST"),
        (
            DestinationRule(body_parts=("lung",)),
            HandedOver((NAMELESS,)),
            True,
            "body_part: SeriesDescription Lung 1.0",
        ),
        (
            DestinationRule(body_parts=("head",)),
            HandedOver((NAMELESS,)),
            False,
            "body_part: ProtocolName 111, Lung 1.0",
        ),
        (DestinationRule(body_parts=("head",)), HandedOver(({},)), False, "body_part: ProtocolName empty"),
        (DestinationRule(devices=("siemens",)), PULLED, True, "device: Manufacturer SIEMENS"),
        (DestinationRule(devices=("CT2",)), PULLED, True, "device: StationName CT2"),
        (DestinationRule(devices=("GE",)), PULLED, False, "device: Manufacturer SIEMENS, CT2"),
        (DestinationRule(priorities=(2, 4)), PULLED, False, "priority: priority 0"),
        (DestinationRule(priorities=(0,)), PULLED, True, "priority: priority 0"),
        (DestinationRule(pacs=("A",)), PULLED, True, "pacs: pulled from A"),
        (DestinationRule(pacs=("A",)), PUSHED, False, "pacs: pulled from none"),
        (DestinationRule(arrival=Arrival.PUSHED), PULLED, False, "arrival: images were pulled"),
        (DestinationRule(arrival=Arrival.PUSHED), PUSHED, True, "arrival: images were pushed"),
        (DestinationRule(modalities=("CT",)), HandedOver(()), False, "series: series none"),
    ],
)
def test_each_part_of_a_rule(rule: DestinationRule, handed_over: HandedOver, taken: bool, words: str) -> None:
    said = route(rule, handed_over)
    assert (said.taken, said.words) == (taken, words)


def test_all_parts_must_fit_and_the_one_that_does_not_is_told() -> None:
    rule = DestinationRule(modalities=("CT",), body_parts=("chest",), devices=("GE",), pacs=("A",))
    assert route(rule, PULLED).rule == "device"


def test_one_series_of_several_is_enough_but_it_must_fit_in_all_parts() -> None:
    rule = DestinationRule(modalities=("CT",), body_parts=("head",))
    chest, head_mr = CT, {"Modality": "MR", "BodyPartExamined": "HEAD"}
    assert not route(rule, HandedOver((chest, head_mr))).taken
    assert route(rule, HandedOver((chest, {**head_mr, "Modality": "CT"}))).taken
