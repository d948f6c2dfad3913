"""A notebook of marimo: a button, and how often it was clicked. `marimo_counter.py` serves it."""

import marimo

app = marimo.App(html_head_file="marimo_head.html")


@app.cell
def _():
    import marimo as mo

    return (mo,)


@app.cell
def _(mo):
    button = mo.ui.button(label="Click", value=0, on_click=lambda clicks: clicks + 1)
    button  # noqa: B018 - a cell shows its last value
    return (button,)


@app.cell
def _(button, mo):
    mo.md(f"clicked {button.value} times")
    return


if __name__ == "__main__":
    app.run()
