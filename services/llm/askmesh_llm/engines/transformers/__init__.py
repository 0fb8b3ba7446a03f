"""The transformers engine: a causal language model in this process, by default Phi-3-mini-4k-instruct."""
