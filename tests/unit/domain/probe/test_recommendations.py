"""
The probe's judgements and recommendations, on findings and answers made up.

Does not prove that a PACS answers like this; tests/integration/probe/test_probe_real and test_probe_habits do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pytest

from pacs_module.domain.find.traits import PacsTraits
from pacs_module.domain.probe import (
    CHINESE,
    LATIN1,
    UTF8,
    Answer,
    Finding,
    Match,
    Place,
    Reply,
    Sent,
    Text,
    Value,
    Verdict,
    Whole,
    agrees,
    best_prefix,
    dirty_uids,
    duplicates,
    judge_cap,
    judge_counts,
    judge_key,
    judge_match,
    judge_modalities,
    judge_text,
    profile_settings,
    readable_by_orthanc,
    recommend,
    sent_as,
)

GBK, UTF_8 = "胸部".encode("gbk"), "胸部".encode()
ESCAPED = b"\x1b$)A" + "胸部".encode("gb2312")


def found(**values: tuple[Verdict, Value]) -> dict[str, Finding]:
    """Findings by key; ``__`` stands for a dot."""
    keys = {key.replace("__", "."): told for key, told in values.items()}
    return {key: Finding(key, verdict, "", "", "", value) for key, (verdict, value) in keys.items()}


def recommended(findings: dict[str, Finding], *texts: Text) -> dict[str, object]:
    return {each.setting: each.value for each in recommend(findings, texts)}


GOOD = found(
    level__series=(Verdict.YES, None),
    count__series=(Verdict.YES, "number"),
    count__study=(Verdict.YES, "number"),
    key__SeriesDescription=(Verdict.YES, "filled"),
    match__time_range=(Verdict.YES, None),
    level__image=(Verdict.YES, 2),
    move=(Verdict.YES, 2),
    cap=(Verdict.NO, 300),
    parallel=(Verdict.YES, 4),
    speed__slowest=(Verdict.YES, 0.2),
    level__study=(Verdict.YES, None),
    modalities=(Verdict.YES, "list"),
    match__AccessionNumber=(Verdict.YES, "honoured"),
    match__PatientID=(Verdict.YES, "honoured"),
    move__senders=(Verdict.YES, ""),
)


def test_a_good_pacs_gets_all_that_is_fast() -> None:
    assert recommended(GOOD, Text(("ISO_IR 192",), 9, 3, Sent.UTF8)) == {
        "finder": "orthanc",
        "DefaultEncoding": CHINESE,
        "series_level": True,
        "use_series": True,
        "follow": True,
        "count_by_image": False,
        "repair": "SERIES",
        "trust_modalities": True,
        "caps": (),
        "ignores": (),
        "senders": (),
        "recent_min": 60,
        "whole_day_s": 300,
        "stability_rule": "unchanged_count",
        "parallel_pulls": 2,
        "Timeout": 600,
        "orthanc.find_timeout_s": 120,
        "find_deadline_s": None,
        "direct_fallback": True,
    }


NOT_ASKED = {
    "look_again": "a decision of the site: how long late series are waited for",
    "earlier_days_s": "a decision of the site: how often earlier days are asked for",
}
"""Traits that no question of the probe can decide."""


def test_the_probe_has_a_word_on_every_trait() -> None:
    advised = {each.setting for each in recommend(GOOD, ()) if each.place is Place.PACS}
    assert {trait.name for trait in fields(PacsTraits)} - advised == set(NOT_ASKED)


def test_what_was_not_told_is_left_as_it_is() -> None:
    values = recommended({})
    assert {setting for setting, value in values.items() if value is not None} == {"Timeout"}
    assert profile_settings(recommend({}, ())) == {}


@pytest.mark.parametrize(
    ("change", "setting", "value"),
    [
        ({"level__series": (Verdict.NO, None)}, "series_level", False),
        ({"level__series": (Verdict.NO, None)}, "use_series", False),
        ({"count__series": (Verdict.NO, "absent")}, "follow", False),
        ({"count__study": (Verdict.NO, "absent")}, "follow", False),
        ({"count__series": (Verdict.NOT_TOLD, None)}, "follow", None),
        ({"level__series": (Verdict.PARTLY, None)}, "series_level", True),
        ({"key__SeriesDescription": (Verdict.NO, "absent")}, "use_series", False),
        ({"level__image": (Verdict.NO, 0)}, "count_by_image", False),
        ({"level__image": (Verdict.NOT_TOLD, None)}, "count_by_image", None),
        ({"level__image": (Verdict.PARTLY, 3)}, "count_by_image", None),
        ({"level__image": (Verdict.PARTLY, 3), "move": (Verdict.YES, 3)}, "count_by_image", True),
        ({"level__image": (Verdict.PARTLY, 3), "move": (Verdict.YES, 5)}, "count_by_image", None),
        ({"count__series": (Verdict.NO, "absent")}, "count_by_image", False),
        (
            {"count__series": (Verdict.NO, "absent"), "count__study": (Verdict.NO, "absent")},
            "count_by_image",
            True,
        ),
        (
            {"count__series": (Verdict.PARTLY, "text"), "count__study": (Verdict.NO, "empty")},
            "count_by_image",
            True,
        ),
        ({"count__series": (Verdict.NOT_TOLD, None)}, "count_by_image", None),
        ({"move": (Verdict.PARTLY, 1)}, "repair", "SERIES"),
        ({"move": (Verdict.NO, 0)}, "repair", None),
        ({"move": (Verdict.NOT_TOLD, None)}, "repair", None),
        ({"cap": (Verdict.YES, 100)}, "caps", (100,)),
        ({"cap": (Verdict.NOT_TOLD, 40)}, "caps", None),
        ({"cap": (Verdict.YES, 0)}, "caps", None),
        ({"match__time_range": (Verdict.NO, None)}, "recent_min", 0),
        ({"match__time_range": (Verdict.PARTLY, None)}, "whole_day_s", 0),
        ({"count__study": (Verdict.NO, "absent")}, "stability_rule", "fixed_delay"),
        ({"count__study": (Verdict.NO, "empty")}, "stability_rule", "fixed_delay"),
        ({"count__study": (Verdict.PARTLY, "text")}, "stability_rule", "unchanged_count"),
        ({"parallel": (Verdict.NO, 1)}, "parallel_pulls", 1),
        ({"parallel": (Verdict.YES, 2)}, "parallel_pulls", 1),
        ({"parallel": (Verdict.YES, 3)}, "parallel_pulls", 2),
        ({"move__silence": (Verdict.YES, 90.0)}, "Timeout", 900),
        ({"speed__slowest": (Verdict.YES, 30.0)}, "orthanc.find_timeout_s", 300),
        ({"speed__slowest": (Verdict.YES, 30.0)}, "find_deadline_s", 300),
        ({"speed__slowest": (Verdict.NOT_TOLD, None)}, "find_deadline_s", None),
        ({"match__AccessionNumber": (Verdict.NO, "ignored")}, "ignores", ("AccessionNumber",)),
        ({"match__AccessionNumber": (Verdict.NO, "matches nothing")}, "ignores", ()),
        (
            {"match__PatientID": (Verdict.NO, "ignored"), "match__time_range": (Verdict.NO, None)},
            "ignores",
            ("PatientID", "StudyTime"),
        ),
        ({"match__date": (Verdict.NO, None)}, "ignores", ("StudyDate",)),
        (
            {"move__senders": (Verdict.YES, "NODE2@10.0.0.9\\GW@10.0.0.8")},
            "senders",
            ("NODE2@10.0.0.9", "GW@10.0.0.8"),
        ),
        ({"move__senders": (Verdict.NOT_TOLD, None)}, "senders", None),
        ({"modalities": (Verdict.NO, "single")}, "trust_modalities", False),
        ({"modalities": (Verdict.NOT_TOLD, "one each")}, "trust_modalities", None),
    ],
)
def test_each_setting_follows_what_was_found(
    change: dict[str, tuple[Verdict, Value]], setting: str, value: object
) -> None:
    assert recommended({**GOOD, **found(**change)})[setting] == value


def test_only_settings_of_the_pacs_go_into_its_profile() -> None:
    made = recommend(GOOD, ())
    assert set(profile_settings(made)) == {
        each.setting for each in made if each.place is Place.PACS and each.value is not None
    }
    assert not {"Timeout", "DefaultEncoding", "stability_rule"} & set(profile_settings(made))


@pytest.mark.parametrize(
    ("declared", "sent", "finder", "encoding"),
    [  # docs/field-guide.md, row by row
        ((), Sent.GBK, "orthanc", CHINESE),
        (("ISO_IR 100",), Sent.GBK, "orthanc", None),
        (("GB18030",), Sent.GBK, "orthanc", CHINESE),
        (("GBK",), Sent.GBK, "orthanc", CHINESE),
        (("ISO_IR 192",), Sent.UTF8, "orthanc", CHINESE),
        ((), Sent.UTF8, "orthanc", UTF8),
        (("ISO_IR 100",), Sent.UTF8, "orthanc", None),
        (("ISO 2022 IR 58",), Sent.ESCAPES, "orthanc", CHINESE),
        (("", "ISO 2022 IR 58"), Sent.ESCAPES, "pynetdicom", None),
        (("ISO 2022 IR 6", "ISO 2022 IR 58"), Sent.ESCAPES, "pynetdicom", None),
        (("GB2312",), Sent.GBK, "pynetdicom", None),
        (("ISO_IR 192",), Sent.GBK, "pynetdicom", None),
        (("GB18030",), Sent.UTF8, "orthanc", CHINESE),
        # and others
        ((), Sent.SINGLE, "orthanc", LATIN1),
        (("ISO_IR 100",), Sent.SINGLE, "orthanc", None),
        (("ISO_IR 101",), Sent.SINGLE, "orthanc", CHINESE),
        (("ISO_IR 6",), Sent.GBK, "pynetdicom", None),
        (("UTF-8",), Sent.UTF8, "pynetdicom", None),
    ],
)
def test_who_asks_and_with_which_encoding(
    declared: tuple[str, ...], sent: Sent, finder: str, encoding: str | None
) -> None:
    values = recommended(GOOD, Text(declared, 9, 5, sent))
    assert (values["finder"], values["DefaultEncoding"]) == (finder, encoding)


def test_a_declaration_that_orthanc_does_not_know_loses_the_query_also_when_the_text_is_ascii() -> None:
    assert (
        recommended(GOOD, Text((), 9, 0, Sent.ASCII), Text(("GB2312",), 1, 0, Sent.ASCII))["finder"]
        == "pynetdicom"
    )
    assert readable_by_orthanc(Text(("ISO_IR 100",), 1, 0, Sent.ASCII)) == {LATIN1, UTF8, CHINESE}


def test_studies_that_need_different_encodings_need_another_finder() -> None:
    texts = (Text((), 5, 5, Sent.SINGLE), Text(("GB18030",), 5, 5, Sent.GBK))
    assert recommended(GOOD, *texts)["finder"] == "pynetdicom"


@pytest.mark.parametrize(
    ("values", "kind", "verdict"),
    [
        (["12", "3"], "number", Verdict.YES),
        (["12", "n/a"], "text", Verdict.PARTLY),
        (["n/a", "n/a"], "text", Verdict.NO),
        (["12", None], "sometimes", Verdict.PARTLY),
        (["", ""], "empty", Verdict.NO),
        ([None, None], "absent", Verdict.NO),
        ([], "", Verdict.NOT_TOLD),
    ],
)
def test_counts(values: list[str | None], kind: str, verdict: Verdict) -> None:
    assert judge_counts(values) == (verdict, kind)


@pytest.mark.parametrize(
    ("values", "kind", "verdict"),
    [
        (["", "5.0"], "filled", Verdict.YES),
        (["", None, ""], "empty", Verdict.PARTLY),
        ([None] * 3, "absent", Verdict.NO),
        ([None] * 2, "", Verdict.NOT_TOLD),
    ],
)
def test_return_keys(values: list[str | None], kind: str, verdict: Verdict) -> None:
    assert judge_key(values) == (verdict, kind)


@pytest.mark.parametrize(
    ("value", "series", "kind", "verdict"),
    [
        ("CT\\PR", ["CT", "PR"], "list", Verdict.YES),
        ("CT,PR", ["CT", "PR"], "comma", Verdict.PARTLY),
        ("CT/PR", ["CT", "PR"], "slash", Verdict.PARTLY),
        ("PR", ["CT", "PR"], "single", Verdict.NO),
        ("CT", ["CT", "CT"], "one each", Verdict.NOT_TOLD),
        (None, ["CT", "PR"], "absent", Verdict.NO),
    ],
)
def test_modalities(value: str | None, series: list[str], kind: str, verdict: Verdict) -> None:
    assert judge_modalities([value, value, value], [(value, series)]) == (verdict, kind)


@pytest.mark.parametrize(
    ("wanted", "others", "got", "match"),
    [
        ("ab", "c", "ab", Match.HONOURED),
        ("ab", "c", "abx", Match.HONOURED),
        ("ab", "c", "abc", Match.IGNORED),
        ("ab", "c", "", Match.NOTHING),
        ("ab", "c", "a", Match.PARTLY),
        ("ab", "", "ab", Match.NOT_TOLD),
        ("", "c", "", Match.NOT_TOLD),
    ],
)
def test_matching(wanted: str, others: str, got: str, match: Match) -> None:
    assert judge_match(set(wanted), set(others), set(got)) is match


def test_what_is_missing_in_a_list_as_long_as_lists_get_says_nothing() -> None:
    assert judge_match({"a", "b"}, {"c"}, {"a"}, cut=True) is Match.HONOURED


def test_a_prefix_parts_the_values() -> None:
    assert best_prefix(["A1", "A2", "B1", "B2"]) == "A"
    assert best_prefix(["A1", "A1"]) == ""
    assert best_prefix(["*1", "?2", ""]) == ""


@pytest.mark.parametrize(
    ("lists", "verdict", "number"),
    [
        ([Whole(100, 170)], Verdict.YES, 100),
        ([Whole(60, 60, cut=True)], Verdict.YES, 60),
        ([Whole(120, 120), Whole(40, 40)], Verdict.NO, 120),
        ([Whole(60, 60)], Verdict.NOT_TOLD, 60),
        ([Whole(0, 60)], Verdict.NOT_TOLD, 0),
        ([], Verdict.NOT_TOLD, 0),
    ],
)
def test_caps(lists: Sequence[Whole], verdict: Verdict, number: int) -> None:
    assert judge_cap(lists) == (verdict, number)


@pytest.mark.parametrize(
    ("value", "declared", "sent", "honest"),
    [
        (b"CHEST", "GB2312", Sent.ASCII, True),
        (GBK, "", Sent.GBK, False),
        (GBK, "GB18030", Sent.GBK, True),
        (GBK, "ISO_IR 100", Sent.GBK, False),
        (UTF_8, "ISO_IR 192", Sent.UTF8, True),
        (UTF_8, "", Sent.UTF8, False),
        (ESCAPED, "\\ISO 2022 IR 58", Sent.ESCAPES, True),
        (ESCAPED, "", Sent.ESCAPES, False),
        ("Müller".encode("latin-1"), "ISO_IR 100", Sent.SINGLE, True),
        ("Łódź".encode("iso8859_2"), "ISO_IR 101", Sent.SINGLE, True),
        ("Müller".encode("latin-1"), "", Sent.SINGLE, False),
        ("김".encode("euc_kr"), "\\ISO 2022 IR 149", Sent.OTHER, True),
        ("𠮷野".encode("gb18030"), "GB18030", Sent.GBK, True),
    ],
)
def test_bytes_and_their_declaration(value: bytes, declared: str, sent: Sent, honest: bool) -> None:
    (text,) = judge_text([{"StudyDescription": value, "SpecificCharacterSet": declared.encode()}])
    assert text.sent is sent
    assert agrees(text.declared, text.sent) is honest
    assert text.odd == (sent is not Sent.ASCII)


def test_one_value_that_is_also_utf8_does_not_outvote_the_others() -> None:
    assert sent_as(["联通".encode("gbk"), GBK, GBK]) is Sent.GBK


def answers(*uids: bytes) -> list[Answer]:
    return [{"StudyInstanceUID": uid} for uid in uids]


def test_dirty_uids_are_counted_by_what_is_wrong() -> None:
    wrong = dirty_uids(answers(b"1.2\0", b"1.2.3", b"1.2 ", b"1. 2", b"", b"1.x"))
    assert wrong == {"all": 6, "spaces": 2, "empty": 1, "other characters": 1}


def test_duplicates_are_the_same_uid_however_it_is_written() -> None:
    assert duplicates(answers(b"1.2", b"1. 2", b"1.3", b"", b"")) == 1


def test_a_reply_says_how_it_ended() -> None:
    assert Reply(status=0).ending == "Success"
    assert Reply(status=0xA700).cut
    assert Reply(status=0xA900).ending == "status A900"
    assert Reply(error="no answer").ending == "no answer"
