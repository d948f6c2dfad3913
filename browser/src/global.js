/**
 * The classic script, for `<script src>`: byway.global.js. It sets `globalThis.byway`, which has what
 * the module exports.
 *
 * Knows: classic scripts.
 * Must not know: anything else.
 */

import { BywaySocket } from "./BywaySocket.js";

globalThis.byway = { BywaySocket };

// `<script src="….js?install">` is all that a page needs then.
if (/[?&]install\b/.test(globalThis.document?.currentScript?.src)) BywaySocket.install();
