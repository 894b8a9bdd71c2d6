// Exports Node's HTTPS client. It is in a module of its own, because loading TLS takes longer than a whole request
// without TLS. A dynamic import of `node:https` itself would also load Node's module loader in the executable.

export { Agent, request } from 'node:https';
