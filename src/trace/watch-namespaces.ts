/**
 * Captures in many namespaces at once, proven to hear: each has to see a control frame on its own loopback before anything
 * else is sent.
 */
import { randomBytes } from "node:crypto";
import { type Capture, type CapturedPacket, openCapture, sendFrame } from "#kernel/capture/capture.ts";
import { markerFilter } from "#kernel/capture/marker-filter.ts";
import { type Netns, openNetns } from "#kernel/netns/netns.ts";
import type { NamespaceSource } from "./facts/observe-world.ts";
import { findLinkByName, type WorldFacts } from "./facts/world-facts.ts";

export interface Observation extends CapturedPacket {
  readonly namespace: string;
}

export interface Watch extends Disposable {
  readonly netns: ReadonlyMap<string, Netns>;
  /** Namespaces whose capture could not be shown to hear, with the reason. */
  readonly unproven: ReadonlyMap<string, string>;
  /** Reads what waits in all sockets, now. */
  drain(): void;
}

/** IEEE 802 local experimental EtherType 1. */
const CONTROL_ETHER_TYPE = 0x88b5;
const MIN_FRAME_BYTES = 60;

export interface WatchOptions {
  readonly world: WorldFacts;
  /** What the packet carries first. */
  readonly marker: number;
  readonly onPacket: (observation: Observation) => void;
}

export function watchNamespaces(sources: readonly NamespaceSource[], { world, marker, onPacket }: WatchOptions): Watch {
  using stack = new DisposableStack();
  const opened = new Map<string, Netns>();
  const captures: Capture[] = [];
  const unproven = new Map<string, string>();
  for (const { name, netnsPath } of sources) {
    const facts = world.namespaces.get(name);
    if (facts === undefined) continue;
    const netns = stack.use(openNetns(netnsPath));
    opened.set(name, netns);
    let isHeard = false;
    const capture = stack.use(
      openCapture(netns, markerFilter(marker), (packet) => {
        if (isControl(packet)) isHeard = true;
        else onPacket({ ...packet, namespace: name });
      }),
    );
    captures.push(capture);
    const lo = findLinkByName(facts, "lo");
    if (lo?.up !== true) {
      unproven.set(name, "its loopback is down");
      continue;
    }
    sendFrame(netns, lo.ifindex, controlFrame(marker));
    capture.drain();
    if (!isHeard) unproven.set(name, "it did not hear the control frame");
  }
  const owned = stack.move();
  return {
    netns: opened,
    unproven,
    drain() {
      for (const capture of captures) capture.drain();
    },
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Not 0, which padding is. */
export function randomMarker(): number {
  return (randomBytes(4).readUInt32BE() | 0x80000000) >>> 0;
}

function controlFrame(marker: number): Buffer {
  const frame = Buffer.alloc(MIN_FRAME_BYTES);
  frame.writeUInt16BE(CONTROL_ETHER_TYPE, 12);
  frame.writeUInt32BE(marker, 14);
  return frame;
}

function isControl({ data, hasEthernet }: CapturedPacket): boolean {
  return hasEthernet && data.length >= 14 && data.readUInt16BE(12) === CONTROL_ETHER_TYPE;
}
