/**
 * What is said of a code in byway.min.js: the code and the detail, as docs/reference/browser-errors.md
 * has the sentences.
 *
 * Knows: nothing else.
 * Must not know: sentences.
 */

/** Return the text of a code, such as "B31", or "B30 403". */
export const say = (code, detail = "") => `B${code} ${detail}`.trim();
