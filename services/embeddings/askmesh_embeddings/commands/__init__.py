"""The commands of `askmesh-embeddings`, one module each with `run(options) -> exit status`."""
