/**
 * Which responses may be others soon, as in negotiation/retry.py.
 *
 * Knows: HTTP's words for that.
 * Must not know: who asks.
 */

/**
 * Return the seconds after which a response may be another one; undefined where it stays what it is.
 *
 * The rules are those of negotiation/retry.py.
 */
export const passesAfter = (status, mark, headers, asked = headers.get("retry-after")) =>
  /,(429|503),|r,410|^,(50[24]|511|200.*html)/.test([mark, status, headers.get("content-type")]) ?
    Math.max(0, asked >= 0 ? asked : (Date.parse(asked) - Date.now()) / 1000) || 0 : undefined;
