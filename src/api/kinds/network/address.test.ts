import assert from "node:assert/strict";
import { test } from "node:test";
import type { Check } from "../../schema/schema.ts";
import {
  checkAddress,
  checkCidr,
  checkEndpointAddress,
  checkFullyQualifiedDomainName,
  checkIpv4Address,
  checkIpv6Address,
} from "./address.ts";

const ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
const LINK_LOCAL = "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
const MULTICAST = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";

const cases: readonly (readonly [Check<string>, string, readonly string[]])[] = [
  [checkAddress, "10.0.0.1", []],
  [checkAddress, "2001:db8::1", []],
  [checkAddress, "10.0.0", [ADDRESS]],
  [checkAddress, "web", [ADDRESS]],
  [checkAddress, "", [ADDRESS]],
  [checkCidr, "10.0.0.0/8", []],
  [checkCidr, "2001:db8::/32", []],
  [checkCidr, "10.0.0.0", [CIDR]],
  [checkCidr, "10.0.0.0/33", [CIDR]],
  [checkIpv4Address, "10.0.0.1", []],
  [checkIpv4Address, "2001:db8::1", ["must be a valid IPv4 address"]],
  [checkIpv6Address, "2001:db8::1", []],
  [checkIpv6Address, "10.0.0.1", ["must be a valid IPv6 address"]],
  [checkEndpointAddress, "10.0.0.1", []],
  [checkEndpointAddress, "0.0.0.0", ["may not be unspecified (0.0.0.0)"]],
  [checkEndpointAddress, "::", ["may not be unspecified (::)"]],
  [checkEndpointAddress, "127.0.0.53", [LOOPBACK]],
  [checkEndpointAddress, "::1", [LOOPBACK]],
  [checkEndpointAddress, "169.254.169.254", [LINK_LOCAL]],
  [checkEndpointAddress, "fe80::1", [LINK_LOCAL]],
  [checkEndpointAddress, "224.0.0.5", [MULTICAST]],
  [checkEndpointAddress, "ff02::1", [MULTICAST]],
  [checkEndpointAddress, "web", ["must be a valid IP address"]],
  [checkFullyQualifiedDomainName, "www.example.com", []],
  [checkFullyQualifiedDomainName, "example.com", ["should be a domain with at least three segments separated by dots"]],
];

for (const [check, text, problems] of cases) {
  test(`${check.name} says what is wrong with ${JSON.stringify(text)}`, () => {
    assert.deepEqual(check(text), problems);
  });
}
