"""The site's switches: what is allowed, and what a wrong one says (operator-contract section 3)."""

import pytest

from pacs_module.domain.errors import ConfigurationError
from pacs_module.domain.rules.read_switches import parse_switches
from pacs_module.domain.rules.switches import Switches


def test_the_defaults_of_the_contract() -> None:
    site = parse_switches({})
    assert site == Switches()
    assert (site.find_pacs_use_series, site.delete_after_send, site.resend_only_thicker_series) == (
        False,
        True,
        True,
    )
    assert site.keywords == ("CHEST", "THORAX", "LUNG", "PULMO", "胸", "肺")
    assert (site.slice_thickness_max, site.thin_slice_max, site.min_instances_ct, site.min_instances_dx) == (
        5.0,
        2.0,
        10,
        1,
    )
    assert (site.filter_contrast, site.filter_consecutive_images, site.filter_kernel, site.thin_only) == (
        False,
        False,
        False,
        False,
    )
    assert site.dx_modalities == ("DX", "DR", "CR")


def test_values_are_typed() -> None:
    site = parse_switches(
        {
            "KEYWORDS": ["head", "brain"],
            "SLICE_THICKNESS_MAX": 3,
            "FIND_PACS_USE_SERIES": True,
            "MIN_INSTANCES_CT": 20,
        }
    )
    assert site.keywords == ("head", "brain")
    assert type(site.slice_thickness_max) is float
    assert site.find_pacs_use_series
    assert site.min_instances_ct == 20


def test_modalities_are_compared_in_upper_case() -> None:
    assert parse_switches({"CT_MODALITIES": ["ct "], "DX_MODALITIES": ("dx", "rf")}).dx_modalities == (
        "DX",
        "RF",
    )
    assert parse_switches({"CT_MODALITIES": ["ct "]}).ct_modalities == ("CT",)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("KEYWORD", "did you mean KEYWORDS?"),
        ("DELETE_AFTER_SENT", "did you mean DELETE_AFTER_SEND?"),
        ("RESEND_ONLY_THINNER_SERIES", "did you mean RESEND_ONLY_THICKER_SERIES?"),
        ("keywords", "did you mean KEYWORDS?"),
        (
            "HANDOVER_RETENTION",
            "no switch of this file; it is retention_s in [backend] of pacs_module's settings",
        ),
        ("CROSSDAY", "no switch of this file; it is crossday in pacs_module's settings"),
        ("XYZ", "there is no such switch; known are CHOICE_ORDER, CONTRAST_ARTERIAL_KEYWORDS"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(key: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_switches({key: 1})
    assert (caught.value.key, caught.value.value) == (key, 1)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("DELETE_AFTER_SEND", 1, "True or False"),
        ("DELETE_AFTER_SEND", "True", "True or False"),
        ("MIN_INSTANCES_CT", -1, "a whole number, 0 or more"),
        ("MIN_INSTANCES_CT", 1.5, "a whole number, 0 or more"),
        ("MIN_INSTANCES_CT", True, "a whole number, 0 or more"),
        ("SLICE_THICKNESS_MAX", "5", "a number, 0 to 1e9"),
        ("SLICE_THICKNESS_MAX", float("nan"), "a number, 0 to 1e9"),
        ("SLICE_THICKNESS_MAX", float("inf"), "a number, 0 to 1e9"),
        ("KEYWORDS", "CHEST", "a list of texts, none of them empty"),
        ("KEYWORDS", ["CHEST", ""], "a list of texts, none of them empty"),
        ("KEYWORDS", ["CHEST", 5], "a list of texts, none of them empty"),
        ("KEYWORDS", [], "at least one, or FILTER_BODY_PART = False"),
        ("CHOICE_ORDER", ["thinness"], "any of thickness, instances, kernel"),
        ("THIN_SLICE_MAX", 6, "at most SLICE_THICKNESS_MAX (5.0)"),
    ],
)
def test_a_bad_value_names_key_value_and_what_is_allowed(key: str, value: object, allowed: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_switches({key: value})
    assert caught.value.key == key
    assert allowed in caught.value.allowed
    assert str(caught.value).startswith(f"{key} = ")


def test_what_only_fits_together() -> None:
    with pytest.raises(ConfigurationError, match="at least one modality"):
        parse_switches({"CT_MODALITIES": [], "DX_MODALITIES": []})
    assert parse_switches({"KEYWORDS": [], "FILTER_BODY_PART": False}).keywords == ()
    assert parse_switches({"CT_MODALITIES": []}).ct_modalities == ()
