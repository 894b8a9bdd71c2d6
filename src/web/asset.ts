// The files of the page by path. The build inserts them (src/build/page.ts); in the sources the object is empty.

export interface Asset {
  readonly type: string;
  readonly text: string;
}

export const assets: Readonly<Record<string, Asset>> = {};
