/**
 * What all sockets of a page know of origins, and how their tabs talk.
 *
 * Knows: nothing but these facts.
 * Must not know: sessions.
 */

export const warned = {}; // of which origins this page was
export const rests = {}; // when an origin may be asked for another session, where it has said so
export const page = globalThis.document;
export const NativeWebSocket = globalThis.WebSocket; // before `install()`

/** Tabs tell each other who wants a slot; the same word wakes pages whose timers are slow. */
export const tabs = globalThis.location && globalThis.BroadcastChannel && new BroadcastChannel("byway");
