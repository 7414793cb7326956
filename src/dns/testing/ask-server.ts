/**
 * A resolver as a program, for tests in network namespaces: `node ask-server.ts SERVER NAME` asks for A and AAAA at the
 * same time from one port and prints both codes and the addresses; with a number behind it, sends so many questions and
 * waits for no answer; with "tcp", asks for A over TCP.
 */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { decode, encode } from "dns-packet";
import { rcodeName } from "../server/dns-counters.ts";

const [server = "", name = "", flood = "0"] = process.argv.slice(2);
const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
const question = (id: number, type: "A" | "AAAA"): Buffer =>
  encode({ type: "query", id, flags: 0x100, questions: [{ name, type }] });

if (flood === "tcp") {
  const bytes = question(1, "A");
  const connection = connect(53, server);
  connection.write(Buffer.concat([Buffer.from([0, bytes.length]), bytes]));
  connection.once("data", (answer) => {
    process.stdout.write(`${rcodeName(answer.readUInt16BE(4) & 0xf)}\n`);
    connection.destroy();
  });
  socket.close();
} else if (Number(flood) > 0) {
  const bytes = question(1, "A");
  let left = Number(flood);
  const next = (): void => {
    if (left-- > 0) socket.send(bytes, 53, server, next);
    else socket.close();
  };
  next();
} else {
  const answers: string[] = [];
  socket.on("message", (bytes) => {
    const data = (decode(bytes).answers ?? []).map((each) => ("data" in each ? String(each.data) : ""));
    answers.push([rcodeName(bytes.readUInt16BE(2) & 0xf), ...data].join(" "));
    if (answers.length < 2) return;
    process.stdout.write(`${answers.toSorted().join(", ")}\n`);
    socket.close();
  });
  socket.send(question(1, "A"), 53, server);
  socket.send(question(2, "AAAA"), 53, server);
}
