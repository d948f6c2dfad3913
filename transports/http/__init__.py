"""HTTP without I/O: what the transports over HTTP decide, apart from how they do it.

Knows: frames' numbers, bytes, seconds, what is wrong with a response.
Must not know: requests, sessions, an event loop, a clock: times and random numbers are arguments.

`batches` and `upload` bring frames up, `polls` takes them down, `turns` says whether a path lets
requests through one at a time. Shells of asyncio do what these say (`byway.transports`), and the
model of a session drives them through a network without sockets (`tests/unit/session`). The
client in a page has the same classes; `tests/vectors` hold both to the same decisions.
"""
