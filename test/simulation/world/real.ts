// The originals of what globals.ts replaces. It is loaded first.

export const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = globalThis;
export const now = performance.now.bind(performance);
export const { random } = Math;
export const RealDate = Date;
