// The sockjs project's own server, on the port that is given; it sends back what it gets.
"use strict";

const http = require("node:http");
const sockjs = require("sockjs");

const echo = sockjs.createServer({ log: () => {} });
echo.on("connection", (connection) => {
  connection.on("data", (text) => connection.write(text));
});
const server = http.createServer();
echo.installHandlers(server, { prefix: "/echo" });
server.listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
