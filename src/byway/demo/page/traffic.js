// The traffic: one socket, numbered messages both ways, and what became of them.
//
// Knows: BywaySocket, and what the server says (../conversation.py).
// Must not know: the page, the network.

import { BywaySocket } from "/byway/byway.js";
import { Tally } from "./tally.js";

const SEND_INTERVAL = 50; // milliseconds
const SENT_EVERY = 20; // messages between two words on how many were sent

/** Dispatches `move`, `echo`, `push`, `machine` and `over`; `detail` says what. */
export class Traffic extends EventTarget {
  down = new Tally();
  echoes = new Tally();
  sent = 0;
  pushed = 0; // by the server, as it says
  up = { received: 0, lost: 0, doubled: 0, reordered: 0 }; // the server's tally
  began = performance.now();
  #timer;

  constructor(transports) {
    super();
    // Each load of the page shows the race: nothing is remembered from the one before.
    this.socket = new BywaySocket("/socket", [], { transports, memory: false });
    this.socket.onopen = () => {
      this.#timer = setInterval(() => this.#send(), SEND_INTERVAL);
    };
    this.socket.onmessage = ({ data }) => this.#heard(JSON.parse(data));
    this.socket.ontransport = ({ detail }) => this.#tell("move", detail);
    this.socket.onclose = ({ code, reason }) => {
      clearInterval(this.#timer);
      this.#tell("over", { code, reason });
    };
  }

  /** What both ends have found wrong, echoes included. */
  get wrong() {
    const all = [this.up, this.down, this.echoes];
    const sum = (name) => all.reduce((total, one) => total + one[name], 0);
    return { lost: sum("lost"), doubled: sum("doubled"), reordered: sum("reordered") };
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #send() {
    const { socket } = this;
    this.sent += 1;
    socket.send(JSON.stringify({ kind: "message", number: this.sent, at: performance.now() }));
    if (this.sent % SENT_EVERY === 0) socket.send(JSON.stringify({ kind: "sent", number: this.sent }));
  }

  #heard(said) {
    switch (said.kind) {
      case "echo":
        this.echoes.note(said.number);
        this.#tell("echo", performance.now() - said.at);
        break;
      case "push":
        this.down.note(said.number);
        this.#tell("push", said.number);
        break;
      case "counts":
        this.pushed = said.sent;
        this.down.settle(said.sent);
        this.up = said;
        break;
      case "machine":
        this.#tell("machine", said.figures);
    }
  }
}
