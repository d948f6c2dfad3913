/**
 * The module that pages import: byway.js and byway.min.js.
 *
 * Knows: what a module exports, and its own address.
 * Must not know: anything else.
 */

import { BywaySocket } from "./BywaySocket.js";

export { BywaySocket };
export default BywaySocket;

// `<script type="module" src="….js?install">` is all that a page needs then.
if (/[?&]install\b/.test(import.meta.url)) BywaySocket.install();
