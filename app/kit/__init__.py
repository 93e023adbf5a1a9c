"""The generic kit: it turns declarations into screens, rights, workflow, exchange, REST and tests.

The kit has never heard of hardship, members or congresses; it imports nothing of ``app`` but itself.
"""
