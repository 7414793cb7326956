/**
 * ConfigMaps, Secrets and tokens for pods, read from the API when needed. While the API cannot be reached, a pod gets
 * what it got before: its containers start again without it. Tokens are kept until most of their time is over.
 */
import { isApiError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { secret } from "#api/kinds/secret.ts";
import { serviceAccount } from "#api/kinds/service-account.ts";
import type { ApiClient, ObjectName } from "#api-client/api-client.ts";
import { isJsonObject } from "#base/json.ts";
import type { ConfigData } from "../container/environment.ts";
import { podContainers } from "../pod-worker/pod-view.ts";
import { type TokenRequestFor, tokensOf } from "./volume-files.ts";

export interface PodConfig {
  readonly data: ConfigData;
  token(request: TokenRequestFor): string;
}

export interface ConfigReader {
  read(pod: Pod, signal: AbortSignal): Promise<PodConfig>;
  /** When the first of the pod's tokens has to be asked for anew; milliseconds since 1970. */
  renewAtMs(uid: string): number | undefined;
  forget(uid: string): void;
}

type Data = ReadonlyMap<string, Buffer>;

/** A token is renewed when that much of its time is over. */
const RENEW_AT = 0.8;

interface KeptToken {
  readonly token: string;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

export function createConfigReader(
  client: Pick<ApiClient, "get" | "createSubresource">,
  now: () => number,
): ConfigReader {
  const tokens = new Map<string, Map<string, KeptToken>>();
  /** By pod, then by kind and name. */
  const known = new Map<string, Map<string, Data>>();

  async function readData(
    uid: string,
    kind: "configmap" | "secret",
    name: ObjectName,
    signal: AbortSignal,
  ): Promise<Data | undefined> {
    const ofPod = known.get(uid) ?? new Map<string, Data>();
    known.set(uid, ofPod);
    const key = `${kind}/${name.name}`;
    try {
      const data = await fetchData(kind, name, signal);
      if (data === undefined) ofPod.delete(key);
      else ofPod.set(key, data);
      return data;
    } catch (error) {
      const before = ofPod.get(key);
      if (before === undefined || !isApiError(error) || error.code < 500) throw error;
      return before;
    }
  }

  async function fetchData(kind: "configmap" | "secret", { namespace, name }: ObjectName, signal: AbortSignal) {
    try {
      if (kind === "secret") return decoded((await client.get(secret, { namespace, name }, signal)).data ?? {});
      const { data = {}, binaryData = {} } = await client.get(configMap, { namespace, name }, signal);
      const texts = Object.entries(data).map(([key, text]) => [key, Buffer.from(text)] as const);
      return new Map([...texts, ...decoded(binaryData)]);
    } catch (error) {
      if (isApiError(error) && error.code === 404) return undefined;
      throw error;
    }
  }

  async function readToken(pod: Pod, request: TokenRequestFor, signal: AbortSignal): Promise<string> {
    const { uid = "" } = pod.metadata;
    const kept = tokens.get(uid) ?? new Map<string, KeptToken>();
    tokens.set(uid, kept);
    const key = JSON.stringify(request);
    const last = kept.get(key);
    if (last !== undefined && now() < last.renewAtMs) return last.token;
    try {
      const made = await askToken(pod, request, signal);
      kept.set(key, made);
      return made.token;
    } catch (error) {
      if (last === undefined || now() >= last.endsAtMs || !isApiError(error) || error.code < 500) throw error;
      return last.token;
    }
  }

  async function askToken({ metadata, spec }: Pod, request: TokenRequestFor, signal: AbortSignal): Promise<KeptToken> {
    const { uid = "", name = "", namespace } = metadata;
    const askedAtMs = now();
    const answer = await client.createSubresource(
      serviceAccount,
      { namespace, name: spec.serviceAccountName || "default" },
      "token",
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: request.audience === "" ? [] : [request.audience],
          expirationSeconds: request.expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
      signal,
    );
    const status: unknown = answer["status"];
    const { token, expirationTimestamp } = isJsonObject(status) ? status : {};
    // The server may give it less time, or more.
    const saidMs = typeof expirationTimestamp === "string" ? Date.parse(expirationTimestamp) : Number.NaN;
    const endsAtMs = Number.isNaN(saidMs) ? askedAtMs + request.expirationSeconds * 1000 : saidMs;
    return {
      token: typeof token === "string" ? token : "",
      renewAtMs: askedAtMs + (endsAtMs - askedAtMs) * RENEW_AT,
      endsAtMs,
    };
  }

  return {
    async read(pod, signal) {
      const namespace = pod.metadata.namespace ?? "";
      const { configMaps, secrets } = referencesOf(pod);
      const readAll = async (kind: "configmap" | "secret", names: ReadonlySet<string>) =>
        new Map(
          await Promise.all(
            Array.from(names, async (name) => {
              const data = await readData(pod.metadata.uid ?? "", kind, { namespace, name }, signal);
              return [name, data] as const;
            }),
          ),
        );
      const [maps, secretData, given] = await Promise.all([
        readAll("configmap", configMaps),
        readAll("secret", secrets),
        Promise.all(
          tokensOf(pod).map(
            async (request) => [JSON.stringify(request), await readToken(pod, request, signal)] as const,
          ),
        ),
      ]);
      const tokenOf = new Map(given);
      return {
        data: { configMap: (name) => maps.get(name), secret: (name) => secretData.get(name) },
        token: (request) => tokenOf.get(JSON.stringify(request)) ?? "",
      };
    },
    renewAtMs(uid) {
      const times = Array.from(tokens.get(uid)?.values() ?? [], ({ renewAtMs }) => renewAtMs);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    forget(uid) {
      tokens.delete(uid);
      known.delete(uid);
    },
  };
}

function decoded(data: Readonly<Record<string, string>>): Data {
  return new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, "base64")]));
}

/** Names of what the pod's variables and volumes come from. */
export function referencesOf(pod: Pod): {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
} {
  const [configMaps, secrets] = [new Set<string>(), new Set<string>()];
  const add = (names: Set<string>, reference: { readonly name?: string | undefined } | undefined): void => {
    if (reference?.name) names.add(reference.name);
  };
  for (const { spec } of podContainers(pod)) {
    for (const { configMapRef, secretRef } of spec.envFrom ?? []) {
      add(configMaps, configMapRef);
      add(secrets, secretRef);
    }
    for (const { valueFrom } of spec.env ?? []) {
      add(configMaps, valueFrom?.configMapKeyRef);
      add(secrets, valueFrom?.secretKeyRef);
    }
  }
  for (const volume of pod.spec.volumes ?? []) {
    add(configMaps, volume.configMap);
    add(secrets, { name: volume.secret?.secretName });
    for (const source of volume.projected?.sources ?? []) {
      add(configMaps, source.configMap);
      add(secrets, source.secret);
    }
  }
  return { configMaps, secrets };
}
