/**
 * Policy tests from files: reads what a test file refers to (files, folders, patterns, the standard input) and puts it
 * together. A path without a test file is a test of manifests alone: it has policies and pods, and expects nothing.
 */
import { globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { PolicyTest } from "../policy-test.ts";
import { PolicyTestError } from "../policy-test-error.ts";
import { type Located, readDocuments } from "./located-yaml.ts";
import { isTestDocument, parseTestFile } from "./parse-test-file.ts";
import { createProblems } from "./read-fields.ts";
import { isPolicyDocument, listItems, readManifests } from "./read-manifests.ts";
import { resolveTest } from "./resolve-test.ts";
import { DEFAULT_NODES, type PolicyReference, type TestFile } from "./test-file.ts";

export interface LoadOptions {
  /** Policies from these files instead of the test's own; of its other manifests the workloads and namespaces stay. */
  readonly policies?: readonly string[] | undefined;
  /** False: `because` may name policies that are not there, for those who do not ask about expectations. Default: true. */
  readonly checksBecause?: boolean | undefined;
  /** Reads the standard input to its end. */
  readonly stdin?: (() => string) | undefined;
}

const MANIFEST = /\.(ya?ml|json)$/;
const STDIN = "-";

/** Throws PolicyTestError. */
export function loadTest(path: string, options: LoadOptions = {}): PolicyTest {
  const read = createReader(options.stdin);
  if (path !== STDIN && !exists(path)) {
    const problem = { source: { file: path, line: 1 }, field: "", message: "there is no such file or folder" };
    throw new PolicyTestError("file", `Cannot read "${path}"`, { problems: [problem] });
  }
  if (path === STDIN || isFolder(path)) return fromManifests(read(path, ""), path);
  const text = read.text(path);
  const documents = readDocuments(text, path);
  if (!documents.some(isTestDocument)) return fromManifests({ documents, notes: [] }, path);
  return fromTestFile(parseTestFile(text, path), options, read);
}

/** A test from text; paths in it start at the current folder. */
export function loadTestText(text: string, name: string): PolicyTest {
  return fromTestFile(parseTestFile(text, name), {}, createReader(undefined));
}

function fromTestFile(file: TestFile, { policies, checksBecause }: LoadOptions, read: Reader): PolicyTest {
  const references = policies === undefined ? file.references : file.references.filter(({ path }) => path !== STDIN);
  const own = references.map((reference) =>
    findReference(file, reference, { read, isOptional: policies !== undefined }),
  );
  const given = (policies ?? []).map((path) => {
    const reference = { path, source: { file: path, line: 1 }, field: "" };
    return findReference({ file: path }, reference, { read, isOptional: false, folder: "" });
  });
  const documents = [...file.inline, ...own.flatMap((found) => found.documents)].flatMap(listItems);
  const kept = policies === undefined ? documents : documents.filter((document) => !isPolicyDocument(document));
  const notes = [...own, ...given].flatMap((found) => found.notes);
  return combine(file, [...kept, ...given.flatMap((found) => found.documents)], { notes, checksBecause });
}

interface Finding {
  readonly read: Reader;
  /** What is not there may be what the given policies stand for. */
  readonly isOptional: boolean;
  readonly folder?: string;
}

function findReference(
  { file }: Pick<TestFile, "file">,
  { path, source, field }: PolicyReference,
  { read, isOptional, folder = dirname(file) }: Finding,
): Found {
  try {
    return read(path, folder);
  } catch (error) {
    if (error instanceof PolicyTestError || !(error instanceof Error)) throw error;
    if (isOptional) return { documents: [], notes: [`${path} is not read: ${error.message}`] };
    const problem = { source, field, message: error.message };
    throw new PolicyTestError("file", `Cannot read the policies of "${file}"`, { problems: [problem], cause: error });
  }
}

/** A folder's or file's manifests as a test that expects nothing. */
function fromManifests({ documents, notes }: Found, path: string): PolicyTest {
  const file: TestFile = {
    file: path,
    name: path === STDIN ? "standard input" : path,
    nodes: DEFAULT_NODES,
    families: [4, 6],
    defaultNamespace: "default",
    namespaces: [],
    pods: [],
    references: [],
    inline: [],
    expectations: [],
  };
  return combine(file, documents, { notes });
}

function combine(
  file: TestFile,
  documents: readonly Located[],
  { notes, checksBecause }: { readonly notes: readonly string[] } & Pick<LoadOptions, "checksBecause">,
): PolicyTest {
  const problems = createProblems();
  const manifests = readManifests(documents.flatMap(listItems), file.defaultNamespace, problems);
  problems.check(file.file);
  return resolveTest(file, { ...manifests, notes: [...notes, ...manifests.notes] }, { checksBecause });
}

interface Found {
  readonly documents: readonly Located[];
  readonly notes: readonly string[];
}

type Reader = ReturnType<typeof createReader>;

function createReader(stdin: () => string = () => readFileSync(0, "utf8")) {
  const find = (path: string, folder: string): Found => {
    if (path === STDIN) return { documents: readDocuments(stdin(), "stdin"), notes: [] };
    const whole = resolve(folder, path);
    const files = /[*?{[]/.test(path) && !exists(whole) ? globSync(path, { cwd: resolve(folder) }).sort() : [path];
    if (files.length === 0) throw new Error(`no file matches "${path}"`);
    const found = files.map((file) => findAt(resolve(folder, file)));
    return { documents: found.flatMap((one) => one.documents), notes: found.flatMap((one) => one.notes) };
  };
  return Object.assign(find, { text: (path: string) => readFileSync(path, "utf8") });
}

function findAt(path: string): Found {
  if (!isFolder(path)) return { documents: readDocuments(readFileSync(path, "utf8"), shown(path)), notes: [] };
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
  const kustomization = names.find((name) => /(^|\/)kustomization\.ya?ml$/.test(name));
  const notes =
    kustomization === undefined
      ? []
      : [
          `${shown(path)} has a ${kustomization}: its files are read as they are; what it makes comes by kustomize build`,
        ];
  const documents = names
    .filter((name) => MANIFEST.test(name) && !/(^|\/)(kustomization|values|Chart)\.ya?ml$/.test(name))
    .flatMap((name) => readDocuments(readFileSync(join(path, name), "utf8"), shown(join(path, name))))
    .filter((document) => !isTestDocument(document));
  return { documents, notes };
}

function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
