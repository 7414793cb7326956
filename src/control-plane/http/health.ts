/** /healthz, /livez and /readyz. Source: Kubernetes documentation, "Kubernetes API health endpoints". */
import { type Answer, textAnswer } from "./answer.ts";

export interface HealthCheck {
  /** "etcd", "informer-sync". */
  readonly name: string;
  /** Whether the server has to be restarted when it fails, or is only not ready. */
  readonly isLiveness: boolean;
  /** What is wrong, for people; undefined when all is well. Never rejects. */
  check(): string | undefined | Promise<string | undefined>;
}

const PATH = /^\/(healthz|livez|readyz)(?:\/([^/]+))?$/;

/** These paths are open to everybody: load balancers and supervisors have no credentials. */
export function isHealthPath(path: string): boolean {
  return PATH.test(path);
}

/** undefined for a path that is no health check's. */
export function serveHealth(
  path: string,
  query: URLSearchParams,
  checks: readonly HealthCheck[],
): Promise<Answer> | undefined {
  const [, endpoint, single] = PATH.exec(path) ?? [];
  if (endpoint === undefined) return undefined;
  const chosen = checks.filter(
    ({ name, isLiveness }) =>
      (endpoint === "readyz" || isLiveness) &&
      (single === undefined || name === single) &&
      !query.getAll("exclude").includes(name),
  );
  if (single !== undefined && chosen.length === 0) return undefined;
  return answerChecks(endpoint, chosen, query.has("verbose"));
}

async function answerChecks(endpoint: string, checks: readonly HealthCheck[], isVerbose: boolean): Promise<Answer> {
  const results = await Promise.all(checks.map(async ({ name, check }) => ({ name, problem: await check() })));
  const isHealthy = results.every(({ problem }) => problem === undefined);
  if (isHealthy && !isVerbose) return textAnswer(200, "ok");
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  const verdict = `${endpoint} check ${isHealthy ? "passed" : "failed"}`;
  return textAnswer(isHealthy ? 200 : 500, `${[...lines, verdict].join("\n")}\n`);
}
