"""A small grey or coloured picture of an image, for a platform that shows previews; no metadata in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut, convert_color_space

FORMS = {"png": "PNG", "jpeg": "JPEG"}
"""As the settings name them. JPEG loses something: it is a picture, and no image to report from."""
MOST_PIXELS = 4096


def write_preview(source: Path, target: Path, form: str, pixels: int) -> None:
    """
    Write the picture of the middle frame.

    Args:
        source: A DICOM file.
        target: The picture's.
        form: Of :data:`FORMS`.
        pixels: Its longer side at most.

    Raises:
        ValueError, AttributeError: It has no pixels, or none that can be shown.
    """
    image = dcmread(source)
    picture = Image.fromarray(_shown(image))
    picture.thumbnail((pixels, pixels))
    picture.save(target, FORMS[form])


def _shown(image: FileDataset) -> np.ndarray:
    """The middle frame in 8 bits, as its window shows it; without one, from its darkest to its brightest."""
    colour = image.SamplesPerPixel > 1
    frames = int(image.get("NumberOfFrames", 1) or 1)
    array = image.pixel_array
    if frames > 1:
        array = array[frames // 2]
    if colour:
        return _of_colour(array, str(image.PhotometricInterpretation))
    values = np.asarray(apply_voi_lut(apply_modality_lut(array, image), image), dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    grey = (values - low) * (255 / (high - low)) if high > low else np.zeros_like(values)
    if image.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    return grey.astype(np.uint8)


def _of_colour(array: np.ndarray, kind: str) -> np.ndarray:
    rgb = array if kind == "RGB" else convert_color_space(array, kind, "RGB")
    return np.asarray(rgb if rgb.dtype == np.uint8 else rgb >> 8, dtype=np.uint8)
