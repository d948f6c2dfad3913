/**
 * Tasks: functions that run one after the other, each in a task of its own.
 *
 * Knows: how a program makes a task that no slowed timer delays.
 * Must not know: what runs.
 */

/** Run a function in a task of its own, after all that were given before. */
export const task = globalThis.setImmediate ?? (() => {
  const { port1, port2 } = new MessageChannel();
  const queue = [];
  port1.onmessage = () => queue.shift()();
  return (run) => port2.postMessage(queue.push(run));
})();
