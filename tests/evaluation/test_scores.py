"""The scores: against scikit-image, against brute force in float64, against known values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dpdeblur.errors import (
    InvalidPictureError,
    OptionError,
    PictureTooSmallError,
    ShapeMismatchError,
)
from dpdeblur.evaluation import (
    PROTOCOLS,
    Scores,
    mae,
    match_gains,
    mean_scores,
    measures,
    psnr,
    score,
    ssim,
)


def scene(
    height: int, width: int, seed: int, noise: float = 0.05
) -> tuple[NDArray[np.float32], ...]:
    """A smooth picture with edges, and a noisy, shifted copy: structure as SSIM expects it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / (3 + c) + y / 7) * 0.3 + (x > width / 2) * 0.3 for c in range(3)])
    truth = np.clip(waves.transpose(1, 2, 0) + 0.35, 0, 1)
    prediction = np.clip(np.roll(truth, 1, axis=1) + rng.normal(0, noise, truth.shape), 0, 1)
    return prediction.astype(np.float32), truth.astype(np.float32)


def reference_psnr(truth: NDArray[Any], prediction: NDArray[Any], data_range: float) -> float:
    return peak_signal_noise_ratio(truth, prediction, data_range=data_range)  # type: ignore[no-untyped-call, no-any-return]


def reference_ssim(truth: NDArray[Any], prediction: NDArray[Any], data_range: float) -> float:
    first, second = truth.astype(np.float64), prediction.astype(np.float64)
    return structural_similarity(first, second, channel_axis=2, data_range=data_range)  # type: ignore[no-untyped-call, no-any-return]


def brute_force_ssim(a: NDArray[np.float64], b: NDArray[np.float64], data_range: float) -> float:
    """The definition, window by window: means, sample (co)variances, mean of all whole windows."""
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    values = []
    for channel in range(a.shape[2]):
        for top in range(a.shape[0] - 6):
            for start in range(a.shape[1] - 6):
                u = a[top : top + 7, start : start + 7, channel].ravel()
                v = b[top : top + 7, start : start + 7, channel].ravel()
                cov = np.cov(u, v, ddof=1)
                values.append(
                    (2 * u.mean() * v.mean() + c1)
                    * (2 * cov[0, 1] + c2)
                    / ((u.mean() ** 2 + v.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2))
                )
    return float(np.mean(values))


@pytest.mark.parametrize("shape", [(7, 7), (16, 23), (41, 30)])
def test_agrees_with_scikit_image(shape: tuple[int, int]) -> None:
    prediction, truth = scene(*shape, seed=sum(shape))
    scores = score(prediction, truth)
    first, second = truth.astype(np.float64), prediction.astype(np.float64)
    assert scores.psnr == pytest.approx(reference_psnr(first, second, 1), abs=1e-9)
    assert scores.ssim == pytest.approx(reference_ssim(first, second, 1), abs=1e-9)
    assert scores.mae == pytest.approx(np.abs(first - second).mean(), abs=1e-12)


@pytest.mark.parametrize("pixels", [1, 90, 500, 10**6])
def test_strips_do_not_change_ssim(monkeypatch: pytest.MonkeyPatch, pixels: int) -> None:
    prediction, truth = scene(41, 30, seed=5)
    monkeypatch.setattr(measures, "_STRIP_PIXELS", pixels)
    assert ssim(prediction, truth, data_range=1) == pytest.approx(
        reference_ssim(truth, prediction, 1), abs=1e-12
    )


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(7, 12),
    width=st.integers(7, 12),
    seed=st.integers(0, 2**16),
    data_range=st.sampled_from([1.0, 255.0]),
)
def test_agrees_with_the_definitions(height: int, width: int, seed: int, data_range: float) -> None:
    prediction, truth = (
        picture.astype(np.float64) * data_range for picture in scene(height, width, seed)
    )
    error = sum((p - t) ** 2 for p, t in zip(prediction.flat, truth.flat, strict=True))
    expected = 10 * np.log10(data_range**2 / (error / truth.size))
    assert psnr(prediction, truth, data_range=data_range) == pytest.approx(expected, abs=1e-9)
    assert ssim(prediction, truth, data_range=data_range) == pytest.approx(
        brute_force_ssim(prediction, truth, data_range), abs=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_scores_are_symmetric_and_do_not_depend_on_orientation(seed: int) -> None:
    prediction, truth = scene(12, 17, seed)
    here = score(prediction, truth)
    for other in (
        score(truth, prediction),
        score(np.rot90(prediction), np.rot90(truth)),
        score(prediction[:, ::-1], truth[:, ::-1]),
    ):
        assert (other.psnr, other.ssim, other.mae) == pytest.approx(
            (here.psnr, here.ssim, here.mae), abs=1e-9
        )


def test_known_values() -> None:
    grey = np.full((16, 16, 3), 0.5)
    scores = score(grey + 0.1, grey)
    assert scores.psnr == pytest.approx(20)
    assert scores.mae == pytest.approx(0.1)
    # Flat pictures differ in SSIM's luminance term only.
    assert scores.ssim == pytest.approx((2 * 0.6 * 0.5 + 1e-4) / (0.36 + 0.25 + 1e-4))
    white, black = np.full((1, 1, 1), 255, np.uint8), np.zeros((1, 1, 1), np.uint8)
    assert mae(white, black, data_range=255) == 1
    assert psnr(white, black, data_range=255) == pytest.approx(0)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_identical_pictures(protocol: str) -> None:
    picture, _ = scene(16, 16, 0)
    assert score(picture, picture.copy(), protocol) == Scores(float("inf"), 1.0, 0.0)


def test_float32_is_compared_in_float64() -> None:
    truth = np.full((8, 8, 3), 0.5, np.float32)
    prediction = truth + np.float32(1e-6)
    exact = float(prediction[0, 0, 0]) - 0.5
    assert score(prediction, truth).psnr == pytest.approx(-20 * np.log10(exact), abs=1e-9)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_outside_the_range_are_clamped_before_comparison(protocol: str) -> None:
    prediction, truth = scene(16, 16, 1)
    wild = prediction.copy()
    wild[0, 0], prediction[0, 0] = (-0.7, 1.0, 3.0), (0.0, 1.0, 1.0)
    assert score(wild, truth, protocol) == score(prediction, truth, protocol)


def test_8_bit_protocol_truncates_16_bit_files_as_integers_do() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(128, 512, 1).repeat(3, axis=2)
    as_read = values.astype(np.float32) / np.float32(65535)
    levels = PROTOCOLS["dpdd-8bit"].prepare(as_read) * 255
    np.testing.assert_array_equal(np.rint(levels), values // 257)
    np.testing.assert_allclose(levels, values // 257, atol=1e-9)


def test_8_bit_protocol_leaves_8_bit_files_alone() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    as_read = values.astype(np.float32) / np.float32(255)
    levels = PROTOCOLS["dpdd-8bit"].prepare(as_read) * 255
    np.testing.assert_allclose(levels, values, atol=1e-9)


def test_8_bit_protocol_differs_from_the_default_by_little_but_does() -> None:
    files = [np.rint(picture * 65535).astype(np.uint16) for picture in scene(40, 40, 3, noise=0.03)]
    first, second = (file.astype(np.float32) / np.float32(65535) for file in files)
    plain, truncated = score(first, second), score(first, second, "dpdd-8bit")
    prediction, truth = (file // 257 for file in files)
    assert truncated.psnr == pytest.approx(reference_psnr(truth, prediction, 255), abs=1e-9)
    assert truncated.ssim == pytest.approx(reference_ssim(truth, prediction, 255), abs=1e-9)
    assert 0 < abs(truncated.psnr - plain.psnr) < 0.05


def test_mean_is_of_pictures_not_of_pixels() -> None:
    mean = mean_scores([Scores(20, 0.5, 0.1), Scores(40, 0.9, 0.01)])
    assert (mean.psnr, mean.ssim, mean.mae) == pytest.approx((30, 0.7, 0.055))
    assert mean_scores([Scores(20, 1, 0), Scores(float("inf"), 1, 0)]).psnr == float("inf")
    with pytest.raises(ValueError, match="no scores"):
        mean_scores([])


def differently_exposed(
    seed: int, gains: tuple[float, ...] = (0.8, 0.95, 1.1)
) -> tuple[NDArray[np.float64], ...]:
    """A prediction whose channels are too dark or too bright, and partly beyond 1, and a truth."""
    prediction, truth = (picture.astype(np.float64) for picture in scene(21, 30, seed))
    return prediction * gains, truth


def reference_gains(prediction: NDArray[Any], truth: NDArray[Any]) -> list[float]:
    return [
        float(np.linalg.lstsq(p.reshape(-1, 1), t.ravel(), rcond=None)[0][0])
        for p, t in zip(np.moveaxis(prediction, 2, 0), np.moveaxis(truth, 2, 0), strict=True)
    ]


class TestMatchedExposure:
    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("protocol", PROTOCOLS)
    def test_agrees_with_lstsq_of_each_channel(self, seed: int, protocol: str) -> None:
        prediction, truth = differently_exposed(seed)
        gains = reference_gains(prediction, truth)
        np.testing.assert_allclose(match_gains(prediction, truth), gains, rtol=1e-12)
        found = score(prediction, truth, protocol, match_exposure=True)
        matched = score(prediction * gains, truth, protocol)
        assert found.matched is not None
        assert found.matched.channel_gains == pytest.approx(gains, rel=1e-12)
        for name in ("psnr", "ssim", "mae"):
            assert getattr(found.matched, name) == pytest.approx(getattr(matched, name), rel=1e-9)
            assert getattr(found, name) == getattr(score(prediction, truth, protocol), name)
        assert found.matched.psnr > found.psnr + 0.5

    def test_the_truth_at_another_exposure_is_perfect(self) -> None:
        _, truth = differently_exposed(0)
        gains = (0.5, 0.75, 1.5)  # in float64 not exact; and beyond 1, so not clamped before
        matched = score(truth * gains, truth, match_exposure=True).matched
        assert matched is not None
        assert matched.psnr > 200
        assert matched.ssim == pytest.approx(1)
        assert matched.channel_gains == pytest.approx([1 / gain for gain in gains])
        as_file = (truth * 0.6).astype(np.float32)
        matched = score(as_file, truth.astype(np.float32), match_exposure=True).matched
        assert matched is not None
        assert matched.psnr > 130

    def test_a_black_channel_stays(self) -> None:
        prediction, truth = differently_exposed(1)
        prediction[..., 1] = 0
        truth[..., 2] = 0
        gains = match_gains(prediction, truth)
        assert gains[0] != 1
        assert list(gains[1:]) == [1, 0]
        assert list(match_gains(np.zeros((1, 1, 2), np.uint8), np.ones((1, 1, 2)))) == [1, 1]

    def test_mean_has_both(self) -> None:
        scores = [
            score(prediction, truth, match_exposure=True)
            for prediction, truth in map(differently_exposed, range(3))
        ]
        mean = mean_scores(scores)
        assert mean.matched is not None
        matched = [each.matched.psnr for each in scores if each.matched is not None]
        assert mean.psnr == pytest.approx(np.mean([each.psnr for each in scores]))
        assert mean.matched.psnr == pytest.approx(np.mean(matched))
        assert mean.matched.channel_gains is None
        assert mean_scores([*scores, Scores(20, 1, 0)]).matched is None

    def test_by_name(self) -> None:
        assert Scores(20, 1, 0).as_dict() == {"psnr": 20, "ssim": 1, "mae": 0}
        matched = Scores(30, 1, 0, channel_gains=(1.0, 0.9, 1.2))
        assert Scores(20, 1, 0, matched=matched).as_dict()["matched"] == {
            "psnr": 30,
            "ssim": 1,
            "mae": 0,
            "channel_gains": (1.0, 0.9, 1.2),
        }

    def test_bad_input_is_refused(self) -> None:
        prediction, truth = scene(16, 20, 0)
        with pytest.raises(ShapeMismatchError, match="19x16 and 20x16"):
            match_gains(prediction[:, :-1], truth)
        prediction[3, 3, 1] = np.inf
        with pytest.raises(InvalidPictureError, match="prediction"):
            match_gains(prediction, truth)


def test_bad_input_is_refused() -> None:
    prediction, truth = scene(16, 20, 0)
    with pytest.raises(ShapeMismatchError, match="19x16 and 20x16"):
        score(prediction[:, :-1], truth)
    with pytest.raises(PictureTooSmallError, match="7x7"):
        score(prediction[:6], truth[:6])
    with pytest.raises(InvalidPictureError, match="channels"):
        psnr(prediction[..., :2], truth, data_range=1)
    with pytest.raises(InvalidPictureError, match="shape"):
        mae(prediction[..., 0], truth[..., 0], data_range=1)
    with pytest.raises(InvalidPictureError, match="floating-point"):
        score((prediction * 255).astype(np.uint8), truth)
    with pytest.raises(OptionError, match="dpdd or dpdd-8bit"):
        score(prediction, truth, "y-channel")
    prediction[3, 3, 1] = np.nan
    with pytest.raises(InvalidPictureError, match="prediction"):
        score(prediction, truth)
