"""
Judges one image by the policy: I = 1 passes on, I = 0 goes into quarantine, with every test that it failed.

Pure: what the file says and how it came are values; nothing is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..json_messages.uid_syntax import is_uid
from ..receive.image_origin import Sender
from .image import MAY_HAVE_UIDS, MULTI_FRAME, UIDS, ImageRead, Origin, Pixels, must_have_pixels
from .policy import Policy

_NATIVE = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
)
_RLE = "1.2.840.10008.1.2.5"
_LONGEST_SHOWN = 80


class Test(StrEnum):
    """What is tested."""

    __test__ = False  # for pytest: no tests of its own

    SENDER = "sender"
    HOST = "host"
    PORT = "port"
    CALLED = "called"
    HEADER = "header"
    MANDATORY = "mandatory"
    UID = "uid"
    PIXELS = "pixels"


@dataclass(frozen=True)
class Failure:
    """A test that an image failed, with the attribute and the value that decided."""

    test: Test
    attribute: str
    value: str

    @property
    def words(self) -> str:
        """``pixels: PixelData has 1000 of 524288 bytes``."""
        return f"{self.test.value}: {self.attribute} {self.value}".rstrip()


@dataclass(frozen=True)
class Validation:
    """
    The verdict on one image.

    Args:
        failures: All tests that it failed.
        passed: I: whether it passes on.
    """

    failures: tuple[Failure, ...]
    passed: bool

    @property
    def words(self) -> str:
        """All failures."""
        return "; ".join(one.words for one in self.failures)


def judge(image: ImageRead, origin: Origin, policy: Policy, answers: bool | None = None) -> Validation:
    """
    Judge one image.

    A file that cannot be read to its end fails whatever the threshold is: the other tests saw a part of it.

    Args:
        image: As it was read.
        origin: How it came.
        policy: The site's.
        answers: Whether its sender answers at the port of the policy; None: not known, or not asked for.
    """
    failures = tuple(
        failure for test in _TESTS for failure in test(image, origin, policy, answers)
    )  # fmt: skip
    readable = not any(one.test is Test.HEADER for one in failures)
    return Validation(failures, readable and len(failures) <= policy.threshold)


def _sender(_image: ImageRead, origin: Origin, policy: Policy, answers: bool | None) -> Iterator[Failure]:
    sender = origin.sender
    if policy.senders is None or not sender.ae_title:
        return
    if not policy.senders.knows(sender):
        titles = {one.ae_title for one in policy.senders.entries}
        yield _unknown_sender(sender, titles)
    elif answers is False:
        yield Failure(Test.PORT, f"port of {sender.ae_title}", "does not answer a C-ECHO")


def _unknown_sender(sender: Sender, titles: Collection[str]) -> Failure:
    if sender.ae_title.strip() in titles:
        return Failure(Test.HOST, f"host of {sender.ae_title}", sender.address or "unknown")
    return Failure(Test.SENDER, "calling AE title", sender.ae_title)


def _called(_image: ImageRead, origin: Origin, policy: Policy, _answers: bool | None) -> Iterator[Failure]:
    if policy.called and origin.sender.ae_title and origin.called.strip() not in policy.called:
        yield Failure(Test.CALLED, "called AE title", origin.called or "unknown")


def _header(image: ImageRead, _origin: Origin, policy: Policy, _answers: bool | None) -> Iterator[Failure]:
    if policy.header and image.unreadable:
        yield Failure(Test.HEADER, "file", image.unreadable)


def _mandatory(image: ImageRead, _origin: Origin, policy: Policy, _answers: bool | None) -> Iterator[Failure]:
    if image.unreadable:
        return
    for keyword in policy.mandatory:
        if not image.text(keyword):
            told = "is empty" if keyword in image.values else "is absent"
            yield Failure(Test.MANDATORY, keyword, told)


def _uids(image: ImageRead, _origin: Origin, policy: Policy, _answers: bool | None) -> Iterator[Failure]:
    if not policy.uids:
        return
    for keyword in (*UIDS, *MAY_HAVE_UIDS):
        value = image.text(keyword)
        absent = keyword not in image.values or not value
        if absent and (keyword in MAY_HAVE_UIDS or image.unreadable or keyword in policy.mandatory):
            continue  # told by another test, or no fault
        if absent or not _is_valid_uid(value):
            yield Failure(Test.UID, keyword, shown(value) or "is absent")


def _is_valid_uid(text: str) -> bool:
    """PS3.5 9.1: no part of it begins with a zero, but for the zero itself."""
    return is_uid(text) and all(part == "0" or part[0] != "0" for part in text.split("."))


def _pixels(image: ImageRead, _origin: Origin, policy: Policy, _answers: bool | None) -> Iterator[Failure]:
    if not policy.pixels or image.unreadable:
        return
    pixels = image.pixels
    if pixels is None:
        if must_have_pixels(image):
            yield Failure(Test.PIXELS, "PixelData", "is absent")
        return
    words = _native(image, pixels) if image.syntax in _NATIVE else _encapsulated(image, pixels)
    if words:
        yield Failure(Test.PIXELS, "PixelData", words)


def _native(image: ImageRead, pixels: Pixels) -> str:
    """What is wrong with pixels that are not compressed; empty: nothing."""
    if pixels.told is None:
        return "is encapsulated, and the transfer syntax is not"
    wanted = promised_bytes(image, pixels)
    if wanted is None:
        return "has a length that Rows, Columns, SamplesPerPixel and BitsAllocated do not tell"
    if pixels.there < max(wanted, pixels.told):
        return f"has {pixels.there} of {max(wanted, pixels.told)} bytes"
    if pixels.there >= wanted + max(_row_bytes(image, wanted), 2):  # less is padding
        return f"has {pixels.there} bytes instead of {wanted}"
    return ""


def _row_bytes(image: ImageRead, wanted: int) -> int:
    return wanted // max((_number(image, "Rows") or 1) * (_frames(image) or 1), 1)


def promised_bytes(image: ImageRead, pixels: Pixels) -> int | None:
    """Bytes of native pixels by the numbers of the header (PS3.5 8.1.1); None: they do not tell."""
    rows, columns, samples = (_number(image, one) for one in ("Rows", "Columns", "SamplesPerPixel"))
    bits, frames = pixels.bits or _number(image, "BitsAllocated"), _frames(image)
    if not (rows and columns and bits and frames):
        return None
    if image.text("PhotometricInterpretation") == "YBR_FULL_422":
        samples = 2  # two pixels share their colours
    return (rows * columns * (samples or 1) * bits * frames + 7) // 8


def _encapsulated(image: ImageRead, pixels: Pixels) -> str:
    """What is wrong with compressed pixels; empty: nothing."""
    if pixels.told is not None:
        return "is not encapsulated, and the transfer syntax says so"
    frames = _frames(image)
    if frames is None:
        return f"has {MULTI_FRAME} {shown(image.text(MULTI_FRAME))}"
    if pixels.fragments == 0:
        return "has no fragment with content"
    if pixels.fragments < frames or (image.syntax == _RLE and pixels.fragments != frames):
        return f"has {pixels.fragments} fragments for {frames} frames"
    return "" if pixels.ended else "has no end"


def _frames(image: ImageRead) -> int | None:
    """NumberOfFrames, 1 where it is absent or empty; None: it is no number."""
    text = image.text(MULTI_FRAME)
    return _number(image, MULTI_FRAME) if text else 1


def _number(image: ImageRead, keyword: str) -> int | None:
    text = image.text(keyword)
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 2**32 else None


def shown(value: str) -> str:
    """A value as it may stand in a list: one short line."""
    plain = "".join(one if one.isprintable() else "?" for one in value)
    return plain if len(plain) <= _LONGEST_SHOWN else plain[:_LONGEST_SHOWN] + "..."


_TESTS: tuple[Callable[[ImageRead, Origin, Policy, bool | None], Iterator[Failure]], ...] = (
    _sender, _called, _header, _mandatory, _uids, _pixels,
)  # fmt: skip
