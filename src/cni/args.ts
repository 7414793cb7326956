/**
 * CNI_ARGS: `K=V;K=V`, hints from the runtime to a plugin. Each plugin knows its own keys; others are an error
 * unless the runtime says `IgnoreUnknown=1`, which Kubernetes runtimes do. Source: CNI SPEC 1.1.0; texts as in libcni.
 */

import { CniError } from "./cni-error.ts";
import { errorMessage } from "./error-message.ts";

type Parsers = Readonly<Record<string, (text: string) => unknown>>;
type Args<P extends Parsers> = { readonly [K in keyof P]?: ReturnType<P[K]> };

/**
 * `parseArgs(request.args, { IP: parseAddress, MAC: parseMacAddress })` gives `{ IP?, MAC? }`.
 * Keys are case-sensitive; of several pairs with one key the last counts. A parser refuses by throwing.
 */
export function parseArgs<const P extends Parsers>(args: string, parsers: P): Args<P> {
  const values = new Map<string, unknown>();
  const unknownPairs: string[] = [];
  let ignoreUnknown = false;
  for (const pair of args === "" ? [] : args.split(";")) {
    const [key = "", value, ...rest] = pair.split("=");
    if (value === undefined || rest.length > 0) {
      throw new CniError("invalidEnvironment", `ARGS: invalid pair ${JSON.stringify(pair)}`);
    }
    if (key === "IgnoreUnknown") ignoreUnknown = parseValue(pair, value, parseBoolean);
    else if (Object.hasOwn(parsers, key)) values.set(key, parseValue(pair, value, parsers[key] ?? String));
    else unknownPairs.push(pair);
  }
  if (unknownPairs.length > 0 && !ignoreUnknown) {
    const quoted = unknownPairs.map((pair) => JSON.stringify(pair)).join(" ");
    throw new CniError("invalidEnvironment", `ARGS: unknown args [${quoted}]`);
  }
  // Each value was made by the parser of its key.
  return Object.fromEntries(values) as Args<P>;
}

function parseValue<T>(pair: string, value: string, parse: (text: string) => T): T {
  try {
    return parse(value);
  } catch (cause) {
    const message = `ARGS: error parsing value of pair ${JSON.stringify(pair)}: ${errorMessage(cause)}`;
    throw new CniError("invalidEnvironment", message, "", { cause });
  }
}

function parseBoolean(text: string): boolean {
  const lower = text.toLowerCase();
  if (lower === "1" || lower === "true") return true;
  if (lower === "0" || lower === "false") return false;
  throw new Error(`boolean unmarshal error: invalid input ${lower}`);
}
