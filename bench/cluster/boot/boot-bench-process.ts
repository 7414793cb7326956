/** The part of `podwire bench up` that runs in namespaces of its own. */
import { serveIsolated } from "../../isolated.ts";
import { runBootBench } from "./boot-bench.ts";

await serveIsolated(runBootBench);
