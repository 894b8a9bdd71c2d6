// Tests the quoting of words in the PowerShell script with the regular expressions of the script itself.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scripts } from '../../../../src/cli/completion/script.ts';

/** Returns the regular expression after an operator. In double quotes, PowerShell escapes with a backtick. */
function pattern(operator: string, flags = ''): RegExp {
  const [, text = ''] = new RegExp(`\\$word ${operator} "((?:\`.|[^"])*)"`).exec(scripts.powershell) ?? [];
  return new RegExp(text.replace(/`(.)/g, '$1'), flags);
}

test('quotes words with any quotes for PowerShell', () => {
  const special = pattern('-match');
  const doubled = pattern('-replace', 'g');
  for (const quote of ["'", '\u2018', '\u2019', '\u201a', '\u201b']) {
    assert.ok(special.test(`a${quote}b`));
    assert.is(`a${quote};b`.replace(doubled, '$&$&'), `a${quote}${quote};b`);
  }
  // These characters are special only outside single quotes.
  for (const quote of ['"', '`', '\u201c', '\u201d', '\u201e']) {
    assert.ok(special.test(`a${quote}b`));
    assert.is(`a${quote}b`.replace(doubled, '$&$&'), `a${quote}b`);
  }
  assert.not.match('orders.eu-1', special);
});

test.run();
