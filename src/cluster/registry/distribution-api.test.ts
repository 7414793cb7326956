import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { ociArchive } from "../oci-archive.ts";
import { distributionHandler } from "./distribution-api.ts";
import { DISTRIBUTION_CODES } from "./distribution-error.ts";
import { type ImageCatalog, openImageCatalog } from "./image-catalog.ts";

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const NOTHING = `sha256:${"0".repeat(64)}`;

const archive = ociArchive({
  names: ["docker.io/library/web:1", "docker.io/library/web:2", "example.test/team/web:1"],
  architecture: "amd64",
  files: [{ kind: "file", path: "web", content: Buffer.from("w".repeat(5000)) }],
  command: ["/web"],
  environment: [],
});

suite("distribution API", () => {
  let folder: string;
  let catalog: ImageCatalog;
  let port: number;
  let layer: { readonly digest: string; readonly size: number };
  const server = createServer((request, response) => void handle(request, response));
  let handle: ReturnType<typeof distributionHandler>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "podwire-registry-"));
    const broken = {
      repositories: [{ registry: "docker.io", repository: "library/broken" }],
      tags: /^latest$/,
      listedTag: "latest",
      build: () => Promise.reject(new Error("Cannot download Debian package “broken”: no network")),
    };
    catalog = await openImageCatalog({ cacheDir: folder, loadedDir: join(folder, "loaded"), builtIn: [broken] });
    await writeFile(join(folder, "web.tar"), archive.bytes);
    await catalog.load(join(folder, "web.tar"), AbortSignal.timeout(20_000));
    handle = distributionHandler(catalog);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    // A server that listens on a port has an address of this kind.
    port = (server.address() as AddressInfo).port;
    const { body } = await ask("GET", "/v2/library/web/manifests/1");
    layer = JSON.parse(String(body)).layers[0];
  });

  after(async () => {
    server.close();
    server.closeAllConnections();
    await catalog[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}) {
    const sent = request({ port, host: "127.0.0.1", method, path, headers, agent: false });
    sent.end();
    const [response] = await once(sent, "response");
    const body: Buffer = await buffer(response);
    return { status: response.statusCode, message: response.statusMessage, headers: response.headers, body };
  }

  test("GET /v2/ says that the API is there", async () => {
    for (const path of ["/v2/", "/v2"]) {
      const { status, headers } = await ask("GET", path);
      assert.deepEqual([status, headers["docker-distribution-api-version"]], [200, "registry/2.0"]);
    }
  });

  const manifestPaths = [
    "/v2/library/web/manifests/1",
    "/v2/web/manifests/2",
    "/v2/library/web/manifests/1?ns=docker.io",
    "/v2/team/web/manifests/1?ns=example.test",
    `/v2/library/web/manifests/${archive.digest}`,
  ];
  for (const path of manifestPaths) {
    test(`GET and HEAD ${path} answer the manifest with type, length and digest`, async () => {
      const got = await ask("GET", path);
      const head = await ask("HEAD", path);
      for (const { status, headers } of [got, head]) {
        assert.equal(status, 200);
        assert.equal(headers["content-type"], OCI_MANIFEST);
        assert.equal(headers["content-length"], String(got.body.length));
        assert.equal(headers["docker-content-digest"], archive.digest);
      }
      assert.equal(digestOf(got.body), archive.digest);
      assert.equal(head.body.length, 0);
    });
  }

  test("GET and HEAD of a blob answer it whole, with its length and digest", async () => {
    const path = `/v2/library/web/blobs/${layer.digest}`;
    const got = await ask("GET", path);
    const head = await ask("HEAD", path);
    for (const { status, headers } of [got, head]) {
      assert.equal(status, 200);
      assert.equal(headers["content-length"], String(layer.size));
      assert.equal(headers["docker-content-digest"], layer.digest);
      assert.equal(headers["accept-ranges"], "bytes");
    }
    assert.equal(digestOf(got.body), layer.digest);
    assert.equal(head.body.length, 0);
  });

  test("GET of a blob's ranges answers these bytes, so that a pull goes on where it was cut", async () => {
    const path = `/v2/library/web/blobs/${layer.digest}`;
    const whole = (await ask("GET", path)).body;
    const ranges = [
      { range: "bytes=0-99", first: 0, last: 99 },
      { range: "bytes=1000-", first: 1000, last: layer.size - 1 },
      { range: "bytes=-7", first: layer.size - 7, last: layer.size - 1 },
    ];
    for (const { range, first, last } of ranges) {
      const { status, headers, body } = await ask("GET", path, { range });
      assert.equal(status, 206);
      assert.equal(headers["content-range"], `bytes ${first}-${last}/${layer.size}`);
      assert.deepEqual(body, whole.subarray(first, last + 1));
    }
    const beyond = await ask("GET", path, { range: `bytes=${layer.size}-` });
    assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, `bytes */${layer.size}`]);
  });

  test("tags, catalog and referrers are listed, tags page by page", async () => {
    const json = async (path: string) => JSON.parse(String((await ask("GET", path)).body));
    assert.deepEqual(await json("/v2/library/web/tags/list"), { name: "library/web", tags: ["1", "2"] });
    const page = await ask("GET", "/v2/library/web/tags/list?n=1");
    assert.deepEqual(JSON.parse(String(page.body)).tags, ["1"]);
    assert.equal(page.headers["link"], '</v2/library/web/tags/list?n=1&last=1>; rel="next"');
    assert.deepEqual(await json("/v2/library/web/tags/list?n=1&last=1"), { name: "library/web", tags: ["2"] });
    assert.ok((await json("/v2/_catalog")).repositories.includes("docker.io/library/web"));
    assert.deepEqual((await json(`/v2/library/web/referrers/${archive.digest}`)).manifests, []);
  });

  const errors = [
    { method: "GET", path: "/v2/library/web/manifests/3", status: 404, code: "MANIFEST_UNKNOWN" },
    { method: "GET", path: `/v2/library/web/manifests/${NOTHING}`, status: 404, code: "MANIFEST_UNKNOWN" },
    { method: "GET", path: "/v2/library/nothing/manifests/1", status: 404, code: "NAME_UNKNOWN" },
    { method: "GET", path: "/v2/library/web/manifests/1?ns=other.test", status: 404, code: "NAME_UNKNOWN" },
    { method: "GET", path: "/v2/library/nothing/tags/list", status: 404, code: "NAME_UNKNOWN" },
    { method: "GET", path: `/v2/library/nothing/blobs/${NOTHING}`, status: 404, code: "NAME_UNKNOWN" },
    { method: "GET", path: "/elsewhere", status: 404, code: "NAME_UNKNOWN" },
    { method: "GET", path: `/v2/library/web/blobs/${NOTHING}`, status: 404, code: "BLOB_UNKNOWN" },
    { method: "GET", path: "/v2/library/web/blobs/sha256:1", status: 400, code: "DIGEST_INVALID" },
    { method: "GET", path: "/v2/library/web/manifests/md5:1", status: 400, code: "DIGEST_INVALID" },
    { method: "GET", path: "/v2/library/web/manifests/-1", status: 400, code: "TAG_INVALID" },
    { method: "GET", path: "/v2/Library/web/manifests/1", status: 400, code: "NAME_INVALID" },
    { method: "GET", path: "/v2/..%2f..%2fetc/manifests/1", status: 400, code: "NAME_INVALID" },
    { method: "GET", path: "/v2/%ff/manifests/1", status: 400, code: "NAME_INVALID" },
    { method: "POST", path: "/v2/library/web/blobs/uploads/", status: 405, code: "UNSUPPORTED" },
    { method: "PUT", path: "/v2/library/web/manifests/1", status: 405, code: "UNSUPPORTED" },
    { method: "DELETE", path: "/v2/library/web/manifests/1", status: 405, code: "UNSUPPORTED" },
    { method: "GET", path: "/v2/library/broken/manifests/latest", status: 503, code: "UNAVAILABLE" },
  ] as const;
  for (const { method, path, status, code } of errors) {
    test(`${method} ${path} answers ${status} ${code}`, async () => {
      const answer = await ask(method, path);
      assert.equal(answer.status, status);
      assert.equal(answer.headers["content-type"], "application/json");
      const { errors } = JSON.parse(String(answer.body));
      assert.equal(errors.length, 1);
      assert.equal(errors[0].code, code);
      assert.notEqual(errors[0].message, "");
      if (method !== "GET") return;
      const head = await ask("HEAD", path);
      assert.deepEqual([head.status, head.body.length], [status, 0]);
    });
  }

  test("the table holds every error code", () => {
    assert.deepEqual([...new Set(errors.map(({ code }) => code))].toSorted(), DISTRIBUTION_CODES.toSorted());
  });

  test("an image that cannot be built says why in the status line, which clients show", async () => {
    const { message } = await ask("HEAD", "/v2/library/broken/manifests/latest");
    assert.match(message, /^Cannot download Debian package {1,2}broken ?: no network$/);
  });

  test("many pulls at once all get the same bytes", async () => {
    const pulls = Array.from({ length: 50 }, () => ask("GET", `/v2/library/web/blobs/${layer.digest}`));
    for (const { body } of await Promise.all(pulls)) assert.equal(digestOf(body), layer.digest);
  });
});

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
