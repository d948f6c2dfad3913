"""A NiceGUI application over byway: the server counts each visitor's clicks.

Run it: uvicorn examples.applications.nicegui_counter:app
Try it: open http://127.0.0.1:8000/, also behind `byway proxy --profile refuse-403`
"""

from fastapi import FastAPI
from nicegui import ui

import byway.browser
from byway import FallbackMiddleware

fastapi = FastAPI()
fastapi.mount("/byway", byway.browser.app)
ui.add_head_html('<script type="module" src="/byway/byway.js?install"></script>', shared=True)


@ui.page("/")
def index() -> None:
    """Show a button, and how often it was clicked."""
    clicks = 0

    def click() -> None:
        nonlocal clicks
        clicks += 1
        count.text = f"clicked {clicks} times"

    ui.button("Click", on_click=click).props("id=click")
    count = ui.label("clicked 0 times").props("id=count")


ui.run_with(fastapi)
app = FallbackMiddleware(fastapi)
