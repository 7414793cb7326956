/**
 * ConfigMaps, Secrets and tokens for pods, read from the API when needed. Objects are kept for a while, so that the
 * containers of a pod see the same; tokens until most of their time is over.
 */
import { isApiError } from "#api/api-error.ts";
import { configMap } from "#api/kinds/config-map.ts";
import type { Pod } from "#api/kinds/pod/pod.ts";
import { secret } from "#api/kinds/secret.ts";
import { serviceAccount } from "#api/kinds/service-account.ts";
import type { ApiClient } from "#api-client/api-client.ts";
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
  forget(uid: string): void;
}

type Data = ReadonlyMap<string, Buffer>;

/** A token is renewed when that much of its time is over. */
const RENEW_AT = 0.8;

interface KeptToken {
  readonly token: string;
  readonly renewAtMs: number;
}

export function createConfigReader(
  client: Pick<ApiClient, "get" | "createSubresource">,
  now: () => number,
): ConfigReader {
  const tokens = new Map<string, Map<string, KeptToken>>();

  async function readData(kind: "configmap" | "secret", namespace: string, name: string, signal: AbortSignal) {
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

  async function readToken({ metadata, spec }: Pod, request: TokenRequestFor, signal: AbortSignal): Promise<string> {
    const { uid = "", name = "", namespace } = metadata;
    const kept = tokens.get(uid) ?? new Map<string, KeptToken>();
    tokens.set(uid, kept);
    const key = JSON.stringify(request);
    const known = kept.get(key);
    if (known !== undefined && now() < known.renewAtMs) return known.token;
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
    const token = isJsonObject(status) && typeof status["token"] === "string" ? status["token"] : "";
    kept.set(key, { token, renewAtMs: now() + request.expirationSeconds * 1000 * RENEW_AT });
    return token;
  }

  return {
    async read(pod, signal) {
      const namespace = pod.metadata.namespace ?? "";
      const { configMaps, secrets } = referencesOf(pod);
      const readAll = async (kind: "configmap" | "secret", names: ReadonlySet<string>) =>
        new Map(
          await Promise.all(
            Array.from(names, async (name) => [name, await readData(kind, namespace, name, signal)] as const),
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
    forget: (uid) => void tokens.delete(uid),
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
