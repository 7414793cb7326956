/**
 * `node web-socket-exec.ts URL SUBPROTOCOLS INPUT`: exec at a kubelet as an API server, with the certificate of one.
 * Prints what came, as JSON: the subprotocol that was chosen, bytes by channel, the code of the end.
 */
import { readFileSync } from "node:fs";
import { WebSocket } from "ws";

const STDIN = 0;
const CLOSE = 255;
const [url = "", protocols = "", input = ""] = process.argv.slice(2);
const file = (name: string) => readFileSync(`/run/cluster/${name}`);
const client = new WebSocket(url, protocols.split(","), {
  ca: file("ca.crt"),
  cert: file("server.crt"),
  key: file("server.key"),
});
const channels: Record<number, string> = {};
client.on("open", () => {
  client.send(Buffer.concat([Buffer.of(STDIN), Buffer.from(input)]));
  if (client.protocol === "v5.channel.k8s.io") client.send(Buffer.of(CLOSE, STDIN));
});
client.on("message", (data: Buffer) => {
  const [channel = -1] = data;
  channels[channel] = (channels[channel] ?? "") + data.subarray(1).toString();
});
client.on("unexpected-response", (_request, response) => {
  process.stdout.write(JSON.stringify({ refused: response.statusCode }));
  process.exit();
});
client.on("close", (code) => process.stdout.write(JSON.stringify({ protocol: client.protocol, channels, code })));
