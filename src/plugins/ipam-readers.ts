/** Readers (config.ts) of what IPAM configurations hold and results repeat: routes and DNS settings. */
import { formatPrefix } from "#base/ip-address.ts";
import { ipAddress, ipPrefix } from "#cni/address-readers.ts";
import { fields, integer, list, optional, type Reader, text, unlessEmpty } from "#cni/config.ts";
import { omitEmpty } from "#cni/go-json.ts";
import type { CniDns, CniRoute } from "#cni/result.ts";

const number = optional(integer());
const routeFields = fields({
  dst: ipPrefix,
  gw: unlessEmpty(ipAddress),
  mtu: number,
  advmss: number,
  priority: number,
  table: number,
  scope: number,
});

/** A route; a zero MTU, MSS or priority is the same as none, table 0 and scope 0 are values. */
export const ipamRoute: Reader<CniRoute> = {
  read(value, path) {
    const { dst, mtu, advmss, priority, ...route } = routeFields.read(value, path);
    return omitEmpty({
      dst: formatPrefix(dst),
      gw: route.gw,
      mtu: mtu || undefined,
      advmss: advmss || undefined,
      priority: priority || undefined,
      table: route.table,
      scope: route.scope,
    });
  },
};

const texts = optional(list(text), []);
const dnsFields = fields({ nameservers: texts, domain: optional(text, ""), search: texts, options: texts });

/** DNS settings, `{}` when there are none. */
export const ipamDns: Reader<CniDns> = { read: (value, path) => omitEmpty(dnsFields.read(value, path)) };
