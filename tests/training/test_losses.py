"""Training losses, against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import pytorch_msssim
import torch
from scipy.ndimage import maximum_filter, minimum_filter
from skimage.metrics import structural_similarity

from dpdeblur.errors import PictureTooSmallError, ShapeMismatchError
from dpdeblur.training import charbonnier, ms_ssim, overshoot, restoration_loss


def pictures(height: int, width: int, noise: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth scene and a noisy copy, 2 x 3 x H x W in [0, 1]."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 24, 24, generator=rng)
    scene = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    noisy = scene + noise * torch.randn(scene.shape, generator=rng)
    return noisy.clamp(0, 1), scene


@pytest.mark.parametrize("size", [(176, 176), (192, 256)])
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_five_scales_as_another_library_has_them(size: tuple[int, int], noise: float) -> None:
    noisy, scene = pictures(*size, noise)
    expected = pytorch_msssim.ms_ssim(noisy, scene, data_range=1.0)
    assert ms_ssim(noisy, scene, data_range=1.0).item() == pytest.approx(expected.item(), abs=2e-6)


def test_gradients_as_another_library_has_them() -> None:
    noisy, scene = (picture.double() for picture in pictures(176, 176))
    gradients = []
    for measure in (ms_ssim, pytorch_msssim.ms_ssim):
        prediction = noisy.clone().requires_grad_()
        measure(prediction, scene, data_range=1.0).backward()
        gradients.append(prediction.grad)
    ours, theirs = gradients
    assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()


def test_one_scale_as_scikit_image_has_it() -> None:
    noisy, scene = pictures(40, 56)
    expected = [
        structural_similarity(
            *(picture.numpy() for picture in pair),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for pair in zip(noisy, scene, strict=True)
    ]
    got = ms_ssim(noisy, scene, data_range=1.0, scales=1)
    assert got.item() == pytest.approx(np.mean(expected), abs=1e-5)


@pytest.mark.parametrize(
    ("side", "scales"), [(11, 1), (20, 1), (21, 2), (40, 2), (41, 3), (80, 3), (81, 4), (160, 4)]
)
def test_small_pictures_have_as_many_scales_as_fit(side: int, scales: int) -> None:
    noisy, scene = pictures(side, 200)
    got = ms_ssim(noisy, scene, data_range=1.0)
    assert got == ms_ssim(noisy, scene, data_range=1.0, scales=scales)
    assert scales == 1 or got != ms_ssim(noisy, scene, data_range=1.0, scales=scales - 1)


def test_fewer_scales_have_exponents_that_add_to_one() -> None:
    flat, half = torch.full((1, 1, 16, 16), 0.5), torch.full((1, 1, 16, 16), 0.25)
    luminance = (2 * 0.5 * 0.25 + 1e-4) / (0.5**2 + 0.25**2 + 1e-4)
    assert ms_ssim(flat, half, data_range=1.0).item() == pytest.approx(luminance, rel=1e-5)


def test_the_range_scales_with_the_values() -> None:
    noisy, scene = pictures(48, 48)
    small = ms_ssim(noisy, scene, data_range=1.0)
    large = ms_ssim(255 * noisy, 255 * scene, data_range=255.0)
    assert large.item() == pytest.approx(small.item(), abs=1e-5)
    assert ms_ssim(scene, scene, data_range=1.0).item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["opposite", "same", "black", "noise"])
def test_gradients_are_finite_whatever_the_pictures(kind: str) -> None:
    _, scene = pictures(48, 48)
    other = {
        "opposite": 1 - scene,  # negative structure at all scales
        "same": scene,
        "black": torch.zeros_like(scene),
        "noise": torch.rand_like(scene) * 4 - 2,
    }[kind]
    prediction = other.clone().requires_grad_()
    loss = restoration_loss(prediction, scene)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(prediction.grad).all()


def test_autocast_does_not_change_it() -> None:
    noisy, scene = pictures(48, 48)
    with torch.autocast("cpu", torch.bfloat16):
        inside = ms_ssim(noisy, scene, data_range=1.0)
    assert inside == ms_ssim(noisy, scene, data_range=1.0)
    half = ms_ssim(noisy.bfloat16(), scene, data_range=1.0)
    assert half.dtype == torch.float32
    assert half == ms_ssim(noisy.bfloat16().float(), scene, data_range=1.0)


def test_pictures_without_room_for_the_window() -> None:
    with pytest.raises(PictureTooSmallError, match="64x10 pixels; at least 11x11"):
        ms_ssim(torch.zeros(1, 3, 10, 64), torch.zeros(1, 3, 10, 64), data_range=1.0)
    with pytest.raises(ShapeMismatchError, match="Prediction and truth"):
        ms_ssim(torch.zeros(1, 3, 16, 64), torch.zeros(1, 3, 16, 16), data_range=1.0)


def test_the_mix_has_equal_weights_unless_told() -> None:
    noisy, scene = pictures(48, 48)
    parts = charbonnier(noisy, scene, 1e-3), 1 - ms_ssim(noisy, scene, data_range=1.0)
    assert restoration_loss(noisy, scene) == parts[0] + parts[1]
    half = restoration_loss(noisy, scene, ms_ssim_weight=0.5)
    assert half.item() == pytest.approx((parts[0] + 0.5 * parts[1]).item())
    tiny = noisy[..., :8], scene[..., :8]  # where MS-SSIM is off it needs no room
    assert restoration_loss(*tiny, ms_ssim_weight=0) == charbonnier(*tiny)


def test_overshoot_is_what_leaves_the_range_around() -> None:
    noisy, scene = pictures(32, 40)
    window = (1, 1, 9, 9)  # at the border SciPy mirrors what is in it anyway
    highest, lowest = (each(scene.numpy(), window) for each in (maximum_filter, minimum_filter))
    above, below = noisy.numpy() - highest, lowest - noisy.numpy()
    expected = float((above.clip(0) + below.clip(0)).mean())
    found = overshoot(noisy, scene)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert overshoot(scene, scene) == 0
    plain, both = (
        restoration_loss(noisy, scene, ms_ssim_weight=0, overshoot_weight=w) for w in (0, 2)
    )
    assert (both - plain).item() == pytest.approx(2 * found.item(), rel=1e-4)


def test_charbonnier_against_the_formula() -> None:
    rng = np.random.default_rng(0)
    prediction, truth = rng.random((2, 1, 3, 8, 8))
    expected = np.sqrt((prediction - truth) ** 2 + 1e-6).mean()
    got = charbonnier(torch.from_numpy(prediction), torch.from_numpy(truth))
    assert got.item() == pytest.approx(expected, rel=1e-12)
