// uvu 0.5.6 exits 0: the `return` in its `finally` swallows what a `before` hook throws.
import { suite } from 'uvu';

const stock = suite('stock');
stock.before(() => {
  throw new Error('no stock today');
});
stock('is never reached', () => {});
stock.run();
