/** Node ports of Services: each once in the cluster. Source: Kubernetes documentation, "Service" (type NodePort). */
import { AllocationError } from "./ip-allocator.ts";
import { createNumberPool } from "./number-pool.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** The API server's --service-node-port-range. */
export const NODE_PORTS: PortRange = { first: 30_000, last: 32_767 };

export interface PortAllocator {
  /** Throws AllocationError. */
  hold(port: number): void;
  /** Throws AllocationError when none is free. */
  holdNext(): number;
  drop(port: number): void;
  setOwned(owner: string, ports: readonly number[]): void;
  owners(): readonly string[];
  shared(): readonly { readonly number: number; readonly owners: readonly string[] }[];
}

export function createPortAllocator({ first, last }: PortRange, random: () => number): PortAllocator {
  // As large as Kubernetes' static band.
  const band = Math.min(Math.max(16, Math.floor((last - first + 1) / 32)), 128);
  const dynamicFrom = first + band > last ? first : first + band;
  const pool = createNumberPool({ first, last, dynamicFrom }, random);
  return {
    hold(port) {
      const outcome = pool.hold(port);
      if (outcome === "held") return;
      throw new AllocationError(
        outcome === "taken"
          ? "provided port is already allocated"
          : `provided port is not in the valid range. The range of valid ports is ${first}-${last}`,
      );
    },
    holdNext() {
      const port = pool.holdNext();
      if (port === undefined) throw new AllocationError("range is full");
      return port;
    },
    drop: pool.drop,
    setOwned: pool.setOwned,
    owners: pool.owners,
    shared: pool.shared,
  };
}
