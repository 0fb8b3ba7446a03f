"""Moving records between stores: copied at rest, moved while the service runs, or kept in a Parquet file."""
