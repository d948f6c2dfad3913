"""Keys that have a name instead of a character.

Knows: what WebDriver and the DevTools protocol call them.
Must not know: what a page does with them.
"""

from __future__ import annotations

from typing import Final

KEYS: Final = {
    "Backspace": ("\ue003", 8),
    "Tab": ("\ue004", 9),
    "Enter": ("\ue007", 13),
    "Shift": ("\ue008", 16),
    "Escape": ("\ue00c", 27),
    "PageUp": ("\ue00e", 33),
    "PageDown": ("\ue00f", 34),
    "End": ("\ue010", 35),
    "Home": ("\ue011", 36),
    "ArrowLeft": ("\ue012", 37),
    "ArrowUp": ("\ue013", 38),
    "ArrowRight": ("\ue014", 39),
    "ArrowDown": ("\ue015", 40),
    "Delete": ("\ue017", 46),
}
"""The name in the page, then WebDriver's character for it and Windows' number for it."""


def webdriver_keys(keys: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the actions of a WebDriver keyboard that press these keys."""
    actions: list[dict[str, str]] = []
    for key in keys:
        value = KEYS[key][0] if key in KEYS else key
        actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
    return actions


def webdriver_click(x: float, y: float) -> list[dict[str, object]]:
    """Return the actions of a WebDriver mouse that click at a place."""
    return [
        {"type": "pointerMove", "x": round(x), "y": round(y)},
        {"type": "pointerDown", "button": 0},
        {"type": "pointerUp", "button": 0},
    ]
