"""Requests in, batches out: the queue between HTTP and an encoder."""
