/**
 * What a pod sets aside on its node: all containers and sidecars together, or more when init containers need more
 * before they start. Source: Kubernetes documentation, "Init Containers" (resource sharing), "Sidecar Containers",
 * "Pod Overhead", "Assign Pod-level CPU and memory resources".
 */
import type { Container } from "#api/kinds/pod/container.ts";
import type { PodSpec } from "#api/kinds/pod/pod-spec.ts";
import { type Amounts, addTo, amountsOf, raiseTo } from "./amounts.ts";

/** `missing`: what a container counts with for resources that it does not ask for. */
export function podRequests(spec: PodSpec, missing?: Amounts): Amounts {
  const total = new Map<string, number>();
  for (const container of spec.containers) addTo(total, containerRequests(container, missing));
  const sidecars = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of spec.initContainers ?? []) {
    const requests = containerRequests(container, missing);
    if (container.restartPolicy === "Always") {
      addTo(total, requests);
      addTo(sidecars, requests);
    } else {
      const together = new Map(requests);
      addTo(together, sidecars);
      raiseTo(peak, together);
    }
  }
  raiseTo(total, peak);
  for (const [name, amount] of amountsOf(spec.resources?.requests)) if (isPodLevel(name)) total.set(name, amount);
  addTo(total, amountsOf(spec.overhead));
  for (const [name, amount] of total) if (amount === 0) total.delete(name);
  return total;
}

function containerRequests({ resources }: Container, missing: Amounts | undefined): Amounts {
  const requests = amountsOf(resources?.requests);
  return missing === undefined ? requests : new Map([...missing, ...requests]);
}

function isPodLevel(name: string): boolean {
  return name === "cpu" || name === "memory" || name.startsWith("hugepages-");
}
