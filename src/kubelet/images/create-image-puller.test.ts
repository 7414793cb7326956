import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CriError } from "#cri/cri-error.ts";
import { createLimit } from "../limit.ts";
import { container, podObject } from "../testing/pod-object.ts";
import { createImagePuller, ImageError, type ImageRequest } from "./create-image-puller.ts";
import type { RegistryCredential } from "./registry-credentials.ts";

interface World {
  readonly known?: readonly string[];
  readonly credentials?: readonly RegistryCredential[];
  /** Rejects what is not allowed. */
  pull?(image: string, user: string): Promise<void>;
}

function world({ known = [], credentials = [], pull = async () => undefined }: World) {
  const present = new Set(known);
  const told: string[] = [];
  const clock = { nowMs: 1_000_000 };
  let pulling = 0;
  let mostAtOnce = 0;
  const puller = createImagePuller({
    cri: {
      async imageStatus({ image }) {
        const name = image?.image ?? "";
        const found = {
          id: `id-of-${name}`,
          repoTags: [],
          repoDigests: [],
          size: 7n,
          uid: undefined,
          username: "",
          pinned: false,
        };
        return { image: present.has(name) ? found : undefined, info: {} } as never;
      },
      async pullImage({ image, auth }) {
        const name = image?.image ?? "";
        pulling += 1;
        mostAtOnce = Math.max(mostAtOnce, pulling);
        await pull(name, auth?.username ?? "").finally(() => {
          pulling -= 1;
        });
        present.add(name);
        return { imageRef: name };
      },
    },
    limit: createLimit(2),
    credentials: async () => credentials,
    now: () => clock.nowMs,
  });
  const requestOf = (image: string, imagePullPolicy?: "Always" | "IfNotPresent" | "Never"): ImageRequest => ({
    pod: podObject(),
    container: container("app", { image, ...(imagePullPolicy && { imagePullPolicy }) }),
    tell: ({ reason, message }) => told.push(`${reason}: ${message}`),
  });
  const ensure = (...request: Parameters<typeof requestOf>) =>
    puller.ensure(requestOf(...request), AbortSignal.timeout(10_000));
  const begin = (image: string, signal: AbortSignal = AbortSignal.timeout(10_000)) =>
    puller.begin(requestOf(image), signal);
  const failure = async (image: string, policy?: "Never"): Promise<ImageError> => {
    try {
      await ensure(image, policy);
    } catch (error) {
      if (error instanceof ImageError) return error;
      throw error;
    }
    throw new Error("it was pulled");
  };
  return { begin, ensure, failure, told, clock, mostAtOnce: () => mostAtOnce };
}

const missing = () => Promise.reject(new CriError("PullImage", "NOT_FOUND", "failed to pull and unpack image"));

suite("createImagePuller", () => {
  test("what was begun is not pulled again, and told once", async () => {
    const pulled: string[] = [];
    const { begin, ensure, told } = world({ pull: async (image) => void pulled.push(image) });
    begin("app:1");
    begin("app:1");
    assert.equal(await ensure("app:1"), "id-of-app:1");
    assert.deepEqual(pulled, ["app:1"]);
    assert.deepEqual(told.filter((text) => text.startsWith("Pull")).length, 2);
    await ensure("app:1");
    assert.match(told.at(-1) ?? "", /already present/);
  });

  test("what was begun and failed is heard from ensure; the next one waits", async () => {
    const { begin, failure } = world({ pull: missing });
    begin("app:1");
    assert.equal((await failure("app:1")).reason, "ErrImagePull");
    assert.equal((await failure("app:1")).reason, "ImagePullBackOff");
  });

  test("what was begun and broken off is pulled by ensure", async () => {
    const stop = new AbortController();
    let pulls = 0;
    const { begin, ensure, told } = world({
      async pull() {
        pulls += 1;
        if (pulls > 1) return;
        stop.abort(new Error("the pod has changed"));
        stop.signal.throwIfAborted();
      },
    });
    begin("app:1", stop.signal);
    assert.equal(await ensure("app:1"), "id-of-app:1");
    assert.equal(pulls, 2);
    assert.ok(!told.some((text) => text.startsWith("Failed")), told.join("\n"));
  });

  test("an image that is there is not pulled, unless it must be", async () => {
    const { ensure, told } = world({ known: ["app:1"] });
    assert.equal(await ensure("app:1"), "id-of-app:1");
    assert.deepEqual(told, ['Pulled: Container image "app:1" already present on machine']);
    await ensure("app:1", "Always");
    assert.match(
      told.at(-1) ?? "",
      /^Pulled: Successfully pulled image "app:1" in 0ms \(0ms including waiting\). Image size: 7 bytes.$/,
    );
  });

  test("a pull that failed is told, then waited for, longer each time", async () => {
    const { failure, told, clock } = world({ pull: missing });
    const why = "rpc error: code = NotFound desc = failed to pull and unpack image";
    const first = await failure("app:1");
    assert.deepEqual([first.reason, first.message, first.retryAtMs], ["ErrImagePull", why, clock.nowMs + 1000]);
    assert.deepEqual(told.slice(1), [`Failed: Failed to pull image "app:1": ${why}`, "Failed: Error: ErrImagePull"]);
    const second = await failure("app:1");
    assert.deepEqual(
      [second.reason, second.message, second.retryAtMs - clock.nowMs],
      ["ImagePullBackOff", `Back-off pulling image "app:1": ErrImagePull: ${why}`, 10_000],
    );
    const pauses: number[] = [];
    for (let count = 0; count < 7; count += 1) {
      clock.nowMs = (await failure("app:1")).retryAtMs;
      await failure("app:1");
      pauses.push((await failure("app:1")).retryAtMs - clock.nowMs);
    }
    assert.deepEqual(pauses, [20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
  });

  test("Never means never", async () => {
    const error = await world({}).failure("app:1", "Never");
    assert.deepEqual(
      [error.reason, error.message],
      ["ErrImageNeverPull", 'Container image "app:1" is not present with pull policy of Never'],
    );
  });

  test("a name that is none is refused before anybody is asked", async () => {
    const { failure, told } = world({ pull: () => assert.fail("it was pulled") });
    assert.equal((await failure("App:1")).reason, "InvalidImageName");
    assert.match(told[0] ?? "", /^InspectFailed: Failed to apply default image tag "App:1": couldn't parse image name/);
  });

  test("credentials that fit are tried until one does", async () => {
    const users: string[] = [];
    const credentials = ["r.example.com", "r.example.com/team", "other.example.com"].map((place) => ({
      place,
      auth: { username: place },
    }));
    const { ensure } = world({
      credentials,
      async pull(_, user) {
        users.push(user);
        if (user !== "r.example.com") throw new CriError("PullImage", "UNKNOWN", "401 Unauthorized");
      },
    });
    await ensure("r.example.com/team/app:1");
    assert.deepEqual(users, ["r.example.com/team", "r.example.com"]);
  });

  test("no more are pulled at a time than the limit allows", async () => {
    const gate = Promise.withResolvers<void>();
    const { ensure, mostAtOnce } = world({ pull: () => gate.promise });
    const all = Promise.all(["a:1", "b:1", "c:1", "d:1"].map((name) => ensure(name)));
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await all;
    assert.equal(mostAtOnce(), 2);
  });
});
