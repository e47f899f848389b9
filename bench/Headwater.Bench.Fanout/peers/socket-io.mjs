// Socket.IO: every connection is in the one room that all are in, and a message is emitted to it.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", part => parts.push(part));
  request.on("end", () => {
    io.emit("message", JSON.parse(Buffer.concat(parts).toString()));
    response.writeHead(202).end();
  });
});
const io = new Server(server, { transports: ["websocket"], pingInterval: 3_600_000, serveClient: false });
server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
