/**
 * The pod network as the Kubernetes API has it: the configuration in a ConfigMap, a node's part in its podCIDRs, and
 * what nodes announce in annotations, as flanneld's kube subnet manager does.
 */
import { type ConfigMap, configMap } from "#api/kinds/config-map.ts";
import { type Node, node as nodeKind } from "#api/kinds/node.ts";
import { createInformer } from "#api-client/create-informer.ts";
import { errorMessage } from "#base/error-message.ts";
import type { Log } from "#base/log.ts";
import { type FlannelNetConf, NetConfError, parseNetConf } from "#dataplane/flannel-net-conf.ts";
import type { Cluster } from "../open-cluster.ts";
import { annotationPatch, conditionPatch } from "./api-announcement.ts";
import type { Announcement, Snapshot, SourceListener, SubnetSource } from "./cluster-network.ts";
import { isSameForNetwork, parseNode, parseOwnNode } from "./parse-node.ts";

export const CONFIG_NAMESPACE = "kube-system";
export const CONFIG_NAME = "podwire";
export const CONFIG_KEY = "net-conf.json";

export interface ApiSourceOptions {
  readonly cluster: Pick<Cluster, "client" | "informer" | "lastError">;
  readonly nodeName: string;
  /** As flanneld's --kube-annotation-prefix. */
  readonly annotationPrefix?: string | undefined;
  readonly log: Log;
  readonly now?: () => Date;
}

const FIELD_MANAGER = "podwire-agent";

export function createApiSource(options: ApiSourceOptions, listener: SourceListener): SubnetSource {
  const { cluster, nodeName, annotationPrefix, log, now = () => new Date() } = options;
  const { client } = cluster;
  let configError = "";
  let conf: FlannelNetConf | undefined;
  let confProblem: string | undefined;
  const nodes = cluster.informer<Node>(nodeKind);
  const config = createInformer({
    client,
    kind: configMap,
    query: { namespace: CONFIG_NAMESPACE, fieldSelector: `metadata.name=${CONFIG_NAME}` },
    onError(error) {
      configError = errorMessage(error);
      log.error("pod network not followed", { error: configError });
    },
  });

  /** What was valid last stays in use. */
  function readConfig(): void {
    const problem = tryReadConfig(config.get(CONFIG_NAMESPACE, CONFIG_NAME));
    if (problem !== undefined && problem !== confProblem) log.error("pod network not configured", { reason: problem });
    confProblem = problem;
    listener.changed();
  }

  function tryReadConfig(found: ConfigMap | undefined): string | undefined {
    const text = found?.data?.[CONFIG_KEY];
    const where = `ConfigMap ${CONFIG_NAMESPACE}/${CONFIG_NAME}`;
    if (found === undefined) return `there is no ${where}`;
    if (text === undefined) return `${where} has no key "${CONFIG_KEY}"`;
    try {
      conf = parseNetConf(text);
      return undefined;
    } catch (error) {
      if (error instanceof NetConfError) return error.message;
      throw error;
    }
  }

  const following = nodes.subscribe({
    onAdd: () => listener.changed(),
    onUpdate: (object, old) => {
      if (!isSameForNetwork(object, old)) listener.changed();
    },
    onDelete: () => listener.changed(),
  });
  config.subscribe({ onAdd: readConfig, onUpdate: readConfig, onDelete: readConfig });
  for (const { synced } of [nodes, config]) {
    synced.then(
      () => listener.changed(),
      () => undefined, // closed
    );
  }

  const own = (): Node | undefined => nodes.get(undefined, nodeName);

  return {
    description: `ConfigMap ${CONFIG_NAMESPACE}/${CONFIG_NAME}`,
    snapshot(): Snapshot {
      const incomplete = [nodes.hasSynced() ? [] : "the list of nodes", config.hasSynced() ? [] : "the configuration"];
      const missing = incomplete.flat().join(" and ");
      const why = cluster.lastError || configError;
      if (missing !== "") return waiting(`${missing} is not here yet${why === "" ? "" : `: ${why}`}`);
      if (conf === undefined) return waiting(confProblem ?? tryReadConfig(undefined) ?? "");
      const object = own();
      if (object === undefined) return waiting(`there is no node "${nodeName}"`);
      const others = nodes.list().filter((each) => each !== object);
      return {
        state: "complete",
        network: {
          conf,
          own: parseOwnNode(object, annotationPrefix),
          others: others.map((each) => parseNode(each, annotationPrefix)),
          problems: [...conf.warnings, ...(confProblem === undefined ? [] : [`${confProblem}; the last one is used`])],
        },
      };
    },
    async announce(announcement: Announcement, signal): Promise<readonly string[]> {
      const object = own();
      if (object === undefined) return [];
      const written: string[] = [];
      const annotations = annotationPatch(object, announcement, annotationPrefix);
      const name = { name: nodeName };
      if (annotations !== undefined) {
        const patch = { type: "merge", body: annotations, fieldManager: FIELD_MANAGER } as const;
        await client.patch(nodeKind, name, patch, signal);
        written.push(`annotate node ${nodeName}`);
      }
      const condition = conditionPatch(object, now());
      if (condition !== undefined) {
        const status = { type: "strategic", subresource: "status", body: condition } as const;
        await client.patch(nodeKind, name, { ...status, fieldManager: FIELD_MANAGER }, signal);
        written.push(`condition NetworkUnavailable=False of node ${nodeName}`);
      }
      return written;
    },
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      await config[Symbol.asyncDispose]();
    },
  };
}

function waiting(reason: string): Snapshot {
  return { state: "waiting", reason };
}
