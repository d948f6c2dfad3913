// Phoenix's client with the fallback as a new Phoenix application switches it on.
"use strict";

const { Socket } = require("phoenix");
const WebSocket = require("ws"); // Node has had one of its own since 22 only
const { serve } = require("./worker.js");

// What a tab's sessionStorage is in a browser; the client notes there which transport to begin with.
function storage(memory) {
  return {
    getItem: (name) => memory[name] ?? null,
    setItem: (name, value) => {
      memory[name] = value;
    },
    removeItem: (name) => {
      delete memory[name];
    },
  };
}

serve((url, { text, echo, memory }) => {
  const socket = new Socket(url.replace("http", "ws") + "/socket", {
    transport: WebSocket,
    longPollFallbackMs: 2500,
    sessionStorage: storage(memory),
  });
  socket.connect();
  const channel = socket.channel("room:echo");
  channel.join();
  channel.push("echo", { text }).receive("ok", echo); // it is kept until the channel is joined
  return () => socket.disconnect();
});
