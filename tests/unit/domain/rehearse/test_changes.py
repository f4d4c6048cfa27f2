"""Changes of switches as a person writes them."""

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rehearse.changes import between, changed, read_change
from pacs_module.domain.rules.switches import Switches

SHIPPED = Switches()


def after(*texts: str, switches: Switches = SHIPPED) -> Switches:
    return changed(switches, [read_change(text) for text in texts])


def test_a_value_is_added_to_a_list_and_the_lists_beside_it_stay() -> None:
    found = after("KEYWORDS+=STND")
    assert found.keywords == (*SHIPPED.keywords, "STND")
    assert between(SHIPPED, found) == {"KEYWORDS": [*SHIPPED.keywords, "STND"]}


def test_a_list_that_is_set_leaves_the_lists_beside_it_too() -> None:
    assert after("KEYWORDS=STND").keywords_further == SHIPPED.keywords_further


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("slice_thickness_max = 3", "slice_thickness_max", 3.0),
        ("MIN_INSTANCES_CT=20", "min_instances_ct", 20),
        ("FILTER_KERNEL=on", "filter_kernel", True),
        ("KEYWORDS-=LUNG,肺", "keywords", ("CHEST", "THORAX", "PULMO", "胸")),
        ('CONTRAST_KEYWORDS=["A, B"]', "contrast_keywords", ("A, B",)),
        ("IMAGE_TYPES_CT+=DERIVED\\PRIMARY\\AXIAL", "image_types_ct",
         (*SHIPPED.image_types_ct, "DERIVED\\PRIMARY\\AXIAL")),
    ],
)  # fmt: skip
def test_values_of_each_kind(text: str, name: str, value: object) -> None:
    assert getattr(after(text), name) == value


def test_changes_follow_one_another() -> None:
    assert after("KEYWORDS+=STND", "KEYWORDS-=STND") == SHIPPED


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("KEYWORDS", "change", "NAME=value"),
        ("KEYWORD+=THX", "KEYWORD", "did you mean KEYWORDS?"),
        ("KEYWORDS+=CHEST", "KEYWORDS", "not in it yet"),
        ("KEYWORDS-=THX", "KEYWORDS", "one of CHEST"),
        ("KEYWORDS+=", "KEYWORDS", "at least one"),
        ("KEYWORDS=", "KEYWORDS", "at least one"),
        ('KEYWORDS=["A', "KEYWORDS", "JSON"),
        ("KEYWORDS=[1]", "KEYWORDS", "JSON"),
        ("SLICE_THICKNESS_MAX+=1", "SLICE_THICKNESS_MAX", "no list"),
        ("SLICE_THICKNESS_MAX=thin", "SLICE_THICKNESS_MAX", "a number"),
        ("SLICE_THICKNESS_MAX=nan", "SLICE_THICKNESS_MAX", "a number"),
        ("FILTER_KERNEL=maybe", "FILTER_KERNEL", "true or false"),
        ("STABLE_AGE=3", "STABLE_AGE", "when a process starts"),
        ("DELETE_AFTER_SEND=false", "DELETE_AFTER_SEND", "when a process starts"),
        ("RULES_VERSION=3", "RULES_VERSION", "counted up by itself"),
        ("THIN_SLICE_MAX=9", "THIN_SLICE_MAX", "at most"),
        ("CHOICE_ORDER=luck", "CHOICE_ORDER", "thickness"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, key: str, allowed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        after(text)
    assert caught.value.key == key
    assert allowed in caught.value.allowed
