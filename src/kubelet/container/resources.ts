/**
 * Requests and limits as the kernel's control groups have them. Source: Kubernetes documentation, "Resource Management
 * for Pods and Containers"; values of the CPU controller as the kubelet computes them (1024 shares for a CPU, 100 ms).
 */
import type { Container } from "#api/kinds/pod/container.ts";
import type { QosClass } from "#api/kinds/pod/pod-status.ts";
import { findQuantity } from "#api/quantity.ts";

export interface LinuxResources {
  readonly cpuPeriod: bigint;
  readonly cpuQuota: bigint;
  readonly cpuShares: bigint;
  readonly memoryLimitInBytes: bigint;
  readonly oomScoreAdj: bigint;
}

const NANOS = 1_000_000_000n;
const NANOS_PER_MILLI = 1_000_000n;
const PERIOD_US = 100_000n;
const LEAST_QUOTA_US = 1000n;
const SHARES_PER_CPU = 1024n;
const LEAST_SHARES = 2n;
const MOST_SHARES = 262_144n;

export function linuxResources(container: Container, qos: QosClass, nodeMemoryBytes: number): LinuxResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const cpuLimit = milli(limits["cpu"]);
  const cpuRequest = milli(requests["cpu"] ?? limits["cpu"]);
  const quota = (cpuLimit * PERIOD_US) / 1000n;
  return {
    cpuPeriod: PERIOD_US,
    cpuQuota: cpuLimit === 0n ? 0n : quota < LEAST_QUOTA_US ? LEAST_QUOTA_US : quota,
    cpuShares: between(LEAST_SHARES, (cpuRequest * SHARES_PER_CPU) / 1000n, MOST_SHARES),
    memoryLimitInBytes: whole(limits["memory"]),
    oomScoreAdj: oomScoreAdj(qos, Number(whole(requests["memory"] ?? limits["memory"])), nodeMemoryBytes),
  };
}

/** Who has asked for much of the node's memory is killed last. */
function oomScoreAdj(qos: QosClass, requestBytes: number, nodeMemoryBytes: number): bigint {
  if (qos === "Guaranteed") return -997n;
  if (qos === "BestEffort" || nodeMemoryBytes === 0) return 1000n;
  const score = 1000 - Math.floor((1000 * requestBytes) / nodeMemoryBytes);
  return BigInt(Math.min(999, Math.max(3, score)));
}

function milli(text: string | undefined): bigint {
  return roundedUp(text, NANOS_PER_MILLI);
}

function whole(text: string | undefined): bigint {
  return roundedUp(text, NANOS);
}

function roundedUp(text: string | undefined, unit: bigint): bigint {
  const nanos = text === undefined ? 0n : (findQuantity(text)?.nanos ?? 0n);
  return (nanos + unit - 1n) / unit;
}

function between(least: bigint, value: bigint, most: bigint): bigint {
  return value < least ? least : value > most ? most : value;
}
