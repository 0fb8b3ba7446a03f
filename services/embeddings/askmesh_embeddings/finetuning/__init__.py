"""Fine-tuning: pairs of question and passage, training, and what it changed."""
