"""graphql-ws, whose server is Strawberry, over `BywaySocket.install()`."""

from __future__ import annotations

from tests.browser.libraries.conftest import Visit, Way

APP = "tests.browser.libraries.graphql_app:app"

CONNECTED = ["connecting", "opened", "connected"]


async def test_operations_share_a_socket(visit: Visit, way: Way) -> None:
    tab = await visit(way.profile)
    found = await tab.page.evaluate(
        """async () => {
          const client = start({ lazy: false })
          const ask = async (query) => {
            for await (const { data } of client.iterate({ query })) return data
          }
          const count = (given) => client.iterate({ query: `subscription { count(${given}) }` })
          const first = []
          for await (const { data } of count("upto: 3")) first.push(data.count)
          const second = []
          let running
          for await (const { data } of count("upto: 100000, pause: 0.01")) {
            second.push(data.count)
            if (second.length === 3) running = await ask("{ running }")
            if (second.length === 5) break // which completes it, from this side
          }
          while ((await ask("{ running }")).running); // the server hears it a little later
          const third = []
          for await (const { data } of count("upto: 2")) third.push(data.count)
          return { first, second, third, running, events, protocol: sockets[0].socket.protocol }
        }"""
    )
    assert found == {
        "first": [0, 1, 2],
        "second": [0, 1, 2, 3, 4],
        "third": [0, 1],
        "running": {"running": 1},
        "events": CONNECTED,
        "protocol": "graphql-transport-ws",
    }
    assert await tab.transports() == [way.transport]


async def test_a_lazy_client_closes_and_comes_again(visit: Visit, way: Way) -> None:
    tab = await visit(way.profile)
    found = await tab.page.evaluate(
        """async () => {
          const client = start()
          const counted = []
          for (const times of [1, 2]) {
            const query = "subscription { count(upto: 2) }"
            for await (const { data } of client.iterate({ query })) counted.push(data.count)
            await until(() => sockets.at(-1).notes.at(-1).startsWith("close"))
          }
          return { counted, events }
        }"""
    )
    assert found == {"counted": [0, 1, 0, 1], "events": [*CONNECTED, "closed"] * 2}
    for notes in await tab.notes():
        assert notes[-1] == "close 1000"
        assert way.transport in notes
        assert len(notes) == 3
    assert len(await tab.notes()) == 2


COUNT = """() => {
  globalThis.counted = []
  const client = start({ lazy: false })
  globalThis.done = new Promise((complete, error) => {
    const next = ({ data }) => counted.push(data.count)
    const query = "subscription { count(upto: 200, pause: 0.01) }"
    client.subscribe({ query }, { next, complete, error })
  })
}"""

COUNTED = "async () => { await done; return { counted, events } }"


async def test_a_subscription_goes_on_when_it_is_cut(visit: Visit, way: Way) -> None:
    tab = await visit(way.profile)
    await tab.page.evaluate(COUNT)
    await tab.cut_while("counted.length")
    assert await tab.page.evaluate(COUNTED) == {"counted": [*range(200)], "events": CONNECTED}
    (notes,) = await tab.notes()
    assert "open" in notes
    assert not any(one.startswith(("close", "error")) for one in notes)


async def test_a_subscription_moves_to_what_gets_through(visit: Visit) -> None:
    tab = await visit("open")
    await tab.page.evaluate(COUNT)
    await tab.page.evaluate("() => until(() => counted.length > 10)")
    tab.network.profile("refuse-403")
    await tab.cut_while("counted.length", times=1)
    assert await tab.page.evaluate(COUNTED) == {"counted": [*range(200)], "events": CONNECTED}
    assert await tab.notes() == [["open", "websocket", "stream"]]
