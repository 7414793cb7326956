import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { JsonObject } from "#base/json.ts";
import { CniError } from "#cni/cni-error.ts";
import { formatJson } from "#cni/go-json.ts";
import type { CniResult } from "#cni/result.ts";
import { flannel } from "./flannel.ts";
import { callOurs, meaningOf, type RuntimeCall } from "./testing/call-plugin-as-runtime.ts";
import { temporaryFolder } from "./testing/temporary-folder.ts";

const V4_ENV = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n";
const DUAL_ENV = `FLANNEL_NETWORK=10.244.0.0/16,10.245.0.0/16,10.244.3.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_IPV6_NETWORK=fd00:10::/48
FLANNEL_IPV6_SUBNET=fd00:10:0:1::1/64
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`;

const RESULT: CniResult = { ips: [{ address: "10.244.1.2/24" }] };

interface Delegated {
  readonly verb: string;
  readonly type: string;
  readonly json: string;
}

function setup(context: TestContext, env = V4_ENV) {
  const folder = temporaryFolder(context);
  const [dataDir, subnetFile] = [join(folder, "data"), join(folder, "subnet.env")];
  if (env !== "") writeFileSync(subnetFile, env);
  const delegated: Delegated[] = [];
  let refusal: CniError | undefined;
  const record =
    (verb: string) =>
    async (type: string, _request: unknown, json: JsonObject = {}) => {
      delegated.push({ verb, type, json: formatJson(json) });
      if (refusal !== undefined) throw refusal;
    };
  const delegate = {
    add: async (...args: Parameters<ReturnType<typeof record>>) => record("ADD")(...args).then(() => RESULT),
    del: record("DEL"),
    check: record("CHECK"),
    gc: record("GC"),
    status: record("STATUS"),
  };
  return {
    run(config: JsonObject, call: Partial<RuntimeCall> = {}) {
      const base = { cniVersion: "1.1.0", name: "cbr0", type: "flannel", subnetFile, dataDir };
      return callOurs(flannel, { delegate }, { ...call, config: { ...base, ...config } });
    },
    dataDir,
    subnetFile,
    delegated,
    refuse(error: CniError | undefined) {
      refusal = error;
    },
  };
}

/** What the flannel CNI plugin (commit 092e6d2, cni 1.3.0) saved for the same configurations. */
const SAVED: readonly { what: string; env: string; config: JsonObject; type: string; saved: string }[] = [
  {
    what: "the configuration that Flannel ships",
    env: V4_ENV,
    config: { cniVersion: "0.3.1", delegate: { hairpinMode: true, isDefaultGateway: true } },
    type: "bridge",
    saved:
      '{"cniVersion":"0.3.1","hairpinMode":true,"ipMasq":true,"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],"type":"host-local"},"isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0","type":"bridge"}',
  },
  {
    what: "everything configured",
    env: DUAL_ENV,
    config: {
      cniVersion: null,
      delegate: { type: "rec", mtu: 1400, zed: "<a&b>", num: 1e21, small: 1e-7, n: null },
      ipam: {
        type: "custom",
        dataDir: "/d",
        routes: [{ mtu: 9, gw: "10.1.1.1", dst: "10.9.1.2/8", table: 0, priority: 5, x: 1 }, { dst: "FD00::/8" }],
      },
      runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 8080 }], b: {}, a: [] },
    },
    type: "rec",
    saved:
      '{"ipMasq":false,"ipam":{"dataDir":"/d","ranges":[[{"subnet":"10.244.1.0/24"}],[{"subnet":"fd00:10:0:1::/64"}]],"routes":[{"dst":"10.9.1.2/8","gw":"10.1.1.1","mtu":9,"priority":5,"table":0},{"dst":"fd00::/8"},{"dst":"10.244.0.0/16"},{"dst":"10.245.0.0/16"},{"dst":"fd00:10::/48"}],"type":"custom"},"mtu":1400,"n":null,"name":"cbr0","num":1e+21,"runtimeConfig":{"a":[],"b":{},"portMappings":[{"containerPort":8080,"hostPort":80}]},"small":1e-7,"type":"rec","zed":"\\u003ca\\u0026b\\u003e"}',
  },
  {
    what: "keys in another case: only at the top",
    env: V4_ENV,
    config: { cniVersion: "1.0.0", delegate: null, DELEGATE: { Type: "rec", ipMasq: true }, runtimeConfig: {} },
    type: "bridge",
    saved:
      '{"Type":"rec","cniVersion":"1.0.0","ipMasq":true,"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],"type":"host-local"},"isGateway":true,"mtu":1450,"name":"cbr0","runtimeConfig":{},"type":"bridge"}',
  },
];

for (const { what, env, config, type, saved } of SAVED) {
  test(`flannel saves and delegates what the flannel CNI plugin does: ${what}`, async (context) => {
    const { run, dataDir, delegated } = setup(context, env);
    assert.equal((await run(config)).exitCode, 0);
    assert.deepEqual(delegated, [{ verb: "ADD", type, json: saved }]);
    assert.equal(readFileSync(join(dataDir, "c1"), "utf8"), saved);
    assert.deepEqual(readdirSync(dataDir), ["c1"]);
    assert.deepEqual(
      [statSync(dataDir), statSync(join(dataDir, "c1"))].map(({ mode }) => mode & 0o777),
      [0o700, 0o600],
    );
    assert.equal((await run(config, { verb: "DEL" })).exitCode, 0);
    assert.deepEqual(delegated.slice(1), [{ verb: "DEL", type, json: saved }]);
    assert.deepEqual(readdirSync(dataDir), []);
  });
}

const HINT = "Check the flannel pod log for this node.";
const REFUSED: readonly { env: string; config?: JsonObject; code: number; message: string }[] = [
  { env: "", code: 11, message: `open FILE: no such file or directory. ${HINT}` },
  { env: V4_ENV.replace(/.*MTU.*\n/, ""), code: 6, message: `FILE is missing FLANNEL_MTU. ${HINT}` },
  {
    env: "FLANNEL_MTU=1",
    code: 6,
    message: `FILE is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_IPMASQ. ${HINT}`,
  },
  { env: V4_ENV.replace("10.244.1.1/24", "x"), code: 6, message: `invalid CIDR address: x. ${HINT}` },
  { env: V4_ENV.replace("1450", "1e3"), code: 6, message: `FLANNEL_MTU=1e3 is not a number of bytes. ${HINT}` },
];

for (const { env, code, message } of REFUSED) {
  test(`flannel refuses subnet.env ${JSON.stringify(env)}`, async (context) => {
    const { run, dataDir, subnetFile, delegated } = setup(context, env);
    const output = await run({});
    const expected = `failed to load flannel 'subnet.env' file: ${message.replace("FILE", subnetFile)}`;
    assert.equal(meaningOf(output), expected);
    assert.match(output.stdout, new RegExp(`"code": ${code},`));
    const status = await run({}, { verb: "STATUS" });
    assert.equal(meaningOf(status), expected);
    assert.match(status.stdout, /"code": 50,/);
    assert.equal(existsSync(dataDir), false);
    assert.deepEqual(delegated, []);
  });
}

const BAD_DELEGATES: readonly { delegate: JsonObject; message: string }[] = [
  { delegate: { type: 5 }, message: "'delegate' dictionary, if present, must have (string) 'type' field" },
  { delegate: { name: "x" }, message: "'delegate' dictionary must not have 'name' field, it'll be set by flannel" },
  { delegate: { ipam: {} }, message: "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel" },
];

for (const { delegate, message } of BAD_DELEGATES) {
  test(`flannel refuses delegate ${JSON.stringify(delegate)}`, async (context) => {
    const { run, delegated } = setup(context);
    assert.equal(meaningOf(await run({ delegate })), message);
    assert.deepEqual(delegated, []);
  });
}

test("flannel passes on the delegate's error, and keeps what DEL needs", async (context) => {
  const { run, dataDir, refuse } = setup(context);
  refuse(new CniError(123, "no", "because"));
  const { stdout } = await run({});
  assert.equal(stdout, '{\n    "code": 123,\n    "msg": "failed to delegate add: no",\n    "details": "because"\n}');
  assert.equal((await run({}, { verb: "DEL" })).exitCode, 1);
  assert.deepEqual(readdirSync(dataDir), ["c1"]);
  refuse(undefined);
  assert.equal((await run({}, { verb: "DEL" })).exitCode, 0);
  assert.deepEqual(readdirSync(dataDir), []);
});

const LEFT: readonly { what: string; file: string; env?: string; delegates: boolean; isLeft: boolean }[] = [
  { what: "a truncated file", file: "", delegates: true, isLeft: false },
  { what: "a file without type", file: '{"name":"cbr0"}', delegates: true, isLeft: false },
  { what: "a truncated file, after a reboot", file: "", env: "", delegates: false, isLeft: false },
  { what: "the file of another network", file: '{"name":"other","type":"rec"}', delegates: true, isLeft: true },
];

for (const { what, file, env, delegates, isLeft } of LEFT) {
  test(`flannel DEL with ${what}`, async (context) => {
    const { run, dataDir, delegated } = setup(context, env);
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "c1"), file);
    assert.equal((await run({}, { verb: "DEL" })).exitCode, 0);
    assert.deepEqual(
      delegated.map(({ type }) => type),
      delegates ? ["bridge"] : [],
    );
    assert.equal(existsSync(join(dataDir, "c1")), isLeft);
  });
}

test("flannel DEL without saved file succeeds and delegates nothing", async (context) => {
  const { run, delegated } = setup(context, "");
  assert.equal((await run({}, { verb: "DEL" })).exitCode, 0);
  assert.deepEqual(delegated, []);
});

test("flannel CHECK gives the delegate its configuration and the previous result", async (context) => {
  const { run, delegated } = setup(context);
  assert.match((await run({}, { verb: "CHECK" })).stdout, /"code": 103/);
  await run({});
  const prevResult = { cniVersion: "1.1.0", ips: [{ address: "10.244.1.2/24" }] };
  assert.equal((await run({ prevResult }, { verb: "CHECK" })).exitCode, 0);
  const [added, checked] = delegated;
  assert.equal(checked?.verb, "CHECK");
  assert.equal(checked?.json, `${added?.json.slice(0, -1)},"prevResult":${JSON.stringify(prevResult)}}`);
});

test("flannel GC reaches the delegate and removes what other containers left", async (context) => {
  const { run, dataDir, delegated } = setup(context);
  for (const containerId of ["c1", "c2"]) await run({}, { containerId });
  await run({ name: "other" }, { containerId: "c3" });
  for (const name of [".c1.tmp", ".c4.tmp"]) writeFileSync(join(dataDir, name), "{");
  const all = readdirSync(dataDir);
  assert.equal((await run({}, { verb: "GC" })).exitCode, 0);
  assert.deepEqual(readdirSync(dataDir), all, "no list is not an empty list");
  const valid = [{ containerID: "c1", ifname: "eth0" }];
  assert.equal((await run({ "cni.dev/valid-attachments": valid }, { verb: "GC" })).exitCode, 0);
  assert.deepEqual(readdirSync(dataDir), [".c1.tmp", "c1", "c3"]);
  const last = delegated.at(-1);
  assert.equal(last?.verb, "GC");
  assert.ok(last?.json.includes(`"cni.dev/valid-attachments":${JSON.stringify(valid)}`));
});

test("flannel STATUS asks the delegate", async (context) => {
  const { run, delegated, refuse } = setup(context);
  assert.equal((await run({}, { verb: "STATUS" })).exitCode, 0);
  assert.deepEqual(
    delegated.map(({ verb, type }) => [verb, type]),
    [["STATUS", "bridge"]],
  );
  refuse(new CniError("notAvailable", "full"));
  assert.equal(meaningOf(await run({}, { verb: "STATUS" })), "full");
});
