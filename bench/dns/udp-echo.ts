/** What a name server of this process model could do at best: gives every datagram back. `node udp-echo.ts` */
import { createSocket } from "node:dgram";

const socket = createSocket({ type: "udp4", lookup: (host, _options, callback) => callback(null, host, 4) });
const ignore = (): void => undefined;
socket.on("message", (bytes, { port, address }) => socket.send(bytes, port, address, ignore));
socket.bind(0, "127.0.0.1", () => process.stdout.write(`ready ${socket.address().port}\n`));
