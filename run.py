"""Serve the application: ``python run.py`` prepares the database, then runs the web server and the worker."""

from __future__ import annotations

from app import create_app

app = create_app()

if __name__ == "__main__":
    from app.cli.serve import serve

    serve(app)
