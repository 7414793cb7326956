/** `node grpc-health-service.ts ADDRESS:PORT`: a gRPC server that is as healthy as its input says, a word a line. */
import { createInterface } from "node:readline";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { encodeMessage, enumeration, field, message } from "#base/protobuf.ts";

const response = message("HealthCheckResponse", {
  status: field(1, enumeration("ServingStatus", ["UNKNOWN", "SERVING", "NOT_SERVING"])),
});
type Health = "UNKNOWN" | "SERVING" | "NOT_SERVING";

let health: Health = "SERVING";
const server = new Server();
server.addService(
  {
    check: {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes: Buffer) => bytes,
      requestDeserialize: (bytes: Buffer) => bytes,
      responseSerialize: (status: Health) => encodeMessage(response, { status }),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  },
  { check: (_call: unknown, done: (error: null, answer: Health) => void) => done(null, health) },
);
server.bindAsync(process.argv[2] ?? "", ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  process.stdout.write(`${health}\n`);
});
createInterface(process.stdin).on("line", (line) => {
  if (line === "SERVING" || line === "NOT_SERVING") health = line;
});
