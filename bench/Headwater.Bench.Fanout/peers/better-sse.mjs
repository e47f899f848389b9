// better-sse: every session is registered with one channel, and a message is broadcast there.
import { createServer } from "node:http";
import { createChannel, createSession } from "better-sse";

const channel = createChannel();
createServer(async (request, response) => {
  if (request.method === "GET") {
    channel.register(await createSession(request, response));
    return;
  }
  const parts = [];
  request.on("data", part => parts.push(part));
  request.on("end", () => {
    channel.broadcast(JSON.parse(Buffer.concat(parts).toString()), "message");
    response.writeHead(202).end();
  });
}).listen(Number(process.argv[2]), "127.0.0.1", 4096);
