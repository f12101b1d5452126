// Socket.IO with a room, over its WebSocket transport. Usage: node socketio.mjs PORT
import { createServer } from "node:http";
import { Server } from "socket.io";

const room = "session";
const http = createServer((_, response) => response.end("socket.io is running"));
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });

io.on("connection", (socket) => {
  socket.on("publish", (message) => io.to(room).emit("m", message));
  socket.on("m", (said) => {
    if (said.type === "SUBSCRIBE") socket.join(room);
    if (said.messageId) socket.emit("m", { type: "ACK", messageId: said.messageId, status: "ok" });
  });
});

http.listen(Number(process.argv[2]), "127.0.0.1", () => console.log(`socket.io is running on ${process.argv[2]}`));
