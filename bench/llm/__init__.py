"""Side-by-side measurements of text generation: see README.md."""
