/** What a node's kernel has of a frontend: the elements of Podwire's maps, or that they are not there. */

import { frontendKey } from "#dataplane/services/nftables/balance-chains.ts";
import { frontendBytes, indexedBytes, readBackend } from "#dataplane/services/nftables/elements.ts";
import {
  backendSets,
  SCOPES,
  type Scope,
  SERVICE_TABLE,
  verdictMap,
} from "#dataplane/services/nftables/service-table.ts";
import type { Netns } from "#kernel/netns/netns.ts";
import { findElement, findTable } from "#kernel/nfnetlink/nft-query.ts";
import { createNftSocket, type NftSocket } from "#kernel/nfnetlink/transaction.ts";
import type { Backend } from "#service/service-port.ts";
import { backendText } from "./judge-service-probe.ts";
import type { ServiceProbe } from "./plan-service-probes.ts";

const TABLE = `${SERVICE_TABLE.family} ${SERVICE_TABLE.table}`;
/** Elements that are shown. */
const SHOWN = 8;

export function programmedEvidence(netns: Netns, probe: ServiceProbe): readonly string[] {
  using nft = createNftSocket(netns);
  const { node, port, frontend } = probe;
  if (findTable(nft, SERVICE_TABLE) === undefined) return [`${node} has no table ${TABLE}`];
  const key = frontendKey(frontend);
  const bytes = frontendBytes(port, frontend);
  const map = verdictMap(key, port.family);
  const text = [frontend.address, port.protocol.toLowerCase(), frontend.port]
    .filter((part) => part !== undefined)
    .join(" . ");
  const element = findElement(nft, { ...SERVICE_TABLE, set: map }, bytes);
  if (element === undefined) return [`${node}: map ${map} of table ${TABLE} has no element ${text}`];
  const chain = element.data === undefined || element.data instanceof Uint8Array ? undefined : element.data.chain;
  // With session affinity the endpoints are in other maps, under marks.
  const scopes = port.affinityTimeoutSeconds === undefined ? SCOPES : [];
  return [
    `${node}: map ${map} of table ${TABLE} has ${text}${chain === undefined ? "" : `, which leads to chain ${chain}`}`,
    ...scopes.flatMap((scope) => endpointLines(nft, probe, scope, { bytes, text })),
  ];
}

function endpointLines(
  nft: NftSocket,
  { node, port, frontend }: ServiceProbe,
  scope: Scope,
  { bytes, text }: { readonly bytes: Buffer; readonly text: string },
): readonly string[] {
  const wanted = port[scope];
  const { endpoints: set } = backendSets(frontendKey(frontend), scope, port.family);
  const there: Backend[] = [];
  const lines: string[] = [];
  for (let index = 0; index < Math.max(wanted.length, 1); index += 1) {
    const data = findElement(nft, { ...SERVICE_TABLE, set }, indexedBytes(bytes, index))?.data;
    if (data === undefined) {
      // A list that is not used by this frontend has no elements at all.
      if (index === 0 && wanted.length > 0 && scope === "local") return [];
      if (wanted.length > 0) lines.push(`${node}: map ${set} has no element ${text} . ${index}`);
    } else if (data instanceof Uint8Array) there.push(readBackend(data));
  }
  const isWanted = (backend: Backend): boolean =>
    wanted.some(({ address, port: number }) => address === backend.address && number === backend.port);
  const wrong = there.filter((backend) => !isWanted(backend));
  return [
    ...lines.slice(0, SHOWN),
    ...wrong.slice(0, SHOWN).map((one) => `${node}: map ${set} leads ${text} to ${backendText(one)}, no endpoint`),
  ];
}
