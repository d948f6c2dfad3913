/**
 * What is said of a code: the code and its sentence. `messages.small.js` takes its place in byway.min.js.
 *
 * Knows: sentences.
 * Must not know: when they are said.
 */

import { sentences } from "./sentences.js";

/** Return the text of a code, such as "B31: No server accepts connections at this address: …" */
export const say = (code, detail = "") => `B${code}: ${sentences[code].replace("%", () => `${detail}`.trim())}`;
