"""SQLite is the truth; the vectors in memory are a derived, disposable cache."""
