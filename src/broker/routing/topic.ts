// Topic matching. A key and a pattern are words between dots: `*` stands for one word, `#` for any number of them, none included.

import { Steps } from './steps.ts';

interface Node<T> {
  /** Stands for `#`: whatever word comes, one may stay here. */
  readonly isHash: boolean;
  readonly children: Map<string, Node<T>>;
  readonly values: Set<T>;
}

/** Patterns and what they lead to. */
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

  /** Everything whose pattern matches the key, each once. `steps` counts the nodes that are reached. */
  match(key: string, steps: Steps = new Steps()): Set<T> {
    const found = new Set<T>();
    // Each node is reached at a word once at most: `#.#.#` costs no more than its length times the key's.
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
    for (const node of nodes) for (const value of node.values) found.add(value);
    return found;
  }
}

function newNode<T>(word: string): Node<T> {
  return { isHash: word === '#', children: new Map(), values: new Set() };
}

/** RabbitMQ: the empty key has no word at all, while `a.` has two. */
function words(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

/** The nodes, and those that are reached from them when `#` stands for nothing. */
function withEmptyHashes<T>(nodes: Set<Node<T>>): Set<Node<T>> {
  // A set gives what is added to it while it is walked over, too.
  for (const node of nodes) {
    const hash = node.children.get('#');
    if (hash !== undefined) nodes.add(hash);
  }
  return nodes;
}
