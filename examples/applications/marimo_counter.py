"""A marimo notebook over byway: the server counts each visitor's clicks.

Run it: uvicorn examples.applications.marimo_counter:app
Try it: open http://127.0.0.1:8000/, also behind `byway proxy --profile refuse-403`
"""

from pathlib import Path

import marimo
from starlette.applications import Starlette
from starlette.routing import Mount

import byway.browser
from byway import FallbackMiddleware

notebook = Path(__file__).with_name("marimo_notebook.py")
notebooks = marimo.create_asgi_app().with_app(path="/", root=str(notebook)).build()
app = FallbackMiddleware(
    Starlette(routes=[Mount("/byway", byway.browser.app), Mount("/", notebooks)])
)
