"""A Shiny application over byway: the server counts each visitor's clicks.

Run it: uvicorn examples.applications.shiny_counter:app
Try it: open http://127.0.0.1:8000/, also behind `byway proxy --profile refuse-403`
"""

from shiny import App, Inputs, Outputs, Session, render, ui
from starlette.applications import Starlette
from starlette.routing import Mount

import byway.browser
from byway import FallbackMiddleware

page = ui.page_fluid(
    ui.head_content(ui.tags.script(src="/byway/byway.js?install", type="module")),
    ui.input_action_button("click", "Click"),
    ui.output_text("count"),
)


def server(input: Inputs, output: Outputs, session: Session) -> None:
    """Show how often the button was clicked."""

    @render.text
    def count() -> str:
        return f"clicked {input.click()} times"


shiny = App(page, server)
app = FallbackMiddleware(Starlette(routes=[Mount("/byway", byway.browser.app), Mount("/", shiny)]))
