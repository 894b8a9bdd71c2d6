// Reads the schema files that rascal.json names, and the files that they refer to. References to other places than files
// are problems, because a check must not depend on a network.

import { resolve as resolvePath } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { type JsonDocument, jsonDocument, type Path, type Problem } from '../config/check.ts';
import type { SchemaSettings } from '../config/config.ts';
import { isObject } from '../config/plain.ts';
import { openFile } from '../config/read-file.ts';
import { systemReason } from '../errors.ts';
import { baseOf, resolved, type Subschema, subschemas } from './keywords.ts';

/** A schema file. `uri` is the address by which references find it: its `$id`, otherwise that of the file. */
export interface SchemaDocument extends JsonDocument {
  /** Name for messages. */
  readonly file: string;
  /** Absolute path. */
  readonly path: string;
  readonly uri: string;
}

export interface Documents {
  /** Documents by URI. A file that is found by two URIs is in it twice. */
  readonly byUri: ReadonlyMap<string, SchemaDocument>;
  /** Documents of the named files, by the name in rascal.json. */
  readonly named: ReadonlyMap<string, SchemaDocument>;
  /** Every subschema, with the document that contains it. */
  readonly subschemas: readonly (Subschema & { readonly document: SchemaDocument })[];
  readonly problems: readonly Problem[];
}

/** Start of the URIs of the schemas of JSON Schema itself. */
const metaSchemas = 'https://json-schema.org/draft/2020-12/';

/** Ajv 8.20 returns wrong results for a third of the tests of JSON Schema for this keyword. */
const dynamic = 'mq does not support $dynamicRef; use $ref';

/** Reads the named files, relative to the folder, and all local files that they refer to. */
export async function readDocuments(
  names: readonly string[],
  folder: string,
  places: SchemaSettings['places'] = {},
): Promise<Documents> {
  const reading = new Reading(folder, places);
  for (const name of names) await reading.addNamed(name);
  await reading.followAll();
  return reading;
}

type Located = Subschema & { readonly document: SchemaDocument };

class Reading implements Documents {
  readonly byUri = new Map<string, SchemaDocument>();
  readonly named = new Map<string, SchemaDocument>();
  readonly subschemas: Located[] = [];
  readonly problems: Problem[] = [];
  readonly #folder: string;
  readonly #places: NonNullable<SchemaSettings['places']>;
  /** URIs of resources and anchors: documents, and subschemas with an `$id`, `$anchor` or `$dynamicAnchor`. */
  readonly #targets = new Map<string, Located>();
  readonly #seen = new Set<unknown>();

  constructor(folder: string, places: NonNullable<SchemaSettings['places']>) {
    this.#folder = folder;
    this.#places = places;
  }

  async addNamed(name: string): Promise<void> {
    const path = resolvePath(this.#folder, name);
    const known = [...this.named.values()].find((one) => one.path === path);
    if (known !== undefined) {
      this.named.set(name, known);
      return;
    }
    const before = this.problems.length;
    const document = await this.#read(path, { name, uri: pathToFileURL(path).href });
    if (document !== undefined) this.named.set(name, document);
    const problem = this.problems[before];
    const place = this.#places[name];
    if (problem?.code !== 'missing-file' || place === undefined) return;
    // The problem belongs to the line in rascal.json, and not to a file that does not exist.
    const { path: at, line, column } = place;
    this.problems[before] = { code: problem.code, path: at, line, column, message: `${name} ${problem.message}` };
  }

  /** Follows the references of all subschemas, including those of the files that it reads for them. */
  async followAll(): Promise<void> {
    for (const one of this.subschemas) {
      const { $ref, $dynamicRef } = one.schema;
      if ($dynamicRef !== undefined) this.#report(one.document, [...one.path, '$dynamicRef'], dynamic);
      if (typeof $ref !== 'string') continue;
      const fault = await this.#follow($ref, one);
      if (fault !== undefined) this.#report(one.document, [...one.path, '$ref'], fault);
    }
  }

  #report(document: SchemaDocument, path: Path, message: string, code: Problem['code'] = 'reference'): void {
    this.problems.push({ ...document.problem(path, message, code), file: document.file });
  }

  async #read(path: string, { name, uri }: { name: string; uri: string }): Promise<SchemaDocument | undefined> {
    const text = await textOf(path);
    if ('fault' in text) {
      this.problems.push({ code: 'missing-file', file: name, path: '', line: 1, column: 1, message: text.fault });
      return undefined;
    }
    const { document: read, problems } = jsonDocument(text.text);
    this.problems.push(...problems.map((one) => ({ ...one, file: name })));
    if (read === undefined) return undefined;
    const own = isObject(read.content) ? withoutFragment(baseOf(read.content, uri)) : uri;
    const document = { ...read, file: name, path, uri: own };
    for (const one of [own, uri]) this.byUri.set(one, document);
    this.#visit(document, read.content, { base: own, path: [] });
    this.#targets.set(uri, { schema: {}, path: [], base: own, document });
    return document;
  }

  /** Adds the subschemas of a value, and the URIs by which references find them. */
  #visit(document: SchemaDocument, value: unknown, { base, path }: { base: string; path: Path }): void {
    if (path.length === 0 && !this.#targets.has(base)) this.#targets.set(base, { schema: {}, path, base, document });
    for (const one of subschemas(value, base, path)) {
      if (this.#seen.has(one.schema)) continue;
      this.#seen.add(one.schema);
      const located = { ...one, document };
      this.subschemas.push(located);
      const { $id, $anchor, $dynamicAnchor } = one.schema;
      const base = withoutFragment(one.base);
      if (typeof $id === 'string') this.#addTarget(base, located, '$id');
      if (typeof $anchor === 'string') this.#addTarget(`${base}#${$anchor}`, located, '$anchor');
      if (typeof $dynamicAnchor === 'string') this.#addTarget(`${base}#${$dynamicAnchor}`, located, '$dynamicAnchor');
    }
  }

  /** Makes a subschema known by its URI. Two files may contain copies of a schema with an `$id`. */
  #addTarget(uri: string, located: Located, keyword: string): void {
    const known = this.#targets.get(uri);
    this.#targets.set(uri, located);
    if (known === undefined) return;
    const isSamePlace = known.document === located.document && isDeepStrictEqual(known.path, located.path);
    const isCopy =
      ![known, located].some(({ path }) => path.length === 0) &&
      known.document !== located.document &&
      isDeepStrictEqual(at(known.document.content, known.path), at(located.document.content, located.path));
    if (isSamePlace || isCopy) return;
    const value = JSON.stringify(located.schema[keyword]);
    this.#report(located.document, [...located.path, keyword], `${value} is defined twice`, 'duplicate');
  }

  /** Finds the target of a reference. Returns the reason if that is not possible. */
  async #follow(reference: string, { base }: Located): Promise<string | undefined> {
    const target = resolved(reference, base);
    if (target === undefined) return `cannot be resolved against ${base}`;
    if (target.startsWith(metaSchemas)) return undefined;
    const uri = withoutFragment(target);
    if (!this.#targets.has(uri)) {
      const fault = await this.#load(uri);
      if (fault !== undefined) return fault;
    }
    const resource = this.#targets.get(uri);
    const fragment = target.slice(uri.length + 1);
    if (resource === undefined || fragment === '' || this.#targets.has(`${uri}#${fragment}`)) return undefined;
    if (!fragment.startsWith('/')) return `there is no anchor ${JSON.stringify(fragment)}`;
    return this.#followPointer(fragment, resource);
  }

  /** Visits the value at a JSON pointer, which may be at a place that is no schema for a visitor of keywords. */
  #followPointer(pointer: string, { document, base, path: start }: Located): string | undefined {
    let value: unknown = at(document.content, start);
    const path = [...start];
    for (const step of decoded(pointer).slice(1).split('/')) {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      const next = Array.isArray(value) && /^\d+$/.test(key) ? Number(key) : key;
      value = at(value, [next]);
      if (value === undefined) return `there is no ${JSON.stringify(pointer)} in ${document.file}`;
      path.push(next);
    }
    this.#visit(document, value, { base, path });
    return undefined;
  }

  /** Reads the local file for a URI. Returns the reason if it cannot be read. */
  async #load(uri: string): Promise<string | undefined> {
    const path = this.#pathOf(uri);
    if (path === undefined) return `refers to ${uri}, and mq reads local files only`;
    const known = [...this.byUri.values()].find((one) => one.path === path);
    if (known !== undefined) return this.#alias(uri, known);
    const before = this.problems.length;
    await this.#read(path, { name: this.#nameOf(path), uri });
    const [problem, ...others] = this.problems.slice(before);
    if (problem?.code !== 'missing-file' || others.length > 0) return undefined;
    // The problem belongs to the reference, and not to a file that does not exist.
    this.problems.length = before;
    return `${problem.file}: ${problem.message}`;
  }

  /** Makes a document known by another URI. */
  #alias(uri: string, document: SchemaDocument): undefined {
    this.byUri.set(uri, document);
    this.#targets.set(uri, { schema: {}, path: [], base: document.uri, document });
  }

  /**
   * Returns the path for a URI: that of a file, or the path next to a document whose `$id` is in the same place of the same
   * host. A schema can thus have an `$id` of a network and relative references to the files next to it.
   */
  #pathOf(uri: string): string | undefined {
    if (uri.startsWith('file:///')) return fileURLToPath(uri);
    for (const [of, { path }] of this.byUri) {
      const folder = resolved('.', of);
      if (folder === undefined || folder.startsWith('file:') || !uri.startsWith(folder)) continue;
      return resolvePath(path, '..', uri.slice(folder.length));
    }
    return undefined;
  }

  #nameOf(path: string): string {
    const folder = `${resolvePath(this.#folder)}/`;
    return path.startsWith(folder) ? path.slice(folder.length) : path;
  }
}

function at(value: unknown, path: Path): unknown {
  let found = value;
  for (const step of path) found = Array.isArray(found) || isObject(found) ? Reflect.get(found, step) : undefined;
  return found;
}

function decoded(pointer: string): string {
  try {
    return decodeURIComponent(pointer);
  } catch {
    return pointer;
  }
}

function withoutFragment(uri: string): string {
  return uri.replace(/#.*$/s, '');
}

async function textOf(path: string): Promise<{ text: string } | { fault: string }> {
  try {
    const { read, close, isSpecial } = openFile(path);
    if (isSpecial) {
      close();
      return { fault: 'cannot be read: it is not a regular file' };
    }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(await read({})) };
  } catch (error) {
    return { fault: `cannot be read: ${systemReason(error)}` };
  }
}
