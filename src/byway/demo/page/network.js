// The network: asks the controls to change it, on their own port beside it.
//
// Knows: the requests that the controls take (../controls.py).
// Must not know: the buttons, the socket.

export class Network {
  state = { websocket: "pass", buffered: false, slow: false, cutting: false };
  #url;
  #token;

  constructor({ controls, token }) {
    this.#url = controls;
    this.#token = token;
  }

  read() {
    return this.#ask("GET", "/network");
  }

  change(wanted) {
    return this.#ask("POST", "/network", JSON.stringify(wanted));
  }

  cut() {
    return this.#ask("POST", "/cut");
  }

  async heal() {
    await this.#ask("POST", "/heal");
    // So a browser says that the network is another one. Without it byway finds out by itself
    // that better transports work again, within half a minute.
    window.dispatchEvent(new Event("online"));
  }

  async #ask(method, path, body) {
    const answer = await fetch(this.#url + path, {
      method,
      body,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      credentials: "omit",
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error);
    this.state = said;
    return said;
  }

  /** What stands in the way, in words. */
  get words() {
    const { websocket, buffered, slow, cutting } = this.state;
    return [
      { refuse: "WebSocket refused", swallow: "WebSocket swallowed" }[websocket],
      buffered && "answers held back",
      slow && "100 ms there and back",
      cutting && "cut every 1.5 s",
    ].filter(Boolean);
  }
}
