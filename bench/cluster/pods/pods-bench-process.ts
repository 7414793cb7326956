/** The part of `podwire bench pods` that runs in namespaces of its own. */
import { serveIsolated } from "../../isolated.ts";
import { runPodsBench } from "./pods-bench.ts";

await serveIsolated(runPodsBench);
