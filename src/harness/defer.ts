// uvu runs what is registered by itself unless this is set before its first load. Import it before uvu.

Object.assign(globalThis, { UVU_DEFER: 1 });

export {};
