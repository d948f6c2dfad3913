/*! byway 0.1.0, MIT */
// browser/src/codes.js
var BAD_FRAMES = 10;
var OTHER_SERVER = 11;
var NO_RESPONSE = 12;
var CUT = 13;
var BAD_RESPONSE = 14;
var REQUEST_FAILED = 15;
var NO_WEBSOCKET = 16;
var NOT_OPENED = 17;
var WEBSOCKET_CLOSED = 18;
var NO_BYWAY_THERE = 19;
var NO_CONNECTION = 20;
var NOT_ACKNOWLEDGED = 21;
var BLOCKED_TYPE = 22;
var NOT_OFFERED = 23;
var SLOWER = 24;
var NOT_NEEDED = 25;
var OVER = 26;
var HIDDEN = 27;
var REFUSED = 30;
var NO_SERVER = 31;
var NOTHING_PASSES = 32;
var COME_BACK_LATER = 33;
var FOREIGN_ORIGIN = 34;
var NO_BYWAY = 35;
var NO_SUBPROTOCOL = 36;
var CLOSED_EARLY = 37;
var WRONG_URL = 50;
var WRONG_SUBPROTOCOLS = 51;
var WRONG_OPTION = 52;
var WRONG_CODE = 53;
var LONG_REASON = 54;
var NOT_OPEN_YET = 55;
var NO_ARGUMENT = 56;

// browser/src/sentences.js
var sentences = {
  [BAD_FRAMES]: "The server, or something on the path, sent bytes that are not byway's frames.",
  [OTHER_SERVER]: "Two servers share this address, and the second does not know the session: route each session to one server, or let them share a backplane.",
  [NO_RESPONSE]: "No response came in time.",
  [CUT]: "The connection was cut, or the response ended too early.",
  [BAD_RESPONSE]: "The server, or something on the path, responded with %.",
  [REQUEST_FAILED]: "The request failed: %.",
  [NO_WEBSOCKET]: "This program has no WebSocket.",
  [NOT_OPENED]: "The WebSocket did not open (%): something on the path may block WebSockets, or the application may have refused.",
  [WEBSOCKET_CLOSED]: "The WebSocket was closed (%).",
  [NO_BYWAY_THERE]: "The WebSocket opened without the subprotocol of byway: the server does not run byway, or something on the path removed it.",
  [NO_CONNECTION]: "There is no free connection to the server: other tabs use all that the browser allows.",
  [NOT_ACKNOWLEDGED]: "The server responded, but did not receive what was sent.",
  [BLOCKED_TYPE]: "Something on the path blocks responses of this content type.",
  [NOT_OFFERED]: "The server does not offer this transport.",
  [SLOWER]: "The transport works, but is much slower than another one.",
  [NOT_NEEDED]: "Another transport was ready first.",
  [OVER]: "The session does not need this connection any more.",
  [HIDDEN]: "The browser put the page aside.",
  [REFUSED]: "The application refused the session with status %.",
  [NO_SERVER]: "No server accepts connections at this address: check the name and the port, and that the server runs.",
  [NOTHING_PASSES]: "No transport got through: look at how each of them ended.",
  [COME_BACK_LATER]: "The server asks to be tried again later than openTimeout allows.",
  [FOREIGN_ORIGIN]: "The page's origin may not read responses of the server's (%): allow the first there, with origins=.",
  [NO_BYWAY]: "The server does not run byway, so a plain WebSocket is used.",
  [NO_SUBPROTOCOL]: "The server chose none of the subprotocols that were offered.",
  [CLOSED_EARLY]: "close() was called before the socket was open.",
  [WRONG_URL]: "The URL is not one of the schemes ws, wss, http or https without a fragment.",
  [WRONG_SUBPROTOCOLS]: "These subprotocols cannot be offered, as one is no token or comes twice, or they are too many: %.",
  [WRONG_OPTION]: "The option % does not exist, or does not have a value that it can have.",
  [WRONG_CODE]: "The close code % is neither 1000 nor between 3000 and 4999.",
  [LONG_REASON]: "The reason is longer than 123 bytes.",
  [NOT_OPEN_YET]: "The socket is still connecting: wait for the event open before you send.",
  [NO_ARGUMENT]: "An argument is missing."
};

// browser/src/messages.js
var say = (code, detail = "") => `B${code}: ${sentences[code].replace("%", () => `${detail}`.trim())}`;

// browser/src/errors.js
var lost = (code, details, detail) => Object.assign(new Error(say(code, detail)), details);
var badIf = (isBad) => {
  if (isBad) throw lost(BAD_FRAMES);
};
var refuse = (code, detail, name = "SyntaxError") => {
  throw new DOMException(say(code, detail), name);
};

// browser/src/limits.js
var KIB = 1024;
var MAX_PART = 16 * KIB;
var OVERHEAD = 64;
var INBOX = 1024 * KIB;
var MAX_CONTROL = 16;
var GONE = 410;
var ELSEWHERE_TIME = 2;
var ELSEWHERE_COUNT = 3;
var LATE = 2;
var VISITS = 15;
var VISIT_INTERVAL = 2;

// browser/src/frames.js
var TEXT = 1;
var BINARY = 2;
var PART = 3;
var CLOSE = 4;
var HELLO = 16;
var OPEN = 17;
var NEXT = 18;
var ACK = 19;
var SELECT = 20;
var PING = 21;
var PONG = 22;
var LEAVE = 23;
var BEAT = 25;
var LAST_NUMBERED = 15;
var SUBPROTOCOL = "byway.1";
var MAX_FRAME = 64 * KIB;
var utf8 = (text) => new TextEncoder().encode(text);
var fromUtf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
var joined = (pieces) => {
  const whole = new Uint8Array(pieces.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const one of pieces) {
    whole.set(one, at);
    at += one.length;
  }
  return whole;
};
var big = (number2, width = 4) => width ? [...big(number2 / 256, width - 1), number2] : [];
var number = (bytes, from, to) => bytes.subarray(from, to).reduce((sum, one) => sum * 256 + one, 0);
var encode = (kind, ...payload) => joined([[kind], big(joined(payload).length), ...payload]);
var split = (bytes, onRest) => {
  const frames = [];
  while (bytes.length > 4) {
    const [kind] = bytes;
    const end = 5 + number(bytes, 1, 5);
    badIf(end > 5 + MAX_FRAME || !kind || kind > CLOSE && kind <= LAST_NUMBERED);
    if (end > bytes.length) break;
    frames.push([kind, bytes.subarray(5, end)]);
    bytes = bytes.subarray(end);
  }
  onRest(bytes);
  return frames;
};
var decodeAll = (buffer) => split(new Uint8Array(buffer), (rest) => badIf(rest.length));
var fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
var frameDecoder = () => {
  let rest = [];
  return (bytes) => split(joined([rest, bytes]), (one) => rest = one);
};

// browser/src/clock.js
var now = () => performance.now() / 1e3;
var between = (low, high) => low + Math.random() * (high - low);
var random = () => crypto.getRandomValues(new Uint32Array(6)).reduce((text, one) => text + one.toString(36), "");

// browser/src/memory.js
var STORED = "byway";
var MAX_AGE = 86400;
var RETRY_AGE = 600;
var MAX_PLACES = 20;
var elsewhere = {};
var places = () => {
  try {
    return JSON.parse((globalThis.localStorage ?? elsewhere)[STORED]) ?? {};
  } catch {
    return {};
  }
};
var recall = (origin) => {
  const found = origin && places()[origin];
  const age = Date.now() / 1e3 - found?.since;
  if (!(age >= 0 && age <= MAX_AGE && found.seconds >= 0)) return {};
  return { ...found, isDue: age >= RETRY_AGE * between(0.8, 1.2) };
};
var remember = (origin, found) => {
  if (!origin) return;
  const others = Object.entries(places()).filter(([place]) => place !== origin);
  if (found) others.push([origin, found]);
  try {
    (globalThis.localStorage ?? elsewhere)[STORED] = JSON.stringify(Object.fromEntries(others.slice(-MAX_PLACES)));
  } catch {
  }
};

// browser/src/runners.js
var ORDER = ["websocket", "stream", "sse", "poll"];
var TRIPS = 3;
var LASTING = 10;
var FAILED = 0;
var WAITING = 1;
var PROVEN = 2;
var TRYING = 3;
var OPENED = 4;
var move = (runner, phase, moment) => Object.assign(runner, { phase, moment });
var isMeasured = ({ trips }) => trips?.[TRIPS - 1] >= 0;
var hasLasted = (runner, now2) => runner.phase === PROVEN && now2 - runner.moment >= LASTING;

// browser/src/origins.js
var warned = {};
var rests = {};
var page = globalThis.document;
var NativeWebSocket = globalThis.WebSocket;
var tabs = globalThis.location && globalThis.BroadcastChannel && new BroadcastChannel("byway");

// browser/src/tasks.js
var task = globalThis.setImmediate ?? (() => {
  const { port1, port2 } = new MessageChannel();
  const queue = [];
  port1.onmessage = () => queue.shift()();
  return (run) => port2.postMessage(queue.push(run));
})();

// browser/src/eventstream.js
var eventDecoder = () => {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  return (bytes) => {
    const events = (rest + decoder.decode(bytes, { stream: true })).replace(/\r\n|\r(?!$)/g, "\n").split("\n\n");
    rest = events.pop();
    badIf(rest.length > 8 * MAX_FRAME);
    return events.flatMap((event) => {
      let type = "message", data = "";
      for (const [, name, value] of event.matchAll(/([^:\n]*):? ?([^\n]*)/g)) {
        if (name === "data") data += `
${value}`;
        if (name === "event") type = value || "message";
      }
      return type === "frames" ? decodeAll(fromBase64(data)) : data && type === "message" ? [[TEXT, utf8(data.slice(1))]] : [];
    });
  };
};

// browser/src/handshake.js
var encodeHello = (greeting) => encode(HELLO, utf8(JSON.stringify({ v: 1, ...greeting })));
var encodeToken = ({ session: key, received, room, carrier, instance: instance2 }) => [SUBPROTOCOL, key, received, room, carrier].concat(instance2 ?? []).join(".");

// browser/src/retry.js
var passesAfter = (status, mark, headers, asked = headers.get("retry-after")) => /,(429|503),|r,410|^,(50[24]|511|200.*html)/.test([mark, status, headers.get("content-type")]) ? Math.max(0, asked >= 0 ? asked : (Date.parse(asked) - Date.now()) / 1e3) || 0 : void 0;

// browser/src/arguments.js
var MAX_OFFERS = 32;
var MAX_OFFER = 2 * KIB;
var socketUrl = (given) => {
  try {
    const url = new URL(given, page?.baseURI ?? globalThis.location);
    url.protocol = url.protocol.replace("http", "ws");
    if (/^wss?:[^#]*$/.test(url)) return url;
  } catch {
  }
  refuse(WRONG_URL);
};
var checkedOffers = (given) => {
  const isList = typeof given !== "string" && given?.[Symbol.iterator];
  const offers = Array.from(isList ? given : [given], (one) => `${one}`);
  try {
    const names = [...new Headers(offers.map((one) => [one, ""])).keys()];
    const areAll = names.length === offers.length;
    if (areAll && names.length <= MAX_OFFERS && names.join("").length <= MAX_OFFER) return offers;
  } catch {
  }
  refuse(WRONG_SUBPROTOCOLS, offers);
};

// browser/src/options.js
var DEFAULTS = {
  transports: ORDER,
  patience: {},
  headers: {},
  credentials: "include",
  memory: true,
  openTimeout: 20,
  closeTimeout: 10,
  maxMessage: 16 * 1024 * KIB,
  plain: true
};
var installed;
var installDefaults = (options) => {
  installed = options;
};
var checked = (options) => {
  const all = {};
  for (let [name, value = DEFAULTS[name]] of Object.entries({ ...DEFAULTS, ...installed, ...options })) {
    const names = name === "transports" ? String(value).split(/[\s,]+/) : [];
    const isWrong = ORDER.filter((one) => names.includes(one)).length < names.length;
    if (isWrong || !(name in DEFAULTS) || DEFAULTS[name] > 1 && !(value >= 0)) throw new TypeError(say(WRONG_OPTION, name));
    if (names[0]) value = names;
    all[name] = value;
  }
  return all;
};

// byway:instance
function instance(socket, address, protocols, chosen) {
  var oldest = 1;
  var kept = [];
  var flushed = 0;
  var maxPart = MAX_PART;
  var sentCost = 0;
  var limit = 0;
  var post = (kind, bytes, words) => {
    let rest = bytes;
    for (; rest.length > maxPart; rest = rest.subarray(maxPart)) {
      words = keep(encode(PART, rest.subarray(0, maxPart)));
    }
    keep(encode(kind, rest), bytes.length, words);
    sentCost += bytes.length + OVERHEAD;
  };
  var keep = (frame, weight, words) => {
    kept.push(Object.assign(frame, { weight, words, before: sentCost }));
  };
  var acknowledge = (received, room) => {
    const count = received + 1 - oldest;
    badIf(count > kept.length);
    if (count < 0) return;
    flush(kept.splice(0, count));
    oldest += count;
    limit = Math.max(limit, (kept[0]?.before ?? sentCost) + room);
  };
  var flush = (frames) => {
    for (const one of frames) {
      flushed += one.weight ?? 0;
      one.weight = 0;
    }
  };
  var keepLast = (frame) => {
    sentCost = -1;
    keep(frame);
  };
  var limitParts = (size) => {
    maxPart = Math.min(MAX_PART, size);
  };
  var highest = () => oldest + kept.length - 1;
  var isEmpty = () => !kept[0];
  var sendable = (number3) => {
    const frame = kept[number3 - oldest];
    return frame?.before < limit && frame;
  };
  var LIVE = 0;
  var CLOSING = 1;
  var CLOSED = 2;
  var LOST = 3;
  var phase = LIVE;
  var peerClosed;
  var ending = {};
  var shut = (code, reason) => {
    if (phase) return;
    phase = CLOSING;
    ending = { code, reason };
    keepLast(encode(CLOSE, big(code, 2), utf8(reason)));
  };
  var fail = () => {
    if (!isOver()) phase = LOST;
  };
  var settle = () => {
    phase = CLOSED;
    acknowledge(highest(), 0);
  };
  var isOver = () => {
    return phase === LOST || phase === CLOSED && isEmpty();
  };
  var takeClose = (code, reason) => {
    shut(code, reason);
    ending = { code, reason };
    phase = CLOSED;
    peerClosed = true;
  };
  var { href: url, origin: pageOrigin } = socketUrl(address);
  var subprotocols = checkedOffers(protocols);
  var options = checked(chosen);
  var { origin, pathname, search, username, password } = new URL(url.replace(/^ws/, "http"));
  var http = origin + pathname + search;
  var own = {
    // btoa takes bytes, which is what `unescape` makes of percent-encoded UTF-8 (RFC 7617, section 2.1).
    ...(username || password) && {
      authorization: `Basic ${btoa(`${username}:${password}`.replace(/%\w\w/g, unescape))}`
    },
    ...Object.fromEntries(new Headers(options.headers))
    // with names in lower case, so that each is there once
  };
  var { transports } = options;
  var place = options.memory && (`${transports}` === `${ORDER}` ? origin : `${origin} ${transports}`);
  var known = recall(place);
  var selected;
  var carriers = {};
  var selects = 0;
  var beat = known.heartbeat;
  var strangers = [];
  var askForBeat = (seconds) => {
    beat = seconds;
  };
  var attach = (carrier, batched) => {
    carrier.batched = batched;
    carrier.control = [];
    carrier.expected = 0;
    carrier.isProven = carrier.isLeaving = false;
    rewind(carrier);
    carriers[carrier.id] = carrier;
  };
  var detach = (carrier) => {
    delete carriers[carrier.id];
    if (selected === carrier) selected = null;
  };
  var rewind = (carrier) => {
    carrier.cursor = oldest;
    carrier.toldNext = carrier.toldSelect = 0;
    carrier.toldBeat = void 0;
  };
  var choose = (carrier) => {
    if (!carriers[carrier.id]) return;
    selects++;
    selected = carrier;
  };
  var ping = (carrier, nonce, isProof = true) => {
    if (isProof) Object.assign(carrier, { isProven: false, nonce });
    say2(carrier, PING, big(carrier.id), utf8(nonce));
  };
  var say2 = (carrier, ...frame) => {
    carrier.control = [...carrier.control, encode(...frame)].slice(-MAX_CONTROL);
  };
  var isGone = ({ status, gone }, time) => {
    return status === GONE && (gone !== "elsewhere" || strangers.push(time) >= ELSEWHERE_COUNT && time - strangers[0] >= ELSEWHERE_TIME);
  };
  var take = (carrier, frames) => {
    strangers = [];
    if (phase === LOST) return;
    for (const [kind, payload, words] of frames) {
      if (kind <= LAST_NUMBERED) {
        badIf(!carrier.expected);
        const ahead = carrier.expected++ - got;
        badIf(ahead > 1);
        if (ahead === 1) accept(kind, payload, words);
      } else if (kind === ACK) {
        badIf(payload.length !== 12);
        acknowledge(number(payload, 0, 8), number(payload, 8));
      } else if (kind === NEXT) {
        badIf(payload.length !== 8);
        carrier.expected = number(payload);
      } else if (kind === LEAVE) carrier.isLeaving = true;
      else if (kind === PING || kind === PONG) {
        badIf(payload.length < 4);
        const named = carriers[number(payload, 0, 4)];
        if (named && kind === PING) say2(named, PONG, payload);
        else if (named) {
          const echo = fromUtf8(payload.subarray(4));
          named.isProven ||= echo === named.nonce;
          if (echo === named.awaited) named.awaited = "";
        }
      }
    }
  };
  var announce = (carrier) => {
    carrier.toldReceived = got;
    carrier.toldCost = cost;
    carrier.toldLimit = cost + space();
    return { received: got, room: space() };
  };
  var writable = (carrier) => {
    carrier.cursor = Math.max(carrier.cursor, oldest);
    return (selected ?? carrier) === carrier && sendable(carrier.cursor);
  };
  var isPending = (carrier) => {
    return carrier.control[0] || selected && carrier.toldSelect < selects || carrier.toldBeat !== beat || writable(carrier) || // An acknowledgement is due where much has come or been dispatched, and where the server has
    // used up what it was told and could go on.
    (selected ?? carrier) === carrier && (cost - carrier.toldCost >= INBOX / 4 || cost + space() - carrier.toldLimit >= INBOX / 4 || cost - carrier.toldLimit >= 0 && space());
  };
  var write = (carrier, size, anyhow) => {
    if (!anyhow && !isPending(carrier)) return [];
    const frames = carrier.control;
    const add = (...frame) => frames.push(encode(...frame));
    if (carrier.toldBeat !== beat) add(BEAT, big(beat * 1e3));
    if (anyhow || got > carrier.toldReceived || cost + space() > carrier.toldLimit) {
      announce(carrier);
      add(ACK, big(got, 8), big(space()));
    }
    if (selected && carrier.toldSelect < selects) {
      add(SELECT, big(selects), big(selected.id));
    }
    carrier.control = [];
    carrier.toldBeat = beat;
    carrier.toldSelect = selects;
    if (carrier.batched) carrier.toldNext = 0;
    for (let frame; size > 0 && (frame = writable(carrier)); size -= frame.length) {
      if (carrier.toldNext !== carrier.cursor) add(NEXT, big(carrier.cursor, 8));
      frames.push(frame);
      carrier.toldNext = ++carrier.cursor;
    }
    return frames;
  };
  var terms = { heartbeat: 10, silence: 25, window: 30 };
  var instance2;
  var maxBatch = 64 * KIB;
  var mayUpload = "duplex" in Request.prototype;
  var readOpen = ([kind, payload]) => {
    badIf(kind !== OPEN);
    const told = JSON.parse(fromUtf8(payload));
    badIf(told.v !== 1);
    const { part, batch, heartbeat, silence, window, received, room } = told;
    badIf(![part / 640, batch, heartbeat, silence, window, received + 1, room + 1].every((one) => Number.isFinite(one) && one >= 0.1));
    return told;
  };
  var isSame = (told) => told.instance === (instance2 ??= told.instance);
  var agree = (told) => {
    terms = told;
    limitBatches(told.batch);
  };
  var limitBatches = (size) => {
    maxBatch = Math.min(maxBatch, size);
  };
  var judgeUploads = (isWorthIt) => {
    mayUpload &&= isWorthIt;
  };
  var wasAnswered;
  var wasMarked;
  var key = random();
  var isShared = !globalThis.location;
  var isText = false;
  var heard = (mark) => {
    wasAnswered = true;
    wasMarked ||= mark;
  };
  var renewKey = () => {
    key = random();
  };
  var isMultiplexed = () => isShared ||= ["navigation", "resource"].some((type) => (
    // pages have many others
    performance.getEntriesByType(type).some((entry) => entry.name.startsWith(`${origin}/`) && /^h[23]/.test(entry.nextHopProtocol))
  ));
  var greet = (link, answer, poll) => ({
    session: key,
    carrier: link.id,
    ...announce(link),
    answer,
    instance: instance2,
    poll,
    form: isText ? "text" : void 0,
    subprotocols: instance2 || !subprotocols[0] ? void 0 : subprotocols
  });
  var ask = async (link, wanted, {
    poll,
    frames = [],
    within = 1e6,
    keepalive,
    isEndless,
    controller = new AbortController(),
    body = joined([encodeHello(greet(link, wanted, poll)), ...frames])
  }) => {
    if (!keepalive) {
      if (link.isDone) throw lost(OVER);
      link.requests.add(controller);
    }
    const timer2 = setTimeout(() => controller.abort(), within * 1e3);
    const asked = isText;
    try {
      const response = await fetch(http, {
        method: "POST",
        body,
        keepalive,
        duplex: "half",
        headers: {
          ...own,
          "content-type": "application/byway",
          byway: wanted === "up" ? wanted : 1,
          accept: wanted === "sse" ? "text/event-stream" : asked ? "text/plain" : "application/octet-stream"
        },
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
        credentials: options.credentials,
        signal: controller.signal
      });
      const { status, headers } = response;
      const mark = headers.get("byway") ?? void 0;
      heard(mark);
      if (status !== 200 || mark !== wanted) {
        const why = mark === "error" ? (await response.text()).slice(0, 200) : "";
        throw lost(BAD_RESPONSE, {
          status,
          mark,
          gone: headers.get("byway-gone"),
          after: passesAfter(status, mark, headers)
        }, `${status} ${why}`);
      }
      if (isEndless) return response;
      const data = /^text/.test(headers.get("content-type")) ? fromBase64(await response.text()) : await response.arrayBuffer();
      link.passes = asked;
      return data;
    } catch (error) {
      const { status, mark } = error;
      const isAborted = controller.signal.aborted;
      const isBlocked = asked === isText && (status ? !mark && /^([23]|40[36]|415)/.test(status) : !isEndless && !isAborted && link.passes !== asked);
      if (isBlocked) isText = isEndless || !asked;
      throw Object.assign(status ? error : lost(isAborted ? NO_RESPONSE : REQUEST_FAILED, { isNetwork: true }, error.message), { isOther: isBlocked });
    } finally {
      clearTimeout(timer2);
      if (!isEndless) link.requests.delete(controller);
    }
  };
  var isStopped;
  var timer;
  var timerAt = Infinity;
  var isDue;
  var soon = () => {
    if (isDue) return;
    isDue = true;
    queueMicrotask(step);
  };
  var wakeAt = (at) => {
    if (at >= timerAt || isStopped) return;
    clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(step, Math.max(0, Math.min(at - now(), 1e6)) * 1e3 + 1);
  };
  var hasCome = (at) => now() >= at || wakeAt(at);
  var awake = () => {
    isDue = false;
    clearTimeout(timer);
    timerAt = Infinity;
  };
  var stop = () => {
    isStopped = true;
    clearTimeout(timer);
  };
  var PROOF_TIMEOUT = 1;
  var HEARD_TIMEOUT = 3;
  var PING_INTERVAL = 1;
  var upload = (link, roundTrip) => {
    const { pump } = link;
    const controller = new AbortController();
    let asked, usedSince, written, writer;
    const ping2 = () => {
      asked = now();
      ping(link, link.awaited = random(), false);
    };
    const end = () => {
      link.pump = pump;
      judgeUploads(now() - usedSince >= LASTING);
      if (!link.batched) rewind(link);
      link.batched = true;
      soon();
    };
    const body = new ReadableStream({ start: (one) => writer = one });
    ping2();
    writer.enqueue(joined([encodeHello(greet(link, "up")), link.control.pop()]));
    ask(link, "up", { body, controller }).then(end, end);
    link.pump = () => {
      const isHeard = !link.awaited;
      if (!usedSince && isHeard && !link.flights.size) {
        usedSince = now();
        rewind(link);
        written = link.cursor;
        link.batched = false;
      }
      const within = Math.max(usedSince ? HEARD_TIMEOUT : PROOF_TIMEOUT, 4 * roundTrip);
      const until = asked + (isHeard ? PING_INTERVAL : within);
      if (hasCome(until)) {
        if (!isHeard) return controller.abort();
        if (usedSince && (link.cursor !== written || now() - asked >= terms.silence)) {
          written = link.cursor;
          ping2();
        }
      }
      if (!usedSince) return isHeard || pump();
      for (let frames; (frames = due(link, maxBatch))[0]; ) {
        writer.enqueue(joined(frames));
      }
    };
  };
  var MARGIN = 0.15;
  var QUIET = 0.1;
  var CHECK_INTERVAL = 5;
  var STALL = 0.5;
  var least = Infinity;
  var quietSince;
  var checkedAt;
  var spoke = (now11) => {
    quietSince = now11;
  };
  var checkSoon = () => {
    checkedAt = -CHECK_INTERVAL;
  };
  var cameBack = (runner, now11) => {
    const took = now11 - runner.askedAt;
    if (!(took >= 0)) return;
    runner.trips = [...runner.trips, took].slice(-TRIPS);
    least = Math.min(least, took);
    runner.askedAt = Infinity;
  };
  var paceOf = ({ trips, askedAt }) => {
    return Math.max([...trips].sort((one, two) => one - two)[trips.length >> 1] ?? 0, decidedAt - askedAt);
  };
  var late = () => {
    return Math.max(STALL, 4 * least);
  };
  var isKnown = () => {
    return isMeasured(used) || decidedAt >= used.askedAt + late();
  };
  var compare = () => {
    const behind = worse();
    for (const one of order) {
      if (one === used || one.phase !== PROVEN || !isMeasured(one) || !isKnown()) continue;
      const isBetter = !behind.includes(one);
      const [slow, quick] = isBetter ? [one, used] : [used, one];
      const trip = paceOf(quick);
      const isSlower = paceOf(slow) > Math.max(trip * 3, trip + MARGIN) * (isBetter ? one.isSlow ?? 1 : 1);
      if (isSlower) Object.assign(slow, { isSlow: 2 / 3, trips: [], moment: decidedAt });
      if (isBetter !== isSlower) {
        if (isBetter) lookLater(0);
        return one;
      }
      for (const it of isBetter ? [one] : behind) drop(it, SLOWER, isBetter);
    }
  };
  var measure = (ahead) => {
    const now11 = decidedAt;
    let at = used.askedAt + late();
    if (at === Infinity) {
      const soon2 = quietSince + QUIET;
      if (!isMeasured(used)) {
        if (ahead.some((one) => one.phase === PROVEN)) at = now11;
        else if (isLooking || paceOf(used) > MARGIN) at = soon2;
      }
      if (quietSince > checkedAt) at = Math.min(at, Math.max(soon2, checkedAt + CHECK_INTERVAL));
    }
    for (const one of order) {
      if (one.phase !== PROVEN || one.askedAt < Infinity || (one === used ? at > now11 : isMeasured(one))) continue;
      if (one === used) checkedAt = now11;
      one.askedAt = now11;
      askForTrip(one);
    }
    if (at > now11) wakeAt(at);
  };
  var PATIENCE = 0.25;
  var SSE_PATIENCE = 0.1;
  var PROMOTION_INTERVAL = 30;
  var LAST_PROMOTION_INTERVAL = 600;
  var PROMOTION_TIMEOUT = 5;
  var FIRST_DELAY = 0.25;
  var LAST_DELAY = 5;
  var MAX_STRIKES = 2;
  var MAX_KNOWN_PATIENCE = 3;
  var LEAVING_PATIENCE = 3;
  var LEAVING_INTERVAL = 0.2;
  var LONGER = 1.5;
  var order = options.transports.map((way) => ({ way, phase: WAITING, strikes: 0 }));
  var used;
  var leaving;
  var isSuspect;
  var rounds = 0;
  var decidedAt;
  var isLooking;
  var first = order.find((one) => one.way === known.transport);
  var queue;
  var nextStart = 0;
  var promoteAt;
  var interval = PROMOTION_INTERVAL;
  var followedAt = -1;
  var lookAt = 0;
  var lookLater = (time) => {
    lookAt = time;
  };
  var promoteSoon = () => {
    interval = 1;
  };
  var queueFrom = (runner = order[0]) => {
    queue = [.../* @__PURE__ */ new Set([runner, ...order])];
  };
  var opened = (runner, now11) => {
    if (runner.phase === TRYING) move(runner, OPENED, runner.askedAt = now11);
  };
  var proven = (runner, now11) => {
    cameBack(runner, now11);
    if (runner.phase === OPENED) move(runner, PROVEN, now11);
  };
  var ended = (runner, now11, served, blameless) => {
    const { phase: phase2 } = runner;
    const lasted = blameless || hasLasted(runner, now11);
    runner.phase = FAILED;
    if (runner !== used) {
      if (phase2 === TRYING) hurry(now11);
      return;
    }
    used = first = null;
    promoteAt = 0;
    if (lasted) interval = PROMOTION_INTERVAL;
    runner.strikes = lasted ? 0 : runner.strikes + 1;
    served ||= lasted;
    queueFrom(runner);
    if (!served || runner.strikes >= MAX_STRIKES) queue.push(queue.shift());
    waitAgain();
    if (isExhausted()) {
      queue.sort((one, two) => one.strikes - two.strikes);
      waitAgain(Infinity);
    }
    nextStart = now11;
    if (served) rounds = 0;
    else pause(now11);
  };
  var hurry = (now11) => {
    nextStart = Math.min(nextStart, now11);
  };
  var waitAgain = (strikes = MAX_STRIKES) => {
    for (const one of order) if (one.phase === FAILED && one.strikes < strikes) one.phase = WAITING;
  };
  var leave = (now11) => {
    const runner = used;
    if (hasLasted(runner, now11)) runner.strikes = 0;
    setAside(false);
    rounds = 0;
    nextStart = followedAt = Math.max(now11, followedAt + LEAVING_INTERVAL);
    queueFrom(runner);
  };
  var setAside = (mayBeDead) => {
    leaving = used;
    leaving.phase = WAITING;
    used = first = null;
    isSuspect = mayBeDead;
  };
  var left = (now11) => {
    if (!leaving) return;
    leaving = null;
    hurry(Math.max(now11, followedAt));
    waitAgain();
  };
  var doubt = (now11) => {
    if (used) setAside(true);
    first = isLooking = null;
    promoteAt = lookAt = rounds = 0;
    interval = PROMOTION_INTERVAL;
    for (const one of order) {
      drop(one, OVER);
      one.strikes = 0;
      one.wasTried = false;
    }
    waitAgain();
    queueFrom();
    nextStart = now11 + patienceWith(leaving ?? order[0]);
  };
  var cleared = (now11) => {
    used = leaving;
    leaving = null;
    used.wasTried = true;
    used.askedAt = Infinity;
    move(used, PROVEN, now11);
  };
  var offered = (names) => {
    const rest = order.filter((one) => names.includes(one.way));
    const carrying = used ?? leaving;
    if (!rest[0] || carrying && !rest.includes(carrying)) return;
    for (const one of order) if (!rest.includes(one)) drop(one, NOT_OFFERED);
    order = rest;
  };
  var drop = (runner, why, isLate) => {
    if (runner.phase > WAITING) stop2(runner, why, isLate);
    runner.phase = FAILED;
  };
  var isTimed = (runner) => {
    return runner.phase > (works() && runner !== used ? WAITING : PROVEN);
  };
  var decide = (now11) => {
    decidedAt = now11;
    for (const one of order) {
      if (isTimed(one) && now11 - one.moment >= longest()) {
        const isBusy = one.phase === PROVEN && isMeasured(one);
        stop2(one, one.phase > PROVEN ? NO_RESPONSE : isBusy ? NOT_NEEDED : SLOWER, !isBusy);
        ended(one, now11);
      }
    }
    const best = works() ? compare() : order.find((one) => one.phase === PROVEN) ?? (used || leaving ? null : order.filter((one) => one.phase === OPENED).sort((one, two) => one.moment - two.moment)[0]);
    if (best && best !== used) {
      used = best;
      leaving = null;
      isLooking = false;
      spoke(now11);
      checkSoon();
      use(best);
    }
    if (works()) {
      const ahead = better(), behind = worse();
      if (first === used && !known.isDue) {
        for (const one of ahead) if (one.phase === WAITING) one.phase = FAILED;
      }
      first = null;
      if (isLooking) isLooking = behind.some((one) => one.phase !== FAILED);
      else {
        for (const one of behind) drop(one, NOT_NEEDED);
        if (behind[0] && now11 >= lookAt && isKnown() && paceOf(used) > MARGIN) {
          isLooking = true;
          lookAt = later();
          retry(behind.reverse());
        }
      }
      promoteAt = ahead[0] && ahead.every((one) => one.phase === FAILED) && (promoteAt || later());
      if (promoteAt && now11 >= promoteAt) {
        promoteAt = 0;
        retry(ahead);
      }
      if (promoteAt) wakeAt(promoteAt);
      measure(ahead);
    } else {
      isLooking = false;
      if (!leaving) promoteAt = 0;
    }
    const runner = next();
    if (runner && now11 >= nextStart) {
      move(runner, TRYING, now11);
      runner.wasTried = true;
      runner.trips = [];
      nextStart = now11 + patienceWith(runner);
      start(runner);
    }
    if (next()) wakeAt(nextStart);
    for (const one of order) {
      if (isTimed(one)) wakeAt(one.moment + longest());
    }
  };
  var later = () => {
    return decidedAt + interval * between(0.8, 1.2);
  };
  var retry = (some) => {
    interval = Math.min(interval * 2, LAST_PROMOTION_INTERVAL);
    used.trips = [];
    for (const one of some) one.phase = WAITING;
    queue = some;
    nextStart = decidedAt;
  };
  var isExhausted = () => {
    return order.every((one) => one.phase === FAILED);
  };
  var nextRound = (now11, after = 0) => {
    waitAgain(Infinity);
    queueFrom();
    pause(now11 + after);
  };
  var pause = (now11) => {
    nextStart = now11 + between(0, Math.min(FIRST_DELAY * 2 ** rounds++, LAST_DELAY));
  };
  var works = () => {
    return used?.phase === PROVEN;
  };
  var isSettled = () => {
    return works() && better().every((one) => one.phase === FAILED && one.wasTried);
  };
  var better = () => {
    return order.slice(0, order.indexOf(used));
  };
  var worse = () => {
    return order.slice(order.indexOf(used) + 1);
  };
  var patienceWith = (runner) => {
    return Math.max(
      options.patience[runner.way] ?? (runner.way === "sse" ? SSE_PATIENCE : PATIENCE),
      isLooking || leaving && !isSuspect ? LEAVING_PATIENCE : runner === first ? Math.min(LONGER * known.seconds, MAX_KNOWN_PATIENCE) : 0
    );
  };
  var longest = () => {
    return works() ? Math.min(options.openTimeout, PROMOTION_TIMEOUT) : options.openTimeout;
  };
  var next = () => {
    return queue.find((one) => one.phase === WAITING);
  };
  queueFrom(first);
  var began = Math.max(now(), rests[origin] ?? 0);
  var visitsUntil = known.visits ? began + VISITS : 0;
  var visit = () => {
    if (!options.transports.includes("poll")) return;
    visitsUntil = now() + Math.min(now() - began + VISITS, LAST_PROMOTION_INTERVAL);
    for (const link of links) if (link.heldSince) for (const one of link.requests) one.abort();
  };
  var stayAgain = () => {
    visitsUntil = 0;
  };
  var FIRST_RETRY = 0.1;
  var MAX_IN_FLIGHT = 8;
  var FEW_IN_FLIGHT = 2;
  var LONG = 0.02;
  var FIRST_PAUSE = 2e-3;
  var TOO_LARGE = 413;
  var BUSY = 4;
  var LEAST_WAIT = 1.5;
  var MOST_WAIT = 4;
  var batches = (link) => {
    const flights = link.flights = /* @__PURE__ */ new Set();
    let size = maxBatch;
    let roundTrip = now() - link.began;
    let notBefore = now() + FIRST_PAUSE;
    let count = 0, busy = 0, written = 0, failures = 0, wentBackTo = 0;
    let lastStart, failingSince;
    let failure2;
    link.pump = async () => {
      const most = roundTrip < LONG ? 1 : isMultiplexed() ? MAX_IN_FLIGHT : FEW_IN_FLIGHT;
      if (link.heldSince < lastStart && hasCome(lastStart + Math.min(LEAST_WAIT + 4 * roundTrip, MOST_WAIT))) visit();
      const from = flights.size > 1 ? lastStart + roundTrip / most : notBefore;
      if (failure2 || link.isJoining || flights.size >= most || !hasCome(from)) return;
      const frames = due(link, size);
      if (!frames[0]) return;
      soon();
      const flight = ++count;
      const end = link.cursor;
      const started = lastStart = now();
      flights.add(flight);
      if (end > written && ++busy === BUSY && link.way !== "poll" && mayUpload && isMultiplexed()) {
        upload(link, roundTrip);
      }
      written = Math.max(written, end);
      try {
        const response = await ask(link, "ack", { frames, within: LATE * terms.heartbeat });
        take({}, decodeAll(response));
        roundTrip += (roundTrip ? 0.25 : 1) * (now() - started - roundTrip);
        if (oldest >= end || oldest > wentBackTo) failures = 0;
      } catch (error) {
        if (isGone(error, now())) link.end(error);
        failure2 ??= error.isOther ? BLOCKED_TYPE : error;
      }
      link.heldSince = NaN;
      const [first2] = flights;
      flights.delete(flight);
      if (first2 === flight && oldest < (flights.size ? end : link.cursor)) {
        failure2 ??= NOT_ACKNOWLEDGED;
      }
      if (failure2 && !flights.size && !link.isDone) {
        const { heartbeat } = terms, isTooLarge = failure2.status === TOO_LARGE;
        rewind(link);
        if (isTooLarge && size === 1) fail();
        else if (failure2.message || oldest === wentBackTo) {
          if (isTooLarge || failures % 2) size = size > 2 * MAX_PART ? size / 2 : 1;
          if (isTooLarge) limitBatches(size);
          else {
            if (!failures) failingSince = now();
            if (now() - failingSince >= LATE * heartbeat) link.end(failure2);
            notBefore = now() + Math.max(
              between(0, Math.min(FIRST_RETRY * 2 ** failures++, heartbeat)),
              Math.min(failure2.after || 0, heartbeat)
            );
          }
          roundTrip = 0;
        }
        wentBackTo = oldest;
        failure2 = void 0;
      }
      soon();
    };
  };
  var SLOTS = 4;
  var slots = () => `byway ${origin} `;
  var takeSlot = async (link) => {
    const locks = globalThis.navigator?.locks;
    const waiting2 = new AbortController();
    const request = (index, options2) => new Promise((resolve) => {
      locks.request(slots() + index, options2, (lock) => {
        resolve();
        if (!lock || link.isDone) return;
        link.isHeld = true;
        soon();
        return new Promise((free) => link.stop = free);
      }).catch(() => resolve(link.isHeld = true));
    });
    link.isHeld = !locks || isMultiplexed();
    for (let index = SLOTS; index-- && !link.isHeld; ) await request(index, { ifAvailable: true });
    if (!link.isHeld) {
      link.requests.add(waiting2);
      request(Math.floor(between(0, SLOTS)), { signal: waiting2.signal }).then(() => link.requests.delete(waiting2));
      if (!page?.hidden) tabs?.postMessage(slots());
    }
  };
  var carry = async (link) => {
    await takeSlot(link);
    if (!link.isHeld || now() < visitsUntil) throw lost(NO_CONNECTION, { isNetwork: true });
    link.heldSince = now();
    const { body } = await ask(link, link.way, { isEndless: true, frames: write(link, MAX_PART) });
    const decode = link.way === "sse" ? eventDecoder() : frameDecoder();
    batches(link);
    await body.pipeTo(new WritableStream({ write: (bytes) => feed(link, decode(bytes)) }));
    link.end(lost(CUT, { isNetwork: true }));
  };
  var SOON = 0.25;
  var carry2 = async (link) => {
    let hasFailed = true;
    let isOther;
    let poll = 0;
    const mustVisit = () => link.isVisiting = !link.isHeld || now() < visitsUntil;
    await takeSlot(link);
    while (phase !== CLOSED) {
      if (mustVisit() && poll) {
        const began2 = now();
        const before2 = oldest;
        while (mustVisit() && // What has just been said may well be answered.
        !hasCome(began2 + (oldest > before2 ? SOON : VISIT_INTERVAL))) {
          await new Promise((resolve) => link.visit = resolve);
          if (link.isDone) return;
        }
        poll = 0;
        detach(link);
        join(link, true);
        choose(link);
      }
      const frames = poll++ && (hasFailed || isOther || link.flights?.size) ? [] : write(link, MAX_PART);
      try {
        link.heldSince = poll > 1 ? now() : NaN;
        const came = decodeAll(await ask(link, "poll", { poll, frames }));
        link.isJoining = true;
        feed(link, came);
        await new Promise(task);
        soon();
        link.isJoining = hasFailed = isOther = 0;
        link.isProven ||= link.isVisiting;
        link.flights || batches(link);
      } catch (error) {
        const isBlocked = error.isOther && !isOther;
        if (!isBlocked && (hasFailed || !error.isNetwork && !frames[0])) throw error;
        if (frames[0]) rewind(link);
        if (isBlocked) isOther = poll--;
        else hasFailed = true;
      }
    }
  };
  var trail = {};
  var failure = null;
  var note = ({ way, began: began2, isOpen, cause }) => {
    trail[way] = {
      verdict: cause === SLOWER ? "slow" : isOpen ? "cut" : cause.status ? "refused" : "failed",
      why: cause.message ?? say(cause),
      seconds: +(now() - began2).toFixed(3),
      status: cause.status,
      mark: cause.mark,
      after: cause.after,
      network: Boolean(cause.isNetwork)
    };
  };
  var forget = (way) => {
    delete trail[way];
  };
  var ends = () => Object.values(trail);
  var explain = (why) => {
    failure = why;
  };
  var blame = (code) => {
    const mine = globalThis.origin;
    if (wasAnswered || !mine || mine === origin) return say(code);
    const why = say(FOREIGN_ORIGIN, [mine, origin]);
    warned[origin] ||= [console.warn(why)];
    return why;
  };
  var transport = () => selected?.way ?? null;
  var report = () => ({
    url: http.replace("http", "ws"),
    // without a password, as people log it
    failure,
    transports: options.transports.map((one) => ({
      transport: one,
      ...one === transport() ? { verdict: "in use" } : trail[one] ?? { verdict: order.some(({ way }) => way === one) ? "not tried" : "not offered" }
    }))
  });
  var WRITE = 32 * KIB;
  var carry3 = async (link) => {
    if (!NativeWebSocket) throw lost(NO_WEBSOCKET);
    const greeting = greet(link);
    const socket2 = new NativeWebSocket(
      url,
      [SUBPROTOCOL, encodeToken(greeting)].concat(greeting.subprotocols ?? [])
    );
    socket2.binaryType = "arraybuffer";
    socket2.onclose = ({ code, reason }) => link.end(link.isOpen ? lost(WEBSOCKET_CLOSED, {}, `${code} ${reason}`) : lost(NOT_OPENED, {}, code));
    socket2.onmessage = ({ data }) => {
      try {
        feed(link, typeof data === "string" ? [[TEXT, utf8(data), data]] : decodeAll(data));
      } catch (error) {
        link.end(error);
      }
    };
    socket2.onopen = () => {
      if (socket2.protocol !== SUBPROTOCOL) return link.end(NO_BYWAY_THERE);
      ping(link, "", false);
      link.toldReceived = -1;
      link.pump = () => {
        for (let frames; (frames = due(link, WRITE))[0]; ) {
          socket2.send(!frames[1] && frames[0].words || joined(frames));
          flush(frames);
        }
      };
      soon();
    };
    link.stop = () => {
      socket2.onopen = null;
      socket2.close();
    };
  };
  var links = /* @__PURE__ */ new Set();
  var leaving2;
  var used2;
  var lastId = 0;
  var areOpen = () => [...links].some((one) => one.isOpen);
  var start = (runner) => {
    const link = runner.link = {
      runner,
      way: runner.way,
      began: now(),
      saidAt: now(),
      heardAt: now(),
      requests: /* @__PURE__ */ new Set(),
      progress: got + oldest,
      pump() {
      },
      // nothing can go up before the carrier has opened
      /** @param cause is an error, or a code */
      end(cause) {
        if (link.isDone) return;
        link.isDone = true;
        link.cause = cause;
        link.stop?.();
        for (const one of link.requests) one.abort();
        detach(link);
        soon();
      }
    };
    links.add(link);
    join(link, link.way !== "websocket");
    const carry4 = { websocket: carry3, poll: carry2 }[link.way] ?? carry;
    carry4(link).catch(link.end);
  };
  var join = (link, batched) => {
    link.id = ++lastId;
    attach(link, batched);
  };
  var use = ({ link, way }) => {
    forget(way);
    if (isSuspect) leaving2?.end(OVER);
    if (!used2) {
      open(terms.subprotocol);
      if (rounds) promoteSoon();
    }
    used2 = link;
    if (selected?.way !== way) moved(way);
    choose(link);
  };
  var stop2 = ({ link }, why, isLate) => {
    link.end(why);
    if (isLate || !used2) note(link);
    links.delete(link);
  };
  var askForTrip = ({ link }) => {
    ping(link, random());
  };
  var letGo = (link) => {
    leaving2 = link;
  };
  var feed = (link, frames) => {
    if (link.isDone || !frames[0]) return;
    if (!link.isOpen || frames[0][0] === OPEN) takeOpen(link, frames[0]);
    link.heardAt = now();
    take(link, frames);
    soon();
  };
  var takeOpen = (link, frame) => {
    const told = readOpen(frame);
    heard(true);
    if (!instance2) offered(told.transports);
    if (!isSame(told)) throw lost(OTHER_SERVER);
    acknowledge(told.received, told.room);
    limitParts(told.part);
    agree(told);
    link.isOpen = true;
  };
  var due = (link, size) => {
    let frames = write(link, size);
    if (!frames[0] && !isOver()) {
      const at = link.saidAt + (got > link.toldReceived ? terms.heartbeat : terms.silence);
      if (hasCome(at)) frames = write(link, size, true);
    }
    if (frames[0]) link.saidAt = now();
    return frames;
  };
  var isPaused;
  var life = new AbortController();
  var leavePage = () => life.abort();
  var wake = (isProof = false) => {
    for (const link of links) {
      if (!link.isOpen) continue;
      link.askedAt = now();
      ping(link, random(), isProof);
    }
    soon();
  };
  var moved2 = () => {
    if (used) {
      leaving2?.end(OVER);
      links.delete(leaving2);
      letGo(used2);
    }
    stayAgain();
    doubt(now());
    wake(true);
  };
  var hide = () => {
    isPaused = true;
    for (const link of links) link.end(HIDDEN);
  };
  var show = () => {
    isPaused = false;
    soon();
  };
  var leave2 = (code = 1001, reason = "") => {
    shut(code, reason);
    if (!used2 || isOver()) return;
    if (!used2.isDone) used2.pump();
    rewind(used2);
    const frames = write(used2, 60 * KIB);
    ask(used2, "ack", { frames, keepalive: true }).catch(() => {
    });
  };
  var on = (target, type, act) => target?.addEventListener?.(type, act, life);
  on(tabs, "message", ({ data }) => {
    for (const link of links) {
      if (data !== slots() || !link.isHeld || !link.stop || !page?.hidden) continue;
      if (link.way === "poll") {
        link.stop();
        takeSlot(link);
      } else {
        link.isLeaving = true;
        link.end(OVER);
      }
    }
    soon();
  });
  on(globalThis, "online", moved2);
  on(page, "resume", () => wake());
  on(page, "visibilitychange", () => {
    if (page.hidden) return;
    for (const link of links) {
      if (link.isHeld === false) tabs?.postMessage(slots());
    }
    wake();
  });
  on(globalThis, "pagehide", ({ persisted }) => persisted ? hide() : leave2());
  on(globalThis, "pageshow", show);
  var readyState = 0;
  var protocol = "";
  var binaryType = "blob";
  var plain;
  var isBare;
  var early = [];
  var later2 = (run) => early.push(run);
  var dispatch = (event) => socket.dispatchEvent(event);
  var choose2 = (type) => binaryType = type;
  var closing = (withNothing) => {
    readyState = 2;
    isBare = withNothing;
  };
  var open = (name = "") => {
    task(() => {
      if (readyState) return;
      if (plain || !subprotocols[0] || subprotocols.includes(name)) {
        protocol = name;
        readyState = 1;
        dispatch(new Event("open"));
      } else {
        leave2(1002, "no subprotocol");
        fail2(say(NO_SUBPROTOCOL));
      }
    });
    later2 = task;
    early.splice(0).forEach(task);
  };
  var moved = (detail) => {
    task(() => {
      if (readyState === 1) dispatch(new CustomEvent("transport", { detail }));
    });
  };
  var receive = (data, cost2) => {
    later2(() => {
      dispatched(cost2);
      if (space() < cost2 * 2 || queued < cost2) soon();
      if (typeof data !== "string") data = binaryType === "blob" ? new Blob([data]) : data.buffer ?? data;
      if (readyState === 1) dispatch(new MessageEvent("message", { data, origin: pageOrigin }));
    });
  };
  var over = (wasClean) => {
    const { code, reason } = ending;
    const isEcho = isBare && code === 1e3 && !reason;
    ended2(wasClean ? { wasClean, code: isEcho ? 1005 : code, reason } : {});
  };
  var ended2 = ({ wasClean = false, code = 1006, reason = "" }) => {
    const details = { wasClean, code, reason };
    task(() => {
      if (readyState === 3) return;
      readyState = 3;
      if (!wasClean) dispatch(new Event("error"));
      dispatch(globalThis.CloseEvent ? new CloseEvent("close", details) : Object.assign(new Event("close"), details));
    });
  };
  var goOn = (webSocket) => {
    plain = webSocket;
    plain.binaryType = "arraybuffer";
    plain.onopen = () => open(plain.protocol);
    plain.onmessage = ({ data }) => receive(data, 0);
    plain.onclose = ended2;
    if (plain.readyState) plain.onopen();
  };
  var got = 0;
  var cost = 0;
  var queued = 0;
  var pieces = [];
  var coming = 0;
  var accept = (kind, payload, words) => {
    badIf(peerClosed);
    if (kind === CLOSE) {
      takeClose(number(payload, 0, 2), fromUtf8(payload.subarray(2)));
      got++;
      cost += INBOX;
      return;
    }
    badIf(!coming && queued >= INBOX);
    const all = phase ? [] : [...pieces, payload];
    let data = kind !== PART && joined(all);
    if (kind === TEXT) data = all[1] ? fromUtf8(data) : words ?? fromUtf8(data);
    got++;
    coming += payload.length;
    if (coming > options.maxMessage) shut(1009, "message is too long");
    pieces = all;
    if (kind === PART) return;
    const weight = coming + OVERHEAD;
    pieces = [];
    cost += weight;
    coming = 0;
    if (phase) return;
    queued += weight;
    receive(data, weight);
  };
  var dispatched = (weight) => {
    queued -= weight;
  };
  var space = () => Math.max(INBOX - queued, 0);
  var limit2;
  var beat2 = known.heartbeat;
  var before;
  var learn = (silence, heartbeat) => {
    if (silence >= 1.2 * heartbeat) silence = heartbeat;
    const shortest = Math.min(silence, before);
    const needed = Math.max(1, shortest / 2);
    const isNew = silence >= 1 && shortest >= 0.8 * Math.max(silence, before) && !(needed >= beat2);
    before = silence;
    if (isNew) {
      beat2 = needed;
      limit2 = shortest;
      before = void 0;
    }
    return isNew;
  };
  var GRACE = 3;
  var VISIT_PATIENCE = 15;
  var fail2 = (why) => {
    explain(why);
    fail();
    soon();
  };
  var watch = (link, time) => {
    if (link.oldest !== oldest || oldest >= link.cursor || link.batched) {
      Object.assign(link, { oldest, movedAt: time });
    }
    const until = Math.min(
      link.movedAt + LATE * terms.heartbeat,
      link.askedAt >= link.heardAt ? link.askedAt + GRACE : link.heardAt + Math.max(LATE * terms.heartbeat, link.isVisiting ? VISIT_PATIENCE : 0)
    );
    if (time >= until) link.end(NO_RESPONSE);
    else wakeAt(until);
  };
  var takeIn = (link, time) => {
    const { runner } = link;
    if (link !== leaving2) {
      if (link.isOpen && runner.phase === TRYING) {
        link.openedIn = time - link.began;
        opened(runner, time);
        askForTrip(runner);
      }
      if (link.isProven) proven(runner, time);
      if (link.isVisiting) runner.askedAt = time - VISIT_INTERVAL;
      if (link.isDone) takeEnd(link, time);
    } else if (link.isDone) {
      letGo();
      left(time);
    } else if (isSuspect && leaving && link.isProven) {
      letGo();
      if (runner.link !== link) stop2(runner, NOT_NEEDED);
      runner.link = link;
      cleared(time);
    }
    if (link.isDone) links.delete(link);
  };
  var takeEnd = (link, time) => {
    if (isOver()) return;
    const { cause, isOpen, runner } = link;
    const isAnnounced = link.isLeaving && used2;
    if (!isAnnounced) note(link);
    const isRefused = cause.mark === "refused";
    if (isRefused && !used2) return fail2(say(REFUSED, cause.status));
    if (used2 && !areOpen() && (isRefused || isGone(cause, time))) {
      rests[origin] = time + Math.min(cause.after ?? 0, LAST_PROMOTION_INTERVAL);
      if (phase === LIVE) fail();
      else settle();
      return;
    }
    const wasServed = isOpen && (time - link.began >= terms.heartbeat || got + oldest > link.progress);
    const isBlameless = isPaused || isAnnounced || isOpen && !cause.status && !(link.askedAt >= link.heardAt) && learn(time - link.heardAt, Math.min(terms.heartbeat, beat2 ?? Infinity));
    askForBeat(beat2);
    ended(runner, time, wasServed, isBlameless);
  };
  var isThere;
  var hasOtherKey;
  var giveUp = (why) => {
    remember(place);
    fail2(why);
  };
  var tryAgain = (time, left2) => {
    const found = ends();
    let wait = Math.min(...found.map(({ after = Infinity }) => after));
    if (!used2 && found.some(({ status }) => status === GONE)) {
      if (hasOtherKey) wait = Infinity;
      hasOtherKey = true;
      renewKey();
    }
    if (used2 || wait < left2 || found.some(({ network }) => network) && (isThere ?? !(wasAnswered || rounds))) {
      nextRound(time, wait < left2 ? wait : used2 && wait < Infinity ? left2 : 0);
    } else if (wait < Infinity) giveUp(say(COME_BACK_LATER));
    else if (isThere === void 0) knock();
    else if (isThere !== null) giveUp(isThere ? blame(NOTHING_PASSES) : say(NO_SERVER));
  };
  var runOut = () => {
    for (const link of links) {
      link.end(NO_RESPONSE);
      note(link);
    }
    giveUp((ends().some(({ network }) => network) ? blame : say)(NOTHING_PASSES));
  };
  var knock = async () => {
    isThere = null;
    if (!wasMarked && options.plain && order.some((one) => one.way === "websocket")) {
      await new Promise((resolve) => {
        const socket2 = new NativeWebSocket(url, subprotocols);
        socket2.onclose = resolve;
        socket2.onopen = () => {
          if (isStopped) return socket2.close();
          explain(blame(NO_BYWAY));
          finish();
          goOn(socket2);
        };
      }).catch(() => {
      });
    }
    isThere = wasAnswered || await fetch(http, {
      headers: { accept: "application/byway" },
      mode: "no-cors",
      cache: "no-store",
      signal: AbortSignal.timeout(5e3)
      // also of a body without an end
    }).catch(() => false);
    soon();
  };
  var LAST_WORDS = 2;
  var SLEPT = 5;
  var lastStep = Date.now() / 1e3;
  var alone = Infinity;
  var phaseSeen;
  var endAt;
  var said = 1;
  var spokeAt = -Infinity;
  var noted;
  var step = () => {
    awake();
    if (isStopped) return;
    const time = now();
    const date = Date.now() / 1e3;
    if (date - lastStep > terms.heartbeat + SLEPT) wake();
    lastStep = date;
    wakeAt(time + terms.heartbeat);
    for (const link of links) {
      if (link.isOpen) watch(link, time);
      takeIn(link, time);
    }
    if (used && used2.isLeaving) {
      if (leaving2) leaving2.end(OVER);
      else {
        letGo(used2);
        leave(time);
      }
    }
    const frames = got + highest() + 1;
    if (said !== frames) spokeAt = time;
    if (said !== frames || !isEmpty() && time < spokeAt + 1) {
      spoke(time);
      if (phase) checkSoon();
    }
    said = frames;
    if (!isPaused && phase !== LOST) negotiate(time);
    for (const link of links) {
      link.pump();
      link.visit?.();
    }
    lookForEnd(time);
  };
  var negotiate = (time) => {
    if (!hasCome(began)) return;
    const isExhausted2 = isExhausted();
    const left2 = used2 ? LAST_DELAY : began + options.openTimeout - time;
    if (isExhausted2 && phase === CLOSED && !leaving2) return settle();
    if (isExhausted2 && left2 > 0) tryAgain(time, left2);
    decide(time);
    if (used2) noteWhatWorks(time);
    else if (left2 > 0) wakeAt(time + left2);
    else runOut();
  };
  var noteWhatWorks = (time) => {
    if (!works()) return;
    if (terms.promote) {
      terms.promote = false;
      for (const one of better()) if (one.way === "websocket" && one.phase === FAILED) one.phase = WAITING;
      hurry(time);
      soon();
    }
    const { way, openedIn: seconds } = used2;
    const isHeartbeatSure = !limit2 || time - used2.began > 2 * limit2;
    const heartbeat = isHeartbeatSure ? beat2 : void 0;
    const isVisiting = visitsUntil > time;
    const news = `${[way, isSettled(), heartbeat, isVisiting]}`;
    if (noted === (noted = news)) return;
    const before2 = recall(place);
    const since = before2.transport === way && !isSettled() ? before2.since : Date.now() / 1e3;
    remember(place, { transport: way, seconds, heartbeat, since, visits: isVisiting });
  };
  var lookForEnd = (time) => {
    alone = !used2 || isPaused || areOpen() ? Infinity : Math.min(alone, time);
    if (hasCome(alone + terms.window)) fail();
    if (phase === LIVE) return;
    if (phaseSeen !== phase) endAt = time + (phase === CLOSED ? LAST_WORDS : options.closeTimeout);
    const link = selected;
    phaseSeen = phase;
    if (hasCome(endAt)) fail();
    if (phase === CLOSING) return;
    over(phase === CLOSED);
    const isBusy = phase === CLOSED && link && (kept[0] || isPending(link) || link.flights?.size);
    if (!isBusy) finish();
  };
  var finish = () => {
    stop();
    leavePage();
    for (const link of links) link.end(OVER);
  };
  soon();
  var MAX_REASON = 123;
  var given = 0;
  var waiting = [];
  var send = (data) => {
    const kind = {}.toString.call(data);
    let bytes = data, words;
    if (/ ArrayBuffer]/.test(kind) || ArrayBuffer.isView(data)) {
      bytes = new Uint8Array(data.buffer ?? data, data.byteOffset, data.byteLength).slice();
    } else if (!/ (Blob|File)]/.test(kind)) {
      bytes = utf8(`${data}`);
      words = fromUtf8(bytes);
    }
    if (!readyState) refuse(NOT_OPEN_YET, "", "InvalidStateError");
    if (plain && readyState === 1) return plain.send(data);
    given += bytes.size ?? bytes.byteLength;
    if (readyState === 1) enqueue([typeof words === "string" ? TEXT : BINARY, bytes, words]);
  };
  var close = (...given2) => {
    let [code, reason = ""] = given2;
    if (code !== void 0 && !/^(1000|[34]...)$/.test(code = Math.round(code))) {
      refuse(WRONG_CODE, code, "InvalidAccessError");
    }
    const bytes = utf8(`${reason}`);
    reason = fromUtf8(bytes);
    if (bytes.length > MAX_REASON) refuse(LONG_REASON);
    plain?.close(...given2);
    if (readyState > 1) return;
    if (readyState) enqueue([CLOSE, code ?? 1e3, reason]);
    else fail2(say(CLOSED_EARLY));
    closing(!(code || reason));
  };
  var enqueue = (message) => {
    if (waiting.push(message) === 1) flush2();
  };
  var flush2 = async () => {
    for (let [kind, bytes, words] of waiting) {
      try {
        if (bytes.arrayBuffer) bytes = new Uint8Array(await bytes.arrayBuffer());
        if (phase !== LIVE) break;
        if (kind === CLOSE) shut(bytes, words);
        else post(kind, bytes, words);
      } catch {
        fail();
      }
    }
    waiting.length = 0;
    soon();
  };
  var channel_default = {
    close,
    send,
    choose: choose2,
    report: (transport2) => ({ ...report(), transport: transport2, plain: Boolean(plain) }),
    look: () => [
      plain && readyState % 3 ? "websocket" : transport(),
      url,
      readyState,
      given - flushed + (plain?.bufferedAmount ?? 0),
      plain?.extensions ?? "",
      protocol,
      binaryType
    ]
  };
  return channel_default;
}

// browser/src/BywaySocket.js
function standIn(url) {
  return Reflect.construct(BywaySocket, [...arguments].slice(0, 2), new.target);
}
var putInPlace = (options) => {
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
var BywaySocket = class extends EventTarget {
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
    for (const type of ["open", "message", "error", "close", "transport"]) {
      const name = `on${type}`;
      Object.defineProperty(prototype, name, Object.getOwnPropertyDescriptor({
        get [name]() {
          return this.#handlers[type]?.value || null;
        },
        set [name](value) {
          const run = this.#handlers[type] ??= (event) => typeof run.value === "function" && run.value.call(this, event);
          run.value = Object(value) === value ? value : null;
          this.addEventListener(type, run);
          if (!run.value) this.removeEventListener(type, run);
        }
      }, name));
    }
    Object.getOwnPropertyNames(prototype).forEach((name) => Object.defineProperty(prototype, name, { enumerable: !/constr|report|transp/.test(name) }));
    ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].forEach((name, value) => {
      for (const one of [this, prototype, standIn]) Object.defineProperty(one, name, { value, enumerable: true });
    });
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
    Object.defineProperties(standIn, { name: { value: "WebSocket" }, prototype: { value: prototype } });
    Object.setPrototypeOf(standIn, EventTarget);
  }
};

// browser/src/byway.js
var byway_default = BywaySocket;
if (/[?&]install\b/.test(import.meta.url)) BywaySocket.install();
export {
  BywaySocket,
  byway_default as default
};
