/**
 * BywaySocket: the interface of WebSocket (WHATWG WebSockets, section 3), over whatever gets through.
 *
 * A page uses it as it would use `WebSocket`. Behind it a session is carried over a WebSocket,
 * chunked HTTP streaming, server-sent events or long-polling, whichever works, and moves between
 * them without losing, doubling or reordering a message. The wire is docs/protocol.md.
 *
 * Knows: Web IDL, DOM events, `install()`.
 * Must not know: how a session is carried: each socket has an instance of its own of the modules in
 * instance/, which tools/bundle.mjs makes a function of.
 */

import instance from "byway:instance";
import { NO_ARGUMENT } from "./codes.js";
import { say } from "./messages.js";
import { checked, installDefaults, installed } from "./options.js";

/**
 * The class that `install()` puts in the place of `WebSocket`. It makes the same objects, but ignores
 * surplus arguments (Web IDL, section 3.6): code written for `ws` or React Native passes options there.
 */
function standIn(url) {
  return Reflect.construct(BywaySocket, [...arguments].slice(0, 2), new.target);
}

/** Put the stand-in in the place of `WebSocket`; return what puts everything back. */
const putInPlace = (options) => {
  checked(options);
  const { prototype } = BywaySocket;
  const put = (WebSocket, defaults, constructor) => {
    globalThis.WebSocket = WebSocket;
    installDefaults(defaults);
    prototype.constructor = constructor;
  };
  const before = [globalThis.WebSocket, installed, prototype.constructor];
  put(standIn, options, standIn);
  return () => put(...before);
};

/** The WebSocket interface (WHATWG WebSockets, section 3) over any transport. */
export class BywaySocket extends EventTarget {
  #inner;
  #handlers = {};

  /**
   * @param {string | URL} url of the endpoint; ws(s) and http(s) mean the same
   * @param {string | string[]} protocols
   * @param {object} options see byway.d.ts
   */
  constructor(url, protocols = [], options) {
    if (!arguments.length) throw new TypeError(say(NO_ARGUMENT));
    super();
    this.#inner = instance(this, url, protocols, options);
  }

  /** What became of each transport, as far as a page can see. */
  report() {
    return this.#inner.report(this.transport);
  }

  send(data) {
    if (!arguments.length) throw new TypeError(say(NO_ARGUMENT));
    this.#inner.send(data);
  }

  close() {
    this.#inner.close(...arguments);
  }

  /**
   * Put it in the place of `WebSocket`, so that other people's code uses it unchanged.
   *
   * @param {object} options defaults from now on
   * @returns {() => void} puts everything back
   */
  static install(options) {
    return putInPlace(options);
  }

  // In the order of what `look` returns

  get transport() {
    return this.#inner.look()[0];
  }

  get url() {
    return this.#inner.look()[1];
  }

  get readyState() {
    return this.#inner.look()[2];
  }

  get bufferedAmount() {
    return this.#inner.look()[3];
  }

  get extensions() {
    return this.#inner.look()[4];
  }

  get protocol() {
    return this.#inner.look()[5];
  }

  get binaryType() {
    return this.#inner.look()[6];
  }

  set binaryType(type) {
    if (type === "blob" || type === "arraybuffer") this.#inner.choose(type);
  }

  static {
    const { prototype } = this;
    // Event handler attributes (WHATWG HTML, section 8.1.8.1)
    for (const type of ["open", "message", "error", "close", "transport"]) {
      const name = `on${type}`;
      Object.defineProperty(prototype, name, Object.getOwnPropertyDescriptor({
        get [name]() {
          return this.#handlers[type]?.value || null;
        },
        set [name](value) {
          const run = this.#handlers[type] ??= (event) =>
            typeof run.value === "function" && run.value.call(this, event);
          run.value = Object(value) === value ? value : null;
          this.addEventListener(type, run); // who listens already keeps its place
          if (!run.value) this.removeEventListener(type, run);
        },
      }, name));
    }
    // Members of a Web IDL interface are enumerable; ours beside them are not.
    Object.getOwnPropertyNames(prototype).forEach((name) =>
      Object.defineProperty(prototype, name, { enumerable: !/constr|report|transp/.test(name) }));
    ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
      for (const one of [this, prototype, standIn]) Object.defineProperty(one, name, { value, enumerable: true });
    });
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
    Object.defineProperties(standIn, { name: { value: "WebSocket" }, prototype: { value: prototype } });
    Object.setPrototypeOf(standIn, EventTarget); // Node asks the constructor of an object whether it is one
  }
}
