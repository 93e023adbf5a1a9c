"""A day of the country's clerks against the product: the peak × 3, the knee, ten times the knee, and what was kept.

    python -m bench.load              on uniondesk_bench_<BENCH_ROWS>, which `make bench` builds
    LOAD_DATABASE_URL=…               another database of the bench
    LOAD_SECONDS=180                  seconds of the first part

    day.json    who does what how often, and why we think so
    cast.py     accounts, and what each of them can be seen doing
    web.py      a small HTTP client for many at once
    visits.py   what one visit asks for
    ledger.py   what was written, and whether it stands in the database exactly once
    drive.py    arrivals, and what is measured of them
    report.py   LOAD.md and load.json

Arrivals are open: they come at random times by a rate, whether or not the last was answered, so that a slow answer hides
no load. Times run from the planned arrival to the last byte.
"""
