"""The real servers behind the stores, started by the tests that need them."""
