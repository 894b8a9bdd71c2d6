// HTTPS in a module of its own, because loading Node's TLS is slower than a whole request without it. `import()` of
// `node:https` is not used, because in the executable it would also load Node's module loader.

export { Agent, request } from 'node:https';
