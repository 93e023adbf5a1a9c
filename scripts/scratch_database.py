#!/usr/bin/env python3
"""Create or drop the PostgreSQL database of one CI run.

Usage: scratch_database.py create|drop URL

``drop`` also removes the databases whose names begin with the same word: each test worker makes its own beside it.
"""

import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


def main():
    """Do what the command line asks."""
    verb, url = sys.argv[1:]
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    server = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(server, autocommit=True, connect_timeout=10) as connection:
        if verb == "create":
            # C.UTF-8: trigram indexes see no Chinese in a database whose LC_CTYPE is C
            connection.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0").format(
                    sql.Identifier(name)
                )
            )
        elif verb == "drop":
            names = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name]
            )
            for (each,) in names.fetchall():
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(each)))
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
