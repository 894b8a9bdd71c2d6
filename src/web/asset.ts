// The files of the page by their paths. The build puts them in here (src/build/page.ts): in the sources there are none.

export interface Asset {
  readonly type: string;
  readonly text: string;
}

export const assets: Readonly<Record<string, Asset>> = {};
