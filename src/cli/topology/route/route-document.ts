// The document that mq route --json prints.

import type { Route } from '../../../topology/route.ts';

export interface RouteDocument extends Route {
  /** Name of the vhost: on the broker with --live, otherwise in rascal.json. */
  readonly vhost: string;
  /** Name of the file, or address of the broker without user and password. */
  readonly against: string;
  readonly exchange: string;
  readonly key: string;
}
