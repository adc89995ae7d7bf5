"""Choosing a device and a precision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from dpdeblur.device import PRECISIONS, Setup, choose, list_devices, shared_threads
from dpdeblur.errors import DeviceError, OptionError, PrecisionError

CPU = torch.device("cpu")


def test_the_cpu_is_listed_last_and_works_in_fp32() -> None:
    cpu = list_devices()[-1]
    assert cpu.name == "cpu"
    assert cpu.label
    assert 0 < cpu.free_memory <= cpu.total_memory
    assert "fp32" in cpu.precisions
    assert cpu.precision in cpu.precisions


def test_auto_takes_the_first_device_in_its_own_precision() -> None:
    best = list_devices()[0]
    setup = choose()
    assert (str(setup.device), setup.precision, setup.notes) == (best.name, best.precision, ())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_precisions_that_are_not_listed_are_refused(precision: str) -> None:
    if precision in list_devices()[-1].precisions:
        assert choose("cpu", precision) == Setup(CPU, precision)
    else:
        with pytest.raises(DeviceError, match=f"cannot compute in {precision}"):
            choose("cpu", precision)


@pytest.mark.parametrize("name", ["tpu", "", "cuda:", "cuda:x", "CPU", "cpu:0"])
def test_unknown_device_names(name: str) -> None:
    with pytest.raises(DeviceError, match="its name is not one of"):
        choose(name)


def test_absent_devices() -> None:
    with pytest.raises(
        DeviceError, match=r"'cuda:99' cannot be used: there is no such device here.*cpu"
    ):
        choose("cuda:99")


@pytest.mark.parametrize("name", ["cuda:00", "cuda:99999999999"])
def test_numbers_that_are_no_device_anywhere(name: str) -> None:
    with pytest.raises(DeviceError, match="there is no such device here"):
        choose(name)


def test_unknown_precision() -> None:
    with pytest.raises(OptionError, match="'fp8' is not one of"):
        choose("cpu", "fp8")


@pytest.mark.skipif(torch.cuda.is_available(), reason="makes a GPU appear that does not work")
def test_a_gpu_that_does_not_work_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    setup = choose()
    assert setup.device.type != "cuda"
    assert "passed over cuda:0" in setup.notes[0]
    assert all(device.name != "cuda:0" for device in list_devices())
    with pytest.raises(DeviceError, match="cannot compute in fp32"):
        choose("cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_is_the_first_choice() -> None:
    assert list_devices()[0].name == "cuda:0"
    assert choose("cuda", "fp16").device == torch.device("cuda:0")
    assert 0 < list_devices()[0].free_memory <= list_devices()[0].total_memory


def test_a_precision_that_no_device_has_is_named_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = "dpdeblur.device.try_out"
    monkeypatch.setattr(trial, lambda _, precision: None if precision == "fp32" else "no")
    with pytest.raises(PrecisionError) as error:
        choose("auto", "bf16")
    assert str(error.value) == "No device here can compute in bf16; fp32 always works."
    assert error.value.parameter == "precision"


def test_threads_are_shared_and_given_back_in_any_order() -> None:
    def of_a_new_thread() -> int:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.get_num_threads).result()

    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        first, second = shared_threads(2), shared_threads(4)
        first.__enter__()
        assert (torch.get_num_threads(), of_a_new_thread()) == (2, 2)
        second.__enter__()
        assert of_a_new_thread() == 1
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)
        assert (torch.get_num_threads(), of_a_new_thread()) == (4, 4)
        with shared_threads(9):
            assert of_a_new_thread() == 1
    finally:
        torch.set_num_threads(before)
