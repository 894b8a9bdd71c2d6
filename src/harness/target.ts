// What tests run against, as the harness sees it. Whoever wires the program says how each kind is had.

/** What the runner tells the process of a file about the target; it passes from process to process as JSON. */
export type TargetPlan =
  /** A broker of the file's own, in its process. */
  | { readonly kind: 'embedded' }
  | {
      readonly kind: 'cluster' | 'url';
      /** One amqp URL per node, with user and password. */
      readonly urls: readonly string[];
      /** Of the management API, with user and password; none: it has none. */
      readonly managementUrls: readonly string[];
      /** The name of the cluster in containers. */
      readonly cluster?: string;
    };
