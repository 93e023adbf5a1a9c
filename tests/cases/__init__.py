"""Inherited checks: a module's test declares data, the checks come from here."""
