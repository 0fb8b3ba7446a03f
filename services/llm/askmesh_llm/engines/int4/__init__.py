"""The int4 engine: a model in 4-bit weights on onnxruntime-genai, for one user at a time on a CPU."""
