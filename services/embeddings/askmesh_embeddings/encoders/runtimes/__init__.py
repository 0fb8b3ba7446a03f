"""What runs an ONNX graph on a CPU."""
