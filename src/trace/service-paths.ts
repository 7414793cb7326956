/**
 * The ways that a packet to a Service can take: one for each backend that the kernel may choose. Which one it took is told
 * by the connection tracking entry, and where there is none by where it was seen.
 */

import { describeEnd, type FoundConnection, type TracedTranslation } from "./connection-facts.ts";
import type { WorldFacts } from "./facts/world-facts.ts";
import type { Packet } from "./path/packet.ts";
import type { Path, Translation } from "./path/path.ts";
import { predictPath } from "./path/predict-path.ts";

/** A Service with more backends is predicted for the first of them; what was chosen is observed all the same. */
const ALTERNATIVES_MAX = 100;

/** The first one is what is predicted while nothing is known. */
export function predictPaths(world: WorldFacts, from: string, packet: Packet): readonly [Path, ...Path[]] {
  const first = predictPath(world, from, packet);
  const number = Math.min(ALTERNATIVES_MAX, serviceTranslation(first)?.alternatives ?? 1);
  const others = Array.from({ length: number - 1 }, (_, index) =>
    predictPath(world, from, packet, { choice: index + 1 }),
  );
  return [first, ...others];
}

/** Of the packet's destination; undefined for a packet that goes where it says. */
export function serviceTranslation({ translations }: Path): Translation | undefined {
  return translations.find(({ kind }) => kind === "destination");
}

export interface ChosenPath {
  readonly path: Path;
  readonly translations: readonly TracedTranslation[];
}

/** `hopsSeen`: how much of a path was seen. */
export function choosePath(
  paths: readonly [Path, ...Path[]],
  found: FoundConnection | undefined,
  hopsSeen: (path: Path) => number,
): ChosenPath {
  const [first] = paths;
  const byEntry = found && paths.find((path) => leadsTo(path, found.backend));
  const bySight = paths.toSorted((a, b) => hopsSeen(b) - hopsSeen(a))[0] ?? first;
  const path = byEntry ?? bySight;
  const backends = [...new Set(paths.flatMap((one) => describeTarget(serviceTranslation(one)) ?? []))];
  return {
    path,
    translations: path.translations.map((translation) => describe(translation, backends, found?.connection)),
  };
}

function leadsTo(path: Path, { address, port }: FoundConnection["backend"]): boolean {
  const to = serviceTranslation(path)?.to;
  return to?.destination === address && to.destinationPort === port;
}

function describe(
  { namespace, kind, from, to, rule, frontend, alternatives }: Translation,
  backends: readonly string[],
  connection: FoundConnection["connection"] | undefined,
): TracedTranslation {
  const ends = ({ source, sourcePort, destination, destinationPort }: Packet): string =>
    kind === "destination" ? describeEnd(destination, destinationPort) : describeEnd(source, sourcePort);
  return {
    namespace,
    kind,
    ...(frontend !== undefined && { frontend }),
    from: ends(from),
    to: ends(to),
    rule,
    ...(alternatives !== undefined && { backends }),
    ...(kind === "destination" && connection && { connection }),
  };
}

function describeTarget(translation: Translation | undefined): string | undefined {
  return translation && describeEnd(translation.to.destination, translation.to.destinationPort);
}
