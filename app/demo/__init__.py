"""A small country of synthetic people, for the first run and for the tests."""
