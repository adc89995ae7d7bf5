"""The S-curve of cameras, against its definition in float64 and a search for its inverse."""

import numpy as np
import pytest
import torch

from dpdeblur.optics import add_contrast, remove_contrast


@pytest.mark.parametrize("contrast", [0.05, 0.4, 0.94])
def test_the_inverse_finds_what_was_bent(contrast: float) -> None:
    values = np.linspace(0, 1, 20001)
    bent = values + contrast * values * (1 - values) * (2 * values - 1)
    assert (np.diff(bent) > 0).all()
    wanted = np.linspace(0, 1, 999)
    expected = np.interp(wanted, bent, values)
    found = remove_contrast(torch.from_numpy(wanted), contrast).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    single = remove_contrast(torch.from_numpy(wanted).float(), contrast).numpy()
    np.testing.assert_allclose(single, expected, atol=2e-6)


def test_black_middle_and_white_stay_and_the_rest_moves_away_from_the_middle() -> None:
    fixed = torch.tensor([0.0, 0.5, 1.0])
    assert torch.equal(add_contrast(fixed, 0.8), fixed)
    dark, light = add_contrast(torch.tensor([0.25, 0.75]), 0.8).tolist()
    assert dark < 0.25
    assert light > 0.75


def test_values_outside_are_taken_as_black_or_white() -> None:
    outside = torch.tensor([-0.2, 1.3])
    torch.testing.assert_close(remove_contrast(outside, 0.4), torch.tensor([0.0, 1.0]))
