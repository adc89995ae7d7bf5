"""Focus moved after the shot."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from dpdeblur.colour import linear_to_srgb, srgb_to_linear
from dpdeblur.errors import OptionError
from dpdeblur.optics import DiskPSF, photograph
from dpdeblur.steer import Refocus, Steered, refocus
from support.batches import FakeEngine, fake_run
from support.planes import DISK, WALL, Planes, planes


def rendered(scene: Planes, radius: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a lens focused otherwise makes of the scene."""
    light = srgb_to_linear(torch.from_numpy(scene.sharp)).movedim(-1, 0)[None]
    left, right = photograph(light, torch.from_numpy(radius)[None, None], DiskPSF(0.0, 16))
    mean = ((left + right) / 2).clamp(0, 1)
    picture: NDArray[np.float32] = linear_to_srgb(mean)[0].movedim(0, -1).contiguous().numpy()
    return picture


def test_is_the_true_render_where_the_map_is_true() -> None:
    scene = planes(-3.0, 4.0)
    result = refocus(scene.sharp, scene.radius, focus=-3.0, aperture=0.5)
    np.testing.assert_allclose(result, rendered(scene, (scene.radius + 3) / 2), atol=2e-3)


def test_a_closed_aperture_leaves_everything_sharp() -> None:
    scene = planes(-3.0, 4.0)
    np.testing.assert_allclose(
        refocus(scene.sharp, scene.radius, aperture=0), scene.sharp, atol=1e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wish", "focus", "aperture"),
    [
        (Refocus(DISK), -3.0, 1.0),
        (Refocus(WALL), 4.0, 1.0),
        (Refocus(WALL, 0.5), 4.0, 0.5),
        (Refocus(aperture=0.5), 0.0, 0.5),
    ],
)
def test_is_near_the_true_render_by_the_map_found(
    wish: Refocus, focus: float, aperture: float
) -> None:
    scene = planes(-3.0, 4.0)

    def act(pair, progress):  # type: ignore[no-untyped-def]
        run = fake_run(pair, progress)
        return type(run)(scene.sharp, None, run.run)

    result = Steered(FakeEngine(act), wish).run(scene.pair)
    truth = rendered(scene, (scene.radius - focus) * aperture)
    reached, before, sharp = (
        peak_signal_noise_ratio(truth, picture, data_range=1)
        for picture in (result.image, scene.pair.combined(), scene.sharp)
    )
    assert reached > 30
    assert reached > max(before, sharp) + 3
    assert result.run.settings["wishes"]["aperture"] == aperture


def test_options() -> None:
    with pytest.raises(OptionError, match="0 to 4"):
        Refocus(aperture=5)
    with pytest.raises(OptionError, match=r"^at: give a point"):
        Refocus()
    with pytest.raises(OptionError, match="outside"):
        Refocus((5, 5)).check((5, 5))
