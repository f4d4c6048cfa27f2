"""
One image in another transfer syntax, without loss and proved so; run in a process of its own
(:mod:`.reader_process`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

SYNTAXES: dict[str, UID] = {
    "explicit": ExplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpegls": JPEGLSLossless,
    "jpeg2000": JPEG2000Lossless,
    "htj2k": HTJ2KLossless,
}
"""As the settings name them."""
_WITHOUT_LOSS = frozenset({*SYNTAXES.values(), ImplicitVRLittleEndian, JPEGLosslessSV1})
"""Only from these: an image that lost something is passed on as it came."""


def compressed(source: Path) -> FileDataset | None:
    """The image in JPEG-LS lossless, proved by decoding it; None when it is to be kept as it is."""
    try:
        image = dcmread(source)
        if image.file_meta.TransferSyntaxUID.is_compressed or "PixelData" not in image:
            return None
        before = image.pixel_array.copy()
        image.compress(JPEGLSLossless, generate_instance_uid=False)
        after = image.pixel_array
        return (
            image
            if after.dtype == before.dtype and after.shape == before.shape and (after == before).all()
            else None
        )
    except OSError:
        raise
    except Exception:  # whatever a codec or a damaged image throws: kept as it is
        return None


def converted(source: Path, form: str) -> FileDataset | None:
    """
    The image in a transfer syntax of :data:`SYNTAXES`, its pixels compared; None when it is to be kept as it
    is.

    Raises:
        ValueError: Its pixels are not the same afterwards.
    """
    image, wanted = dcmread(source), SYNTAXES[form]
    syntax = image.file_meta.TransferSyntaxUID
    if syntax == wanted or syntax not in _WITHOUT_LOSS or "PixelData" not in image:
        return None
    before = image.pixel_array.copy()
    if syntax.is_compressed and syntax != DeflatedExplicitVRLittleEndian:
        image.decompress(generate_instance_uid=False)
    if wanted in (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        image.file_meta.TransferSyntaxUID = wanted
    elif wanted == HTJ2KLossless:
        _to_htj2k(image, before)
    else:
        image.compress(wanted, generate_instance_uid=False)
    after = image.pixel_array
    if after.dtype != before.dtype or after.shape != before.shape or not (after == before).all():
        raise ValueError("its pixels are not the same afterwards")
    return image


def _to_htj2k(image: FileDataset, pixels: np.ndarray) -> None:
    """
    By OpenJPH, which writes the precision of the array into the stream: it must be that of the image (PS3.5
    A.4.4).

    Raises:
        ValueError: It is not, the image is in colour, or the codec is not installed.
    """
    if image.BitsStored != image.BitsAllocated or image.SamplesPerPixel != 1:
        raise ValueError("HTJ2K is written for grey images alone, whose bits are all used")
    try:
        from imagecodecs import htj2k_encode  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ValueError("for HTJ2K the package imagecodecs has to be installed") from None
    frames = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    image.PixelData = encapsulate([bytes(htj2k_encode(frame, reversible=True)) for frame in frames])
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    image.file_meta.TransferSyntaxUID = HTJ2KLossless
