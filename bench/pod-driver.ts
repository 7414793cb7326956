/** What the worker needs of a contestant: to attach and detach one pod, and to say how long that took. */
import type { BenchCase } from "./cases.ts";
import type { Mode } from "./plan.ts";
import type { BenchPod } from "./pod.ts";

export interface PodDriver {
  /** Once before the first pod of a case. */
  prepare(benchCase: BenchCase): void;
  /** Answers milliseconds. Rejects when the pod could not be attached. */
  attach(pod: BenchPod, benchCase: BenchCase, mode: Mode): Promise<number>;
  detach(pod: BenchPod, benchCase: BenchCase, mode: Mode): Promise<number>;
}
