/**
 * What the demo claims, each claim with the command that shows it and the answer that must come. Services answer with
 * the address they see, so each answer tells what address translation did on the way.
 */
import { OUTSIDE } from "#cluster/outside.ts";
import { askService, peerAnswer } from "#cluster/peer-service.ts";
import { execInPod } from "#cluster/pod.ts";
import type { ProgramResult } from "#cluster/program.ts";
import { type Demo, WEB_HOST_PORT } from "./start-demo.ts";

export interface Check {
  readonly claim: string;
  /** Where the command runs. */
  readonly where: string;
  readonly command: string;
  readonly expected: string;
  readonly seen: string;
  readonly ok: boolean;
}

type Run = (argv: readonly string[], signal: AbortSignal) => Promise<ProgramResult>;

interface Claim {
  readonly claim: string;
  readonly where: string;
  readonly run: Run;
  readonly argv: readonly string[];
  /** The whole answer, or a part of what is said when the command fails as it must. */
  readonly expected: string | { readonly failsWith: string };
}

export async function runChecks(demo: Demo, signal: AbortSignal): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const claim of claimsOf(demo)) checks.push(await check(claim, signal));
  return checks;
}

function claimsOf({ web, client, outside }: Demo): readonly Claim[] {
  const { serviceAddress, nodeAddress, routerAddress, name } = OUTSIDE;
  const inClient = {
    where: "pod client",
    run: (argv, signal) => execInPod(client, argv, signal),
  } satisfies Partial<Claim>;
  const inOutside = { where: name, run: outside.exec } satisfies Partial<Claim>;
  return [
    {
      claim: "a pod reaches a pod: ping",
      ...inClient,
      argv: ["sh", "-c", `ping -c 1 -W 5 ${web.ip} | grep -o '1 packets received'`],
      expected: "1 packets received\n",
    },
    {
      claim: "pod to pod is not translated: web sees the client's own address",
      ...inClient,
      argv: askService(`http://${web.ip}/`),
      expected: peerAnswer(web.name, client.ip),
    },
    {
      claim: "pod to outside is masqueraded: outside sees the node's address",
      ...inClient,
      argv: askService(`http://${serviceAddress}/`),
      expected: peerAnswer(name, nodeAddress),
    },
    {
      claim: "control: outside has no way to a pod, so without masquerade no answer could come",
      ...inOutside,
      argv: ["ip", "route", "get", client.ip],
      expected: { failsWith: "Network is unreachable" },
    },
    {
      claim: "outside to a host port of the node gets to the pod, which sees who asks",
      ...inOutside,
      argv: askService(`http://${nodeAddress}:${WEB_HOST_PORT}/`),
      expected: peerAnswer(web.name, routerAddress),
    },
  ];
}

async function check({ claim, where, run, argv, expected }: Claim, signal: AbortSignal): Promise<Check> {
  const { code, stdout, stderr } = await run(argv, signal);
  const said = (stdout + stderr).trim() || `exit status ${code}, and no word`;
  const mustFail = typeof expected !== "string";
  const ok = mustFail ? code !== 0 && said.includes(expected.failsWith) : code === 0 && stdout === expected;
  const wanted = mustFail ? expected.failsWith : expected.trim();
  return { claim, where, command: argv.map(quote).join(" "), expected: wanted, seen: said, ok };
}

/** For a shell, as far as our own commands need it. */
function quote(argument: string): string {
  return /[\s|]/.test(argument) ? `"${argument}"` : argument;
}
