"""The extractive engine: no weights. It quotes the sentences of the given passages that answer best."""
