// The ws library, as its documentation broadcasts: one send a client. Usage: node ws.mjs PORT
import { createServer } from "node:http";
import { WebSocketServer, WebSocket } from "ws";

const http = createServer((_, response) => response.end("ws is running"));
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
const subscribed = new Set();

server.on("connection", (socket, request) => {
  const publisher = request.url === "/publish";
  socket.on("close", () => subscribed.delete(socket));
  socket.on("message", (data) => {
    if (publisher) {
      for (const client of subscribed) if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
      return;
    }
    const said = JSON.parse(data);
    if (said.type === "SUBSCRIBE") subscribed.add(socket);
    if (said.messageId) socket.send(JSON.stringify({ type: "ACK", messageId: said.messageId, status: "ok" }));
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`ws is running on ${process.argv[2]}`));
