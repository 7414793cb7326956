import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { startImageGarbage } from "./start-image-garbage.ts";

/** The disk of / is fuller than 0 %, and not emptier than that afterwards. */
const LIMITS = { highPercent: 0, lowPercent: 0, minAgeMs: 0 };
const image = (id: string, tag: string) => ({
  id,
  repoTags: [tag],
  repoDigests: [],
  size: 10n,
  uid: undefined,
  username: "",
  pinned: false,
});

function world(limits: typeof LIMITS) {
  const removed: string[] = [];
  const told: string[] = [];
  let wake: () => void = () => undefined;
  const images = [image("unused", "a:1"), image("used", "b:1"), image("pause", "registry.example.com/pause:3.9")];
  const garbage = startImageGarbage({
    // Answers hold what is read of them, and no more.
    cri: {
      listImages: async () => ({ images }),
      listContainers: async () => ({ containers: [{ imageRef: "used", image: { image: "b:1" } }] }),
      imageFsInfo: async () => ({ imageFilesystems: [{ fsId: { mountpoint: "/" } }] }),
      status: async () => ({ info: { config: '{"sandboxImage": "registry.example.com/pause:3.9"}' } }),
      removeImage: async (request: { readonly image?: { readonly image?: string } }) => {
        removed.push(request.image?.image ?? "");
        return {};
      },
    } as never,
    limits,
    tell({ reason, message }) {
      told.push(`${reason}: ${message}`);
      wake();
    },
    onError: (what, error) => assert.fail(`${what}: ${String(error)}`),
  });
  return {
    garbage,
    removed,
    told,
    event: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
}

suite("startImageGarbage", () => {
  test("removes what nobody uses, never the sandboxes' image, and tells when that is not enough", async () => {
    const own = world(LIMITS);
    await using _ = own.garbage;
    await own.event();
    assert.deepEqual(own.removed, ["unused"]);
    assert.match(
      own.told[0] ?? "",
      /^FreeDiskSpaceFailed: Failed to garbage collect required amount of images\. Attempted to free \d+ bytes, but only found 10 bytes eligible to free\.$/,
    );
    const again = own.event();
    own.garbage.wake();
    await again;
    assert.equal(own.told.length, 2);
  });

  test("removes nothing while the disk has room", async () => {
    const own = world({ ...LIMITS, highPercent: 101 });
    await own.garbage[Symbol.asyncDispose]();
    assert.deepEqual([own.removed, own.told], [[], []]);
  });
});
