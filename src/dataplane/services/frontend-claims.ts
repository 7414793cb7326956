/**
 * Who has which frontend. Several Services may want one: the id that comes first has it, and when that one gives it up,
 * the next does. Pure: a change is computed first, and kept once the kernel has it.
 */
import type { Frontend, ServicePort } from "#service/service-port.ts";
import type { FrontendConflict } from "./contract.ts";

/** Ids that want the frontend, in order; one alone stands for itself. */
type Claimants = string | readonly string[];
/** By `frontendText`. */
export type FrontendClaims = Map<string, Claimants>;
/** Undefined: nobody wants it any more. */
export type FrontendClaimChanges = ReadonlyMap<string, Claimants | undefined>;

/** `10.96.0.1:80/TCP`, `[fd00::1]:80/TCP`, `nodePort 30080/TCP`, `nodePort 30080/TCP/6` */
export function frontendText({ family, protocol }: ServicePort, { kind, address, port }: Frontend): string {
  if (kind === "nodePort" || address === undefined) return `nodePort ${port}/${protocol}${family === 6 ? "/6" : ""}`;
  return `${family === 6 ? `[${address}]` : address}:${port}/${protocol}`;
}

/** Frontends that can be served: with an address unless they are node ports, each once. */
export function usableFrontends(port: ServicePort): ReadonlyMap<string, Frontend> {
  const frontends = new Map<string, Frontend>();
  for (const frontend of port.frontends) {
    if (frontend.kind !== "nodePort" && frontend.address === undefined) continue;
    const text = frontendText(port, frontend);
    if (!frontends.has(text)) frontends.set(text, frontend);
  }
  return frontends;
}

/** What changes when each id wants these frontends instead of those. */
export function planClaims(
  claims: FrontendClaims,
  changes: Iterable<{ readonly id: string; readonly before: Iterable<string>; readonly after: Iterable<string> }>,
): FrontendClaimChanges {
  const changed = new Map<string, Claimants | undefined>();
  const claimantsOf = (frontend: string): readonly string[] => {
    const claimants = changed.has(frontend) ? changed.get(frontend) : claims.get(frontend);
    return claimants === undefined ? [] : typeof claimants === "string" ? [claimants] : claimants;
  };
  for (const { id, before, after } of changes) {
    const wanted = new Set(after);
    for (const frontend of before) {
      if (wanted.has(frontend)) continue;
      const rest = claimantsOf(frontend).filter((claimant) => claimant !== id);
      changed.set(frontend, pack(rest));
    }
    for (const frontend of wanted) {
      const claimants = claimantsOf(frontend);
      if (!claimants.includes(id)) changed.set(frontend, pack([...claimants, id].toSorted()));
    }
  }
  return changed;
}

export function keepClaims(claims: FrontendClaims, changes: FrontendClaimChanges): void {
  for (const [frontend, claimants] of changes) {
    if (claimants === undefined) claims.delete(frontend);
    else claims.set(frontend, claimants);
  }
}

function pack(claimants: readonly string[]): Claimants | undefined {
  const [first, ...others] = claimants;
  return first === undefined || others.length > 0 ? (first === undefined ? undefined : claimants) : first;
}

export function ownerOf(claimants: Claimants | undefined): string | undefined {
  return typeof claimants === "string" ? claimants : claimants?.[0];
}

export function claimantsOf(claimants: Claimants | undefined): readonly string[] {
  return claimants === undefined ? [] : typeof claimants === "string" ? [claimants] : claimants;
}

export function conflictsOf(frontend: string, claimants: Claimants | undefined): readonly FrontendConflict[] {
  const [owner, ...others] = claimantsOf(claimants);
  return owner === undefined ? [] : others.map((id) => ({ id, owner, frontend }));
}
