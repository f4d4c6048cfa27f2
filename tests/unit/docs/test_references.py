"""
What the code refers to stands in the documentation: requirements, field notes, field cases, the contract.

Not proved: that a requirement is met, or that a reference is the right one.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PRODUCT = ("pacs_module", "orthanc", "docker", "hospital_sim", "stack", "demo", "examples", "benchmarks")
SUFFIXES = {".py", ".json", ".toml", ".yml", ".md", ".Dockerfile"}
REQUIREMENT = re.compile(r"\b([MTN]\d{1,2}[ab]?)\b")
"""Ids of what is built; those of E, Q, H and A look like names of devices and patients."""
RANGE = re.compile(r"\b([MTN])(\d{1,2})-[MTN](\d{1,2})\b")
NUMBERS = r"((?:\d+(?:\.\d+)?(?:, | and )?)+)"
FIELD_NOTES = re.compile(rf"[Ff]ield[- ]notes?(?:'|,)? ?(?:section )?{NUMBERS}")
FIELD_CASES = re.compile(rf"[Ff]ield cases? {NUMBERS}")
SECTIONS = re.compile(rf"[Oo]perator[- ]contract,? sections? {NUMBERS}")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def texts(*folders: str) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path, path.read_text(encoding="utf-8")


def words_of(path: Path, text: str) -> str:
    """Of a program its docstrings and comments only: values of tests and devices look like ids."""
    if path.suffix != ".py":
        return text
    strings = re.findall(r'"""(.*?)"""', text, flags=re.DOTALL)
    return "\n".join([*strings, *re.findall(r"#.*", text)])


def numbers(pattern: re.Pattern[str], text: str) -> set[str]:
    return {number for found in pattern.findall(text) for number in re.findall(r"\d+(?:\.\d+)?", found)}


def anchors(page: str) -> set[str]:
    """Explicit anchors, and those that GitHub makes of headings."""
    text = (DOCS / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


def test_every_requirement_that_the_code_names_is_in_the_page() -> None:
    known = anchors("requirements.md")
    for path, text in texts(*PRODUCT):
        words = words_of(path, text)
        named = set(REQUIREMENT.findall(words))
        for letter, first, last in RANGE.findall(words):
            named |= {f"{letter}{number}" for number in range(int(first), int(last) + 1)}
        assert not {one for one in named if one.lower() not in known}, path


@pytest.mark.parametrize(
    ("pattern", "page", "anchor"),
    [
        (FIELD_NOTES, "field-notes.md", "n{}"),
        (FIELD_CASES, "operator-contract.md", "case-{}"),
        (SECTIONS, "operator-contract.md", "section {}"),
    ],
    ids=["field notes", "field cases", "sections of the contract"],
)
def test_every_number_that_is_referred_to_is_in_the_page(
    pattern: re.Pattern[str], page: str, anchor: str
) -> None:
    known = anchors(page)
    known |= {f"n{name.split('-')[0]}" for name in known if re.match(r"\d+-", name)}
    known |= {f"section {name.split('-')[0]}" for name in known if re.match(r"\d+-", name)}
    referred = {number for _, text in texts(*PRODUCT, "tests") for number in numbers(pattern, text)}
    assert len(referred) >= 4
    assert not {number for number in referred if anchor.format(number.replace(".", "-")) not in known}


def test_the_ids_are_complete() -> None:
    """What the tests below would not notice: a page that lost its anchors."""
    assert {f"m{number}" for number in range(1, 41)} | {"m8a", "m19a", "m19b"} <= anchors("requirements.md")
    assert {f"t{number}" for number in range(1, 11)} <= anchors("requirements.md")
    assert {f"case-{number}" for number in range(1, 18)} <= anchors("operator-contract.md")
    assert {f"n2-{number}" for number in range(1, 23)} <= anchors("field-notes.md")


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    for link in LINK.findall((DOCS / page).read_text(encoding="utf-8")):
        if link.startswith(("http:", "https:")):
            continue
        file, _, fragment = link.partition("#")
        target = (DOCS / file).resolve() if file else DOCS / page
        assert target.exists(), link
        if fragment and target.parent == DOCS:
            assert fragment in anchors(target.name), link


def test_the_tests_that_the_security_page_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", (DOCS / "security.md").read_text(encoding="utf-8")))
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 20
    assert named - there == set()


def test_the_conformance_statement_says_what_orthanc_is_told() -> None:
    page = (DOCS / "conformance.md").read_text(encoding="utf-8")
    told = (ROOT / "orthanc" / "config" / "orthanc.json").read_text(encoding="utf-8")
    for name in ("ORTHANC_DICOM_THREADS", "ORTHANC_SCP_TIMEOUT", "ORTHANC_DICOM_PORT", "ORTHANC_AET"):
        (value,) = set(re.findall(rf"\$\{{{name}:-([^}}]*)\}}", told))
        assert name in page
        assert value in page
    assert '"MaximumPduLength": 131072' in told
    assert "131072" in page
    for service in ("Find", "Get", "Move"):
        assert f'"DicomAlwaysAllow{service}": false' in told
