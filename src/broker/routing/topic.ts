// Matches topics. Keys and patterns consist of words that are separated by dots. `*` matches one word, `#` matches zero or
// more words.

import { Steps } from './steps.ts';

interface Node<T> {
  /** True for `#`. Such a node matches any further word. */
  readonly isHash: boolean;
  readonly children: Map<string, Node<T>>;
  readonly values: Set<T>;
}

/** Finds the values whose patterns match a key. It stores the patterns as a tree of words. */
export class TopicTable<T> {
  readonly #root: Node<T> = newNode('');

  add(pattern: string, value: T): void {
    let node = this.#root;
    for (const word of words(pattern)) {
      let child = node.children.get(word);
      if (child === undefined) {
        child = newNode(word);
        node.children.set(word, child);
      }
      node = child;
    }
    node.values.add(value);
  }

  remove(pattern: string, value: T): void {
    const path: { node: Node<T>; word: string }[] = [];
    let node = this.#root;
    for (const word of words(pattern)) {
      const child = node.children.get(word);
      if (child === undefined) return;
      path.push({ node, word });
      node = child;
    }
    node.values.delete(value);
    for (const { node: parent, word } of path.toReversed()) {
      if (node.values.size > 0 || node.children.size > 0) return;
      parent.children.delete(word);
      node = parent;
    }
  }

  /** Returns the values whose patterns match the key. `steps` counts the visited nodes. */
  match(key: string, steps: Steps = new Steps()): Set<T> {
    const values = new Set<T>();
    // A node is visited at most once for each word of the key, so that a pattern with many hashes is not slow.
    let nodes = withEmptyHashes(new Set([this.#root]));
    for (const word of words(key)) {
      const next = new Set<Node<T>>();
      for (const node of nodes) {
        const named = node.children.get(word);
        const star = node.children.get('*');
        if (named !== undefined) next.add(named);
        if (star !== undefined) next.add(star);
        if (node.isHash) next.add(node);
      }
      nodes = withEmptyHashes(next);
      if (nodes.size === 0) break;
      steps.add(nodes.size);
    }
    for (const node of nodes) for (const value of node.values) values.add(value);
    return values;
  }
}

function newNode<T>(word: string): Node<T> {
  return { isHash: word === '#', children: new Map(), values: new Set() };
}

/** RabbitMQ: the empty key has zero words, and `a.` has two. */
function words(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

/** Adds the `#` children of the nodes, because `#` also matches zero words. */
function withEmptyHashes<T>(nodes: Set<Node<T>>): Set<Node<T>> {
  // The loop also visits the nodes that it adds to the set.
  for (const node of nodes) {
    const hash = node.children.get('#');
    if (hash !== undefined) nodes.add(hash);
  }
  return nodes;
}
