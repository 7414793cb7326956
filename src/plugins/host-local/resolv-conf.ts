/** Reads resolv.conf(5) into DNS settings. Unknown keywords and incomplete lines are skipped, as resolvers do. */
import type { CniDns } from "#cni/result.ts";

export function parseResolvConf(content: string): CniDns {
  const nameservers: string[] = [];
  const search: string[] = [];
  const options: string[] = [];
  let domain: string | undefined;
  for (const line of content.split("\n")) {
    const [keyword = "", ...values] = line.trim().split(/\s+/);
    const [value] = values;
    if (value === undefined) continue;
    if (keyword === "nameserver") nameservers.push(value);
    else if (keyword === "domain") domain = value;
    else if (keyword === "search") search.push(...values);
    else if (keyword === "options") options.push(...values);
  }
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== undefined && { domain }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
  };
}
