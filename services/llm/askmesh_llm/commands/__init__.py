"""What `askmesh-llm` does at the terminal besides serving."""
