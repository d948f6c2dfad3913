/**
 * Keeps every socket that a library makes, and notes what it tells the library.
 *
 * Runs after `BywaySocket.install()`, and leaves the class itself in its place: what the library
 * gets is a `BywaySocket` and nothing else.
 */

globalThis.sockets = []; // {socket, notes}

globalThis.WebSocket = new Proxy(WebSocket, {
  construct(target, given) {
    const socket = Reflect.construct(target, given);
    const notes = [];
    sockets.push({ socket, notes });
    socket.addEventListener("open", () => notes.push("open"));
    socket.addEventListener("transport", ({ detail }) => notes.push(detail));
    socket.addEventListener("error", () => notes.push("error"));
    socket.addEventListener("close", ({ code, wasClean }) => {
      notes.push(`close ${code}${wasClean ? "" : " unclean"}`);
    });
    return socket;
  },
});

/** Wait until something is true. Not everything that tests wait for has an event. */
globalThis.until = async (isTrue) => {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 10));
};
