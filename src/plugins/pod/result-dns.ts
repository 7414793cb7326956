/** The network's own `dns`, which takes the place of what IPAM gave when it says anything. */
import { fields, list, optional, readFields, text } from "#cni/config.ts";
import type { PluginRequest } from "#cni/plugin.ts";
import type { CniResult } from "#cni/result.ts";

const dnsFields = fields({
  dns: fields({
    nameservers: optional(list(text), []),
    domain: optional(text, ""),
    search: optional(list(text), []),
    options: optional(list(text), []),
  }),
});

export function configuredDns({ config }: Pick<PluginRequest, "config">): Pick<CniResult, "dns"> {
  const { dns } = readFields(dnsFields, config.json);
  const { nameservers, domain, search, options } = dns;
  const isSet = domain !== "" || [nameservers, search, options].some((values) => values.length > 0);
  return isSet ? { dns: { nameservers, search, options, ...(domain !== "" && { domain }) } } : {};
}
