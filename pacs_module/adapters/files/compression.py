"""One image in JPEG-LS lossless; run in a process of its own (:mod:`.reader_process`)."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import JPEGLSLossless


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
