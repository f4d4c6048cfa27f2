"""Noise as CT kernels shape it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hospital_sim.phantom.canvas import Floats
from hospital_sim.phantom.volume import Volume


@lru_cache(maxsize=2)
def noise_tile(sharp: bool) -> Floats:
    """Noise of unit variance, 1024 x 1024; its spectrum is that of a smooth or of a sharp kernel."""
    white = np.random.default_rng(7).standard_normal((1024, 1024)).astype(np.float32)
    frequency = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.rfftfreq(1024)[None, :])
    weight = np.sqrt(frequency) * (
        np.exp(-((frequency / 0.45) ** 4)) if sharp else np.exp(-((frequency / 0.13) ** 2))
    )
    shaped = np.fft.irfft2(np.fft.rfft2(white) * weight, s=(1024, 1024)).astype(np.float32)
    return np.asarray(shaped / shaped.std(), dtype=np.float32)


def noise_of(volume: Volume, index: int, *, sharp: bool) -> Floats:
    """A piece of the noise tile, another one for each slice."""
    rows, columns = volume.hu.shape[1:]
    tile = noise_tile(sharp)
    return tile[(index * 97) % (1024 - rows + 1) :, (index * 61) % (1024 - columns + 1) :][:rows, :columns]
