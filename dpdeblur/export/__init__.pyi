from .onnx_file import LARGEST_DIFFERENCE, OPSET, check_packages, compare, export_onnx, metadata

__all__ = ["LARGEST_DIFFERENCE", "OPSET", "check_packages", "compare", "export_onnx", "metadata"]
