// Node's ws as its readme shows a broadcast, on channels by path.
import { WebSocketServer, WebSocket } from "ws";

const channels = new Map();
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });

server.on("connection", (socket, request) => {
  if (!channels.has(request.url)) channels.set(request.url, new Set());
  const channel = channels.get(request.url);
  channel.add(socket);
  socket.on("message", (data, isBinary) => {
    for (const client of channel) {
      if (client !== socket && client.readyState === WebSocket.OPEN) {
        client.send(data, { binary: isBinary });
      }
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => channel.delete(socket));
});

server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
