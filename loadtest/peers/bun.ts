// Bun's native publish/subscribe topics. Usage: bun bun.ts PORT
const topic = "session";

const server = Bun.serve<{ publisher: boolean }>({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    const publisher = new URL(request.url).pathname === "/publish";
    return server.upgrade(request, { data: { publisher } }) ? undefined : new Response("bun is running");
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, message) {
      if (socket.data.publisher) {
        server.publish(topic, message);
        return;
      }
      const said = JSON.parse(message as string);
      if (said.type === "SUBSCRIBE") socket.subscribe(topic);
      if (said.messageId) socket.send(JSON.stringify({ type: "ACK", messageId: said.messageId, status: "ok" }));
    },
  },
});

console.log(`bun ${Bun.version} is running on ${server.url}`);
