// sockjs-client with its defaults.
"use strict";

const SockJS = require("sockjs-client");
const { serve } = require("./worker.js");

serve((url, { text, echo, fail }) => {
  const socket = new SockJS(url + "/echo");
  socket.onopen = () => socket.send(text);
  socket.onmessage = echo;
  socket.onclose = (event) => fail(`${event.code} ${event.reason}`);
  return () => socket.close();
});
