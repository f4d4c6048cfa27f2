"""Sentences with values in the reader's language: found in what was written, translated, filled in again."""

import ast

import pytest

from pacs_module.web.page_support.language import catalogue
from pacs_module.web.page_support.sentences import FILE, MOST, sentences_in, templates
from tests.support.catalogues import with_values
from tests.support.pages.left_in_english import left_in_english
from tests.support.sentences import message_id, sentences

said = sentences_in(catalogue("zh").gettext)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("no rule speaks against it", "没有规则反对"),
        ("PACS has 862 instances, 700 when last pulled", "PACS 有 862 幅图像，上次拉取时为 700"),
        ("short: SHORT 700 of 862; again in 0:01:30", "不全：SHORT 700 of 862；0:01:30 后重试"),
        (
            "nothing can be pulled from GEPACS: GEPACS is out of resources; tried again at 12:30",
            "无法从 GEPACS 拉取：GEPACS 资源不足；at 12:30 重试",
        ),
        ("the backend is down (backend at http://b:1 does not answer: timed out); tried again now",
         "后端离线（后端 http://b:1 没有应答：timed out）；now 重试"),
        ("redo: the model was updated", "重做：the model was updated"),
        ("pull number 2, priority 4", "第 2 次拉取，优先级 4"),
        ("A: 862 instances", "A：862 幅图像"),
        ("GEPACS: 273 instances in two finds", "GEPACS：两次查询均为 273 幅图像"),
        (
            "SERIES level, 1 series, priority 0, 96 instances expected",
            "SERIES 级，1 个序列，优先级 0，预期 96 幅图像",
        ),
        ("AccessionNumber differs: A1 at GEPACS, A2 at here", "AccessionNumber 不一致：A1 at GEPACS, A2 at here"),
    ],
)  # fmt: skip
def test_a_sentence_is_said_with_its_values(written: str, shown: str) -> None:
    assert said(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BodyPartExamined THX",
        "422: no lung in it",
        "the AccessionNumber differs in the images",
        "{pacs} is out of luck",
        "%(number)s",
        "胸部平扫 images of somebody",
        "x" * (MOST + 1),
    ],
)
def test_what_is_not_known_stays_as_it_is(text: str) -> None:
    assert said(text) == text


def test_a_value_is_never_taken_for_a_place() -> None:
    assert said("PACS has {known} instances, {count} when last pulled") == (
        "PACS 有 {known} 幅图像，上次拉取时为 {count}"
    )


def test_a_hostile_text_takes_no_time() -> None:
    """Each place of a template is looked for once: no text makes it go back."""
    hostile = ("a has " * 150 + " instances, when last pulled")[: MOST - 1]
    assert isinstance(said(hostile), str)


def test_english_stays_what_was_written() -> None:
    plain = sentences_in(catalogue("en").gettext)
    for text in ("PACS has 862 instances, 700 when last pulled", "short: SHORT 700 of 862"):
        assert plain(text) == text


def test_the_file_has_every_sentence_with_values() -> None:
    assert FILE.read_text(encoding="utf-8") == with_values(), "run `python -m tests.support.catalogues`"
    assert len(templates()) > 200


def test_every_sentence_of_the_code_is_said_in_chinese() -> None:
    """Each with values that nobody else has: none is taken for another one's, and nothing of it stays English."""
    wrong = {}
    for one in sentences():
        names = {name: f"V{number}" for number, name in enumerate(_names(one))}
        more = "V9" if one.endswith(": ") else ""
        shown = said(one.format(**names) + more)
        if shown != catalogue("zh").gettext(one).format(**names) + more:
            wrong[one] = shown
    assert wrong == {}


def _names(sentence: str) -> list[str]:
    return [part.partition("}")[0] for part in sentence.split("{")[1:]]


def test_a_message_id_names_its_values() -> None:
    tree = ast.parse('f"{found.pacs} has {found.count:d} instances, {known(study)} or {0 + 1}"', mode="eval")
    assert isinstance(tree.body, ast.JoinedStr)
    assert message_id(tree.body) == "{pacs} has {count} instances, {value} or {value2}"


def test_what_is_left_in_english_is_seen() -> None:
    assert left_in_english("状态 the next find counts its 12") == ["the next find counts its"]
    assert left_in_english("pull_data_end 862 CT CHEST 1.0 B50f, kernel class") == []
    assert left_in_english("原因 a phantom of ours", ("a phantom of ours",)) == []
