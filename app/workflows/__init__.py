"""Capabilities as mixins: mixing one in gives a record type its columns, guards and steps."""
