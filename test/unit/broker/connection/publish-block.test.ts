import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PublishBlock } from '../../../../src/broker/connection/publish-block.ts';

test('notifies a client that publishes of each change, once', () => {
  const { block, sent } = recorded();
  block.recordPublish();
  assert.ok(block.set(true));
  assert.not(block.set(true));
  assert.ok(block.isEffective);
  assert.ok(block.set(false));
  assert.equal(sent, [true, false]);
});

test('notifies a client that only consumes at its first publish', () => {
  const { block, sent } = recorded();
  block.set(true);
  assert.not(block.isEffective);
  assert.equal(sent, []);
  block.recordPublish();
  block.recordPublish();
  assert.equal(sent, [true]);
});

function recorded() {
  const sent: boolean[] = [];
  return { sent, block: new PublishBlock((isBlocked) => void sent.push(isBlocked)) };
}

test.run();
