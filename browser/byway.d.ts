/** What each `BywaySocket` does by default, and what may be said instead. Times are in seconds. */
export interface BywayOptions {
  /**
   * The transports to try, best first: names, or a text such as `"stream, poll"`. All by default. One
   * that is much slower than another of them is not used for its place in the list.
   */
  transports?: Transport[] | string;
  /** Seconds that an attempt has to itself before the next starts beside it: 0.25, of sse 0.1. */
  patience?: Partial<Record<Transport, number>>;
  /**
   * Headers for every HTTP request. A browser's WebSocket cannot have any. `authorization` replaces
   * the user and the password of the URL.
   */
  headers?: Record<string, string>;
  /**
   * Whether HTTP requests to another origin bring cookies. `"include"` by default, as WebSockets
   * do. A server that allows any origin (`*`) only answers `"omit"`.
   */
  credentials?: "include" | "same-origin" | "omit";
  /** Whether what worked is kept in `localStorage`, for a day, and tried first. True by default. */
  memory?: boolean;
  /**
   * Seconds in which a transport has to open. 20 by default. Answers that may pass by themselves (429,
   * 502, 503, 504, 511, a web page) are tried again for so long.
   */
  openTimeout?: number;
  /** Seconds to wait for the server's answer to `close()`. 10 by default. */
  closeTimeout?: number;
  /** Longest message to receive, in bytes; a longer one closes with 1009. 16 MiB by default. */
  maxMessage?: number;
  /**
   * Whether a plain `WebSocket` is used where no byway answers: it has no other transport, and
   * nothing is resumed. True by default; with false the socket fails, and `report()` says why.
   */
  plain?: boolean;
}

export type Transport = "websocket" | "stream" | "sse" | "poll";

/** What became of one transport, as far as a page can see. */
export interface TransportReport {
  transport: Transport;
  /**
   * `"cut"`: it opened and ended. `"refused"`: it was answered with `status`. `"failed"`: there was
   * no answer, or the browser does not show it. `"slow"`: it works, and is much slower than another.
   */
  verdict: "in use" | "refused" | "failed" | "cut" | "slow" | "not tried" | "not offered";
  why?: string;
  /** Seconds that the attempt took, or the carrier lasted. */
  seconds?: number;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The `Byway` header of the answer; absent where the network, or another server, answered. */
  mark?: string;
  /**
   * Seconds after which the server asked to be tried again (`Retry-After`), 0 where it did not say.
   * Only of answers that may pass by themselves, such as 503.
   */
  after?: number;
}

export interface BywayReport {
  /** Without user and password. */
  url: string;
  /** The transport in use; null before the first and after the last. */
  transport: Transport | null;
  /**
   * Why nothing opened, or why a plain WebSocket is used; null where neither is so.
   *
   * It begins with a code: `B30`, the application refused; `B31`, nothing accepts connections there, or the
   * name is not known; `B32`, what is there does not respond as byway would, and `transports` says how each
   * ended; `B33`, a response asks for more time than `openTimeout` allows. All codes are in
   * docs/reference/browser-errors.md. `byway.js` adds a sentence, `byway.min.js` the detail only.
   */
  failure: string | null;
  /** Whether the server has no byway, and a plain WebSocket is used. */
  plain: boolean;
  transports: TransportReport[];
}

export interface BywaySocketEventMap extends WebSocketEventMap {
  /** Another transport came into use; `detail` is its name. */
  transport: CustomEvent<Transport>;
}

/**
 * The `WebSocket` interface over whatever gets through.
 *
 * Every message arrives once and in order, whatever becomes of the connections that carry them.
 * When no transport has worked for the server's window (30 s by default), or its process is gone,
 * the socket closes with 1006.
 */
export declare class BywaySocket extends EventTarget implements WebSocket {
  /**
   * @param url of the endpoint; ws(s) and http(s) mean the same; may be relative to the page
   *   A user and a password in it go along as `Authorization: Basic` (RFC 7617).
   * @param protocols the application's subprotocols: at most 32, of 2 KiB together
   * @throws DOMException `SyntaxError`: of a wrong URL or subprotocol
   * @throws TypeError of a wrong option, or of a header that cannot be one
   */
  constructor(url: string | URL, protocols?: string | string[], options?: BywayOptions);

  /** With user and password, where they were given. */
  readonly url: string;
  readonly readyState: 0 | 1 | 2 | 3;
  readonly protocol: string;
  readonly extensions: string;
  /** Bytes given to `send()` that have not left: written to a WebSocket, or acknowledged. */
  readonly bufferedAmount: number;
  binaryType: BinaryType;

  /** The transport in use; null before the first and after the last. */
  readonly transport: Transport | null;
  /** What became of each transport. Causes no traffic. */
  report(): BywayReport;

  /** @throws DOMException `InvalidStateError` before it is open */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void;
  /** @throws DOMException `InvalidAccessError` of the code, `SyntaxError` of the reason */
  close(code?: number, reason?: string): void;

  onopen: ((this: WebSocket, event: Event) => unknown) | null;
  onmessage: ((this: WebSocket, event: MessageEvent) => unknown) | null;
  onerror: ((this: WebSocket, event: Event) => unknown) | null;
  onclose: ((this: WebSocket, event: CloseEvent) => unknown) | null;
  ontransport: ((this: BywaySocket, event: CustomEvent<Transport>) => unknown) | null;

  addEventListener<K extends keyof BywaySocketEventMap>(
    type: K,
    listener: (this: BywaySocket, event: BywaySocketEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof BywaySocketEventMap>(
    type: K,
    listener: (this: BywaySocket, event: BywaySocketEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | EventListenerOptions,
  ): void;

  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /** As of every class with this interface. */
  readonly [Symbol.toStringTag]: "WebSocket";
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;

  /**
   * Put a class in the place of `WebSocket` that makes the same sockets, so that other people's code
   * uses them unchanged.
   *
   * That class has the standard's name and constructor: it ignores a third argument. What it makes is
   * `instanceof` both, and so is what `BywaySocket` makes.
   *
   * @param options defaults of every socket from now on
   * @returns puts everything back
   */
  static install(options?: BywayOptions): () => void;
}

export default BywaySocket;
