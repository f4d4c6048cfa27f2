"""Phantoms look like patients to filters and thresholds. Not proved: that a radiologist would be fooled."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hospital_sim.phantom import abdomen, head, radiographs, reconstruction
from hospital_sim.phantom.chest import chest as chest_of
from hospital_sim.phantom.volume import Volume


@pytest.fixture(scope="module")
def chest() -> Volume:
    return chest_of(128, 48, seed=5)


def share(values: np.ndarray, low: float, high: float) -> float:
    return float(((values > low) & (values < high)).mean())


def test_a_chest_holds_air_lung_fat_soft_tissue_and_bone(chest: Volume) -> None:
    assert share(chest.hu, -1025, -950) > 0.3
    assert 0.08 < share(chest.hu, -950, -700) < 0.35
    assert share(chest.hu, -150, -50) > 0.05
    assert share(chest.hu, 20, 100) > 0.08
    assert 0.004 < share(chest.hu, 200, 2000) < 0.08


def test_lungs_are_small_at_apex_and_base_and_their_volume_is_an_adults(chest: Volume) -> None:
    above_the_couch = chest.hu[:, :104]
    areas = ((above_the_couch > -950) & (above_the_couch < -700)).sum(axis=(1, 2))
    assert areas.max() > 3 * areas[4]
    assert areas.max() > 3 * areas[-3]
    assert 2500 < chest.lung_ml < 6500


def test_slices_differ_and_seeds_are_patients() -> None:
    one, same, other = (chest_of(64, 16, seed=seed).hu for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert len({plane.tobytes() for plane in one}) == 16


def test_a_sharp_kernel_shows_stronger_edges_and_more_noise(chest: Volume) -> None:
    soft, sharp = reconstruction.soft_kernel(chest, 24), reconstruction.sharp_kernel(chest, 24)
    assert np.abs(np.diff(sharp, axis=0)).mean() > 1.5 * np.abs(np.diff(soft, axis=0)).mean()
    assert abs(float(sharp.mean() - soft.mean())) < 5.0


def test_thick_slices_are_the_mean_of_thin_ones(chest: Volume) -> None:
    thick = reconstruction.thick_slice(chest, 10, 24)
    assert np.abs(thick - chest.hu[20:22].mean(axis=0)).mean() < 10.0


def test_reformations_have_square_pixels(chest: Volume) -> None:
    assert reconstruction.coronal(chest, 5, 30).shape == (round(300 / chest.pixel_mm), 128)


def test_lungs_are_darker_than_the_mediastinum_in_a_radiograph() -> None:
    picture = radiographs.chest_radiograph(128, seed=3).astype(float)
    assert picture.dtype.kind == "f"
    assert picture[50:60, 60:68].mean() > 1.3 * picture[50:60, 36:44].mean()
    assert not np.array_equal(picture, radiographs.chest_radiograph(128, seed=3, lateral=True))


@pytest.mark.parametrize("make", [radiographs.hand_radiograph, radiographs.breast_radiograph])
def test_other_radiographs_are_12_bit_and_not_flat(make: Callable[[int, int], NDArray[np.uint16]]) -> None:
    picture = make(128, 3)
    assert picture.dtype == np.uint16
    assert picture.max() <= 4095
    assert picture.std() > 200


def test_head_and_abdomen_have_their_tissues() -> None:
    a_head, an_abdomen = head.head(128, 16, 1).hu, abdomen.abdomen(128, 16, 1).hu
    assert share(a_head, 600, 2000) > 0.02
    assert share(a_head, 25, 45) > 0.1
    assert share(an_abdomen, 50, 65) > 0.03
    assert share(an_abdomen, -950, -700) < 0.05
