// Sets UVU_DEFER before uvu is loaded, because uvu otherwise runs registered tests by itself. Import this file before
// uvu.

Object.assign(globalThis, { UVU_DEFER: 1 });

export {};
