/** Whose a reservation is: the content of its file. */
import type { Attachment } from "#cni/plugin.ts";

export type Owner = Omit<Attachment, "network">;

export function formatOwner({ containerId, ifname }: Owner): string {
  return `${containerId}\r\n${ifname}`;
}

/** Undefined for a file that names no interface: one of before 2018, or somebody's own. */
export function parseOwner(content: string): Owner | undefined {
  const [, containerId, ifname] = /^([^\r\n]+)\r\n([^\r\n]+)$/.exec(content) ?? [];
  return containerId === undefined || ifname === undefined ? undefined : { containerId, ifname };
}
