// The socket.io project's own server, on the port that is given; it sends back what it gets.
"use strict";

const { Server } = require("socket.io");

const server = require("node:http").createServer();
new Server(server).on("connection", (socket) => {
  socket.on("echo", (text) => socket.emit("echo", text));
});
server.listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
