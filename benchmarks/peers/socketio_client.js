// socket.io-client: its defaults, or with the argument "websocket" the WebSocket first.
"use strict";

const { io } = require("socket.io-client");
const { serve } = require("./worker.js");

const first = process.argv[2] === "websocket";
const options = first ? { transports: ["websocket", "polling"], tryAllTransports: true } : {};

serve((url, { text, echo }) => {
  const socket = io(url, { ...options, forceNew: true });
  socket.on("echo", echo);
  socket.emit("echo", text); // it is kept until the socket is connected
  return () => socket.disconnect();
});
