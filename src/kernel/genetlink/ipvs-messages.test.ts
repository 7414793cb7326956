/**
 * Bytes by hand, from the numbers of include/uapi/linux/ip_vs.h and genetlink.h and the structures of ipvsadm's requests:
 * what `ipvsadm` would send. Hosts of little-endian order.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeError } from "#base/codec/codec.ts";
import { parseAddress } from "#base/ip-address.ts";
import { recordingSocket } from "../testing/recording-socket.ts";
import { findGenericFamily } from "./generic-netlink.ts";
import {
  decodeIpvsDestination,
  decodeIpvsService,
  encodeIpvs,
  type IpvsMessage,
  type IpvsService,
} from "./ipvs-messages.ts";

const service4: IpvsService = {
  family: 4,
  protocol: "TCP",
  address: parseAddress("10.96.0.1"),
  port: 80,
  scheduler: "rr",
};
const service6: IpvsService = {
  family: 6,
  protocol: "UDP",
  address: parseAddress("fd00::1"),
  port: 53,
  scheduler: "rr",
  persistenceSeconds: 3600,
};
const key4 = { family: 4, protocol: "TCP", address: service4.address, port: 80 } as const;
const destination = { address: parseAddress("10.1.0.5"), port: 8080, weight: 1 };

const AF4 = "06000100 02000000";
const TCP = "06000200 06000000";
const ADDRESS4 = "14000300 0a600001 00000000 00000000 00000000";
const PORT80 = "06000400 00500000";
const KEY4 = `${AF4} ${TCP} ${ADDRESS4} ${PORT80}`;
const RR = "07000600 72720000";

const golden: readonly { readonly command: string; readonly message: IpvsMessage; readonly hex: string }[] = [
  {
    command: "ipvsadm -A -t 10.96.0.1:80 -s rr",
    message: { command: "new service", service: service4 },
    hex: `01010000 54000180 ${KEY4} ${RR} 0c000700 00000000 ffffffff 08000800 00000000 08000900 ffffffff`,
  },
  {
    command: "ipvsadm -E -u [fd00::1]:53 -s rr -p 3600",
    message: { command: "set service", service: service6 },
    hex:
      "02010000 54000180 06000100 0a000000 06000200 11000000 14000300 fd000000 00000000 00000000 00000001 06000400 00350000 " +
      `${RR} 0c000700 01000000 ffffffff 08000800 100e0000 08000900 80000000`,
  },
  {
    command: "ipvsadm -D -t 10.96.0.1:80",
    message: { command: "delete service", service: key4 },
    hex: `03010000 30000180 ${KEY4}`,
  },
  {
    command: "ipvsadm -a -t 10.96.0.1:80 -r 10.1.0.5:8080 -m -w 1",
    message: { command: "new destination", service: key4, destination },
    hex:
      `05010000 30000180 ${KEY4} 48000280 14000100 0a010005 00000000 00000000 00000000 06000200 1f900000 ` +
      "08000300 00000000 08000400 01000000 08000500 00000000 08000600 00000000 06000b00 02000000",
  },
  { command: "ipvsadm -L", message: { command: "get service" }, hex: "04010000" },
];

const hexOf = (text: string): string => text.replaceAll(" ", "");

for (const { command, message, hex } of golden) {
  test(`encodeIpvs gives the bytes of ${command}`, () => assert.equal(encodeIpvs(message).toString("hex"), hexOf(hex)));
}

test("decodeIpvsService reads what the kernel answers", () => {
  const HASHED = "0c000700 03000000 ffffffff";
  const answer = `01010000 60000180 ${KEY4} ${RR} ${HASHED} 08000800 3c000000 08000900 ffffffff 0c000a80 08000100 00000000`;
  assert.deepEqual(decodeIpvsService(Buffer.from(hexOf(answer), "hex")), { ...service4, persistenceSeconds: 60 });
  for (const service of [service4, service6])
    assert.deepEqual(decodeIpvsService(encodeIpvs({ command: "new service", service })), service);
  const byMark = "01010000 1c000180 06000100 02000000 08000500 07000000 07000600 72720000";
  assert.equal(decodeIpvsService(Buffer.from(hexOf(byMark), "hex")), undefined);
});

test("decodeIpvsDestination reads weight and connections, and leaves other ways of forwarding out", () => {
  const answer = (forwarding: string) =>
    Buffer.from(
      hexOf(
        `05010000 40000280 14000100 0a010005 00000000 00000000 00000000 06000200 1f900000 08000300 ${forwarding} ` +
          "08000400 00000000 08000700 02000000 08000800 03000000",
      ),
      "hex",
    );
  assert.deepEqual(decodeIpvsDestination(answer("00000000"), 4), { ...destination, weight: 0, connections: 5 });
  assert.equal(decodeIpvsDestination(answer("03000000"), 4), undefined);
});

test("findGenericFamily asks the controller by name, and takes the family's id", () => {
  const payload = Buffer.from(hexOf("01020000 06000100 25000000 09000200 49505653 00000000"), "hex");
  const socket = recordingSocket([{ type: 0x10, flags: 0, sequence: 1, portId: 0, payload }]);
  assert.equal(findGenericFamily(socket, "IPVS"), 0x25);
  assert.equal(socket.requests[0]?.type, 0x10);
  assert.equal(socket.requests[0]?.payload.toString("hex"), hexOf("03020000 09000200 49505653 00000000"));
  assert.equal(findGenericFamily(recordingSocket(), "IPVS"), undefined);
});

test("decoders refuse what they cannot read with a DecodeError, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const read of [decodeIpvsService, (payload: Buffer) => decodeIpvsDestination(payload, 4)]) {
        try {
          read(Buffer.concat([Buffer.from([1, 1, 0, 0, 0x54, 0, 1, 0x80]), bytes]));
          read(Buffer.from(bytes));
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
        }
      }
    }),
  );
});
