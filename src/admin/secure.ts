// HTTPS, apart from the rest: Node's TLS takes longer to load than a whole request without it. Not by import() of
// `node:https`: in the executable that would load Node's module loader as well.

export { Agent, request } from 'node:https';
