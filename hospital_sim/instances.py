"""From a planned series to its DICOM objects: header and pixels joined. No I/O."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from hospital_sim import headers
from hospital_sim.day import Part, Slice
from hospital_sim.phantom import radiographs, reconstruction
from hospital_sim.phantom.abdomen import abdomen
from hospital_sim.phantom.canvas import Floats
from hospital_sim.phantom.chest import chest
from hospital_sim.phantom.head import head
from hospital_sim.phantom.volume import Volume
from hospital_sim.planned_study import Content, PlannedSeries, PlannedStudy, Region

RADIOGRAPH_MATRIX = 1024
VOLUMES_KEPT = 2


class Renderer:
    """
    Makes the images of a plan, one at a time.

    Keeps the noise-free volumes of the last two studies (50 MB each at 512 x 512 x 96), because all
    reconstructions of a study come from one volume and a growing study comes back after others.
    """

    def __init__(self) -> None:
        self._volumes: OrderedDict[str, Volume] = OrderedDict()

    def part(self, part: Part) -> Iterator[tuple[Slice, Dataset]]:
        """
        The images of one part, in the order in which they are sent, with the slice of the plan they belong
        to.
        """
        for piece in part.slices:
            header = headers.series_header(part.study, piece.series)
            for index in range(piece.begin, piece.end):
                yield piece, self._instance(header, part.study, piece.series, index)

    def series(self, study: PlannedStudy, series: PlannedSeries) -> Iterator[Dataset]:
        """All images of one series."""
        whole = Part(study, (Slice(series, 0, series.instances),))
        return (dataset for _, dataset in self.part(whole))

    def volume(self, study: PlannedStudy) -> Volume:
        """The noise-free volume of a study."""
        if study.uid not in self._volumes:
            make = {Region.HEAD: head, Region.ABDOMEN: abdomen}.get(study.region, chest)
            while len(self._volumes) >= VOLUMES_KEPT:
                self._volumes.popitem(last=False)
            self._volumes[study.uid] = make(study.matrix, study.base_slices, study.seed)
        self._volumes.move_to_end(study.uid)
        return self._volumes[study.uid]

    def _instance(self, header: Dataset, study: PlannedStudy, series: PlannedSeries, index: int) -> Dataset:
        # copy.copy() of a Dataset shares its elements' dictionary: all images of a series would be one.
        dataset = Dataset({element.tag: element for element in header})
        dataset.set_original_encoding(False, True)
        headers.instance_header(dataset, series, index)
        _FILL[series.content](self, dataset, study, series, index)
        return dataset


def _position(
    study: PlannedStudy, volume: Volume, series: PlannedSeries, index: int
) -> tuple[tuple[float, float, float], bool]:
    """ImagePositionPatient in mm and whether the plane is coronal; the scan begins at z = 0 and goes down."""
    half = study.matrix * volume.pixel_mm / 2
    if series.content is Content.MPR:
        row = study.matrix * (0.18 + 0.62 * (index + 0.5) / series.instances)
        return (-half, row * volume.pixel_mm - half, 0.0), True
    step = len(volume.hu) / series.instances
    return (-half, -half, -(index + 0.5) * step * volume.spacing_mm), False


def _fill_ct(
    renderer: Renderer, dataset: Dataset, study: PlannedStudy, series: PlannedSeries, index: int
) -> None:
    volume = renderer.volume(study)
    if series.content is Content.SCOUT:
        hu = reconstruction.scout(volume, lateral=index % 2 == 1)
        dataset.PixelSpacing = [headers.decimal(volume.pixel_mm)] * 2
    else:
        hu = _RECONSTRUCT[series.content](volume, index, series.instances)
        headers.add_position(dataset, volume.pixel_mm, *_position(study, volume, series, index))
    lung = study.region is Region.CHEST and series.content is Content.THIN_SHARP
    dataset.WindowCenter, dataset.WindowWidth = ("-600", "1500") if lung else ("40", "400")
    dataset.RescaleIntercept, dataset.RescaleSlope = str(study.device.intercept), "1"
    dataset.RescaleType = "HU"
    _add_pixels(dataset, _stored_values(hu, study.device.intercept), 12, signed=study.device.signed)


def _stored_values(hu: Floats, intercept: int) -> npt.NDArray[np.int16]:
    """Of Hounsfield units, -1024 to 3071: what stands in the file, before the rescale intercept is added."""
    stored = hu - np.float32(intercept)
    np.rint(stored, out=stored)
    return np.clip(stored, -1024 - intercept, 3071 - intercept, out=stored).astype("<i2")


_RECONSTRUCT: dict[Content, Callable[[Volume, int, int], Floats]] = {
    Content.THICK: reconstruction.thick_slice,
    Content.THIN_SOFT: lambda volume, index, _: reconstruction.soft_kernel(volume, index),
    Content.THIN_SHARP: lambda volume, index, _: reconstruction.sharp_kernel(volume, index),
    Content.MPR: reconstruction.coronal,
}


def _fill_mr(
    renderer: Renderer, dataset: Dataset, study: PlannedStudy, series: PlannedSeries, index: int
) -> None:
    volume = renderer.volume(study)
    headers.add_position(dataset, volume.pixel_mm, *_position(study, volume, series, index))
    water = np.clip(reconstruction.soft_kernel(volume, index), 0, 60) * np.float32(12.0)
    _add_pixels(dataset, water.astype("<u2"), 12)


def _fill_radiograph(
    renderer: Renderer, dataset: Dataset, study: PlannedStudy, series: PlannedSeries, index: int
) -> None:
    del renderer
    matrix = min(RADIOGRAPH_MATRIX, study.matrix * 2)
    if series.content is Content.HAND:
        grey = radiographs.hand_radiograph(matrix, study.seed)
    elif series.content is Content.BREAST:
        grey = radiographs.breast_radiograph(matrix, study.seed + index)
        grey = grey if index % 2 else grey[:, ::-1]
    else:
        grey = radiographs.chest_radiograph(matrix, study.seed, lateral=series.content is Content.LATERAL)
    dataset.ImagerPixelSpacing = [headers.decimal(400.0 / matrix)] * 2
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    _add_pixels(dataset, np.ascontiguousarray(grey), 12)


def _fill_dose_picture(
    renderer: Renderer, dataset: Dataset, study: PlannedStudy, series: PlannedSeries, index: int
) -> None:
    """A page with ruled lines and bars where the numbers stand."""
    del renderer, series, index
    page = np.zeros((study.matrix, study.matrix), dtype=np.uint8)
    page[:: max(study.matrix // 16, 1)] = 90
    rng = np.random.default_rng(study.seed)
    for row in range(2, 12):
        top = row * study.matrix // 16
        page[top + 4 : top + 4 + study.matrix // 40 + 1, 8 : int(rng.integers(30, study.matrix - 8))] = 220
    _add_pixels(dataset, page, 8)


def _fill_dose_report(
    renderer: Renderer, dataset: Dataset, study: PlannedStudy, series: PlannedSeries, index: int
) -> None:
    del renderer, study, series, index
    headers.add_dose_report(dataset)


def _fill_presentation(
    renderer: Renderer, dataset: Dataset, study: PlannedStudy, series: PlannedSeries, index: int
) -> None:
    del renderer, series, index
    headers.add_presentation_state(dataset, study)


_FILL: dict[Content, Callable[[Renderer, Dataset, PlannedStudy, PlannedSeries, int], None]] = {
    Content.SCOUT: _fill_ct,
    Content.THICK: _fill_ct,
    Content.THIN_SOFT: _fill_ct,
    Content.THIN_SHARP: _fill_ct,
    Content.MPR: _fill_ct,
    Content.MR: _fill_mr,
    Content.FRONTAL: _fill_radiograph,
    Content.LATERAL: _fill_radiograph,
    Content.HAND: _fill_radiograph,
    Content.BREAST: _fill_radiograph,
    Content.OTHER: _fill_dose_picture,
    Content.DOSE_PICTURE: _fill_dose_picture,
    Content.DOSE_REPORT: _fill_dose_report,
    Content.PRESENTATION_STATE: _fill_presentation,
}


def _add_pixels(
    dataset: Dataset, pixels: npt.NDArray[np.generic], bits: int, *, signed: bool = False
) -> None:
    """Image Pixel module for one grey image; signed data use all 16 bits."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = 16 if signed else bits
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = 1 if signed else 0
    dataset.add_new(0x7FE00010, "OB" if bits == 8 else "OW", pixels.tobytes())
