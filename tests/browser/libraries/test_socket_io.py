"""socket.io's client, whose server is python-socketio, over `BywaySocket.install()`.

With `transports: ["websocket"]`, so that its own polling is out of the game.
"""

from __future__ import annotations

from tests.browser.libraries.conftest import Visit, Way

APP = "tests.browser.libraries.socketio_app:app"


async def test_events_are_acknowledged(visit: Visit, way: Way) -> None:
    tab = await visit(way.profile)
    found = await tab.page.evaluate(
        """async () => {
          const given = { text: "é", bytes: new Uint8Array([1, 2, 255]) }
          const { text, bytes } = await socket.emitWithAck("echo", given)
          return [text, [...new Uint8Array(bytes)], events]
        }"""
    )
    assert found == ["é", [1, 2, 255], ["connect"]]
    assert await tab.transports() == [way.transport]
    await tab.page.evaluate("() => { socket.disconnect() }")
    await tab.page.evaluate("() => until(() => sockets[0].notes.at(-1).startsWith('close'))")
    (notes,) = await tab.notes()
    assert notes[-1] == "close 1005"


async def test_events_go_on_when_they_are_cut(visit: Visit, way: Way) -> None:
    tab = await visit(way.profile)
    await tab.page.evaluate("() => { socket.emit('count', 200, 0.01) }")
    await tab.cut_while("counted.length")
    await tab.page.evaluate("() => until(() => counted.length >= 200)")
    assert await tab.page.evaluate("() => ({ counted, events })") == {
        "counted": [*range(200)],
        "events": ["connect"],
    }
    (notes,) = await tab.notes()
    assert not any(one.startswith(("close", "error")) for one in notes)
