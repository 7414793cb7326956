/**
 * The annotation `network.podwire.io/receives`: by which back ends besides the announced one a node can be reached, and
 * its VTEPs then. Flannel's own annotations have no place for it. A node with nothing to add has no such annotation. Pure.
 */
import { isJsonObject, type JsonValue } from "#base/json.ts";
import { BACKENDS, FAMILIES, type PerFamily } from "#dataplane/contract.ts";
import {
  FlannelFormatError,
  formatBackendData,
  type NodeAnnouncement,
  parseBackendData,
  type Vtep,
} from "#dataplane/flannel-formats.ts";
import type { Announcement } from "./cluster-network.ts";

export const RECEIVES_ANNOTATION = "network.podwire.io/receives";

/** Undefined when Flannel's annotations say it all. */
export function formatReceives({ backend, receives, vteps = {} }: Announcement): string | undefined {
  const others = receives.filter((one) => one !== backend);
  if (others.length === 0) return undefined;
  const hidden = others.includes("vxlan") ? vteps : {};
  const data = FAMILIES.flatMap((family) => {
    const vtep = hidden[family];
    return vtep === undefined ? [] : [[family === 4 ? "vtep" : "vtepV6", JSON.parse(formatBackendData(vtep))] as const];
  });
  return JSON.stringify({ backends: others, ...Object.fromEntries(data) });
}

/** Flannel's announcement with what ours adds. Throws FlannelFormatError. */
export function addReceives(announced: NodeAnnouncement, text: string | undefined): Announcement {
  if (text === undefined || text === "") return { ...announced, receives: [announced.backend] };
  try {
    const json: unknown = JSON.parse(text);
    if (!isJsonObject(json) || !Array.isArray(json["backends"])) throw new TypeError("it has no list of backends");
    const names: readonly JsonValue[] = json["backends"];
    const others = BACKENDS.filter((one) => names.includes(one) && one !== announced.backend);
    const vteps: PerFamily<Vtep> = { 4: readVtep(json["vtep"]), 6: readVtep(json["vtepV6"]) };
    return {
      ...announced,
      receives: [announced.backend, ...others],
      ...(others.includes("vxlan") && { vteps }),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlannelFormatError(`annotation ${RECEIVES_ANNOTATION}`, text, reason, { cause });
  }
}

function readVtep(json: JsonValue | undefined): Vtep | undefined {
  return json === undefined ? undefined : parseBackendData(JSON.stringify(json));
}
