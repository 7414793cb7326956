/**
 * Ports: numbers, names and protocols. Source: RFC 6335 section 5.1 (port names); the texts are those of
 * k8s.io/apimachinery's validation package.
 */
import { type Check, type IntOrStringSchema, int32Between, oneOf } from "../../schema/schema.ts";

const OUT_OF_RANGE = "must be between 1 and 65535, inclusive";

export const protocol = oneOf("SCTP", "TCP", "UDP");

export const portNumber = int32Between(1, 65535);

export const checkPortNumber: Check<number> = (port) => (port >= 1 && port <= 65535 ? [] : [OUT_OF_RANGE]);

export const checkPortName: Check<string> = (name) => [
  ...(name.length > 15 ? ["must be no more than 15 characters"] : []),
  ...(/^[-a-z0-9]+$/.test(name) ? [] : ["must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"]),
  ...(/[a-z]/.test(name) ? [] : ["must contain at least one letter (a-z)"]),
  ...(name.includes("--") ? ["must not contain consecutive hyphens"] : []),
  ...(name.startsWith("-") || name.endsWith("-") ? ["must not begin or end with a hyphen"] : []),
];

/** The number of a port, or the name that a container gives it. */
export const portNumberOrName: IntOrStringSchema = {
  type: "intOrString",
  check: (port) => (typeof port === "number" ? checkPortNumber(port) : checkPortName(port)),
};
