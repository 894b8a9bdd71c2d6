// Shows how many messages arrived: in total, in the last second, and in each second of the last minute as a plot.

import { byId, setText, svgElement } from './dom.ts';

const seconds = 60;
const countMs = 200;
const [width, height] = [600, 64];

export class Rate {
  #total = 0;
  #now = 0;
  readonly #past: number[] = Array.from({ length: seconds }, () => 0);
  readonly #area = svgElement('path', { class: 'area' });
  readonly #line = svgElement('path', { class: 'line', 'vector-effect': 'non-scaling-stroke' });

  constructor() {
    byId('plot').append(this.#area, this.#line);
    this.#draw();
    setInterval(() => {
      this.#past.push(this.#now);
      this.#past.shift();
      this.#now = 0;
      this.#draw();
    }, 1000);
    // Thousands of messages may arrive in a second, so the number is updated only a few times.
    setInterval(() => setText(byId('received'), this.#total.toLocaleString('en')), countMs);
  }

  count(): void {
    this.#total += 1;
    this.#now += 1;
  }

  #draw(): void {
    const peak = Math.max(...this.#past);
    const scale = (height - 4) / Math.max(1, peak);
    const points = this.#past.map((count, index) => `${(index * width) / (seconds - 1)},${height - 1 - count * scale}`);
    this.#line.setAttribute('d', `M${points.join('L')}`);
    this.#area.setAttribute('d', `M0,${height}L${points.join('L')}L${width},${height}Z`);
    setText(byId('rate'), (this.#past.at(-1) ?? 0).toLocaleString('en'));
    setText(byId('peak'), `peak ${peak.toLocaleString('en')}/s`);
  }
}
