// The requests that real clients sent to RabbitMQ in their own test suites. Each row names a job that makes the same request.
// conformance.test.ts checks that the job exists, and that RabbitMQ's answer contains the text of the row.
//
// connection.blocked has no job, because an alarm would block all publishers of a shared node.

export interface Row {
  readonly client: string;
  readonly job: string;
  /** A part of RabbitMQ's answer. */
  readonly contains?: string;
}

type Rows = Readonly<Record<string, Row>>;

const by =
  (client: string) =>
  (job: string, contains?: string): Row => ({ client, job, ...(contains !== undefined && { contains }) });
const [amqplib, pika, java] = [by('amqplib'), by('pika'), by('java')];
const [amqpClient, php] = [by('amqp-client'), by('php-amqplib')];

const methodsOfClients: Rows = {
  'basic.ack': amqplib('basic.consume'),
  'basic.cancel': amqplib('basic.cancel'),
  'basic.consume': amqplib('basic.consume'),
  'basic.get': amqplib('basic.get'),
  'basic.nack': amqplib('basic.nack multiple requeues in order'),
  'basic.publish': amqplib('basic.publish every property'),
  'basic.qos': amqplib('basic.qos prefetch'),
  'basic.recover': amqplib('basic.recover'),
  'basic.recover-async': pika('basic.recover-async'),
  'basic.reject': amqplib('basic.reject requeues'),
  'channel.close': amqplib('channel.close requeues unacknowledged messages'),
  'channel.close-ok': amqplib('channel.open again after a close by the broker'),
  'channel.flow': pika('channel.flow'),
  'channel.open': java('channel numbers are reused'),
  'confirm.select': java('confirm.select'),
  'connection.close': java('connection.close by the client, with a code'),
  'connection.close-ok': amqplib('basic.consume tag in use'),
  'connection.open': php('connection by AMQPLAIN and PLAIN'),
  'connection.start-ok, PLAIN and AMQPLAIN': php('connection by AMQPLAIN and PLAIN'),
  'connection.tune-ok': amqpClient('connection.tune with lower limits'),
  'connection.update-secret': amqpClient('connection.update-secret'),
  'exchange.bind, exchange.unbind': amqplib('exchange.bind routes through'),
  'exchange.declare': amqplib('exchange.declare every type'),
  'exchange.delete': amqplib('exchange.delete missing'),
  heartbeat: pika('heartbeat from both sides'),
  'queue.bind, queue.unbind': amqplib('queue.bind and unbind'),
  'queue.declare': amqplib('queue.declare counts'),
  'queue.delete': amqplib('queue.delete counts'),
  'queue.purge': amqplib('queue.purge'),
  'tx.select, tx.commit': pika('tx.commit'),
  'tx.rollback': pika('tx.rollback'),
};

const methodsOfBrokers: Rows = {
  'basic.ack': amqplib('basic.publish confirms'),
  'basic.cancel': java('basic.cancel by the broker'),
  'basic.cancel-ok': amqplib('basic.cancel', 'tag'),
  'basic.consume-ok': java('basic.consume arguments and tag', 'my tag'),
  'basic.deliver': amqplib('basic.consume', 'deliveryTag'),
  'basic.get-empty': amqplib('basic.get empty', 'false'),
  'basic.get-ok': amqplib('basic.get', 'messageCount'),
  'basic.nack': amqplib('x-overflow reject-publish is nacked', 'nacked'),
  'basic.recover-ok': amqplib('basic.recover'),
  'basic.return': amqplib('basic.publish mandatory is returned, then acked', 'NO_ROUTE'),
  'channel.flow-ok': amqpClient('channel.flow', 'true'),
  'connection.start': amqplib('connection.start capabilities', 'publisher_confirms'),
  'connection.tune': java('connection.tune', '131072'),
  'connection.update-secret-ok': amqplib('connection.update-secret', 'update-secret-ok'),
};

const flags: Rows = {
  'publish to the default exchange': amqplib('basic.publish confirms'),
  'publish mandatory': java('basic.return', 'NO_ROUTE'),
  'publish immediate': pika('basic.publish immediate', '540'),
  'consume no-ack': amqplib('basic.cancel'),
  'consume exclusive': amqplib('basic.consume exclusive', '403'),
  'consume no-local': java('basic.consume no-local is accepted'),
  'consume no-wait': pika('basic.consume no-wait, cancel no-wait'),
  'consume direct reply-to': amqplib('direct reply-to'),
  'consume x-priority': amqplib('basic.consume priorities'),
  'qos of each consumer': amqplib('basic.qos of each consumer'),
  'qos global': java("basic.qos global is shared by the channel's consumers"),
  'qos prefetch-size': java('basic.qos prefetch-size', '540'),
  'ack multiple': amqplib('basic.ack multiple'),
  'ack multiple by the broker': java('confirm.select'),
  'nack, not requeued': amqplib('dead letter nacked, all at once'),
  'nack multiple, requeued': amqpClient('basic.consume, nack multiple'),
  'reject, requeued or not': php('basic.reject to a dead letter queue'),
  'recover without requeue': java('basic.recover without requeue', '540'),
  'queue.declare durable': java('persistent and transient in a durable queue'),
  'queue.declare auto-delete': amqplib('queue.declare auto-delete ends with its last consumer'),
  'queue.declare exclusive': amqplib('queue.declare exclusive ends with its connection'),
  'queue.declare server-named': amqplib('queue.declare server-named', 'amq.gen-'),
  'queue.declare passive': amqplib('queue.declare passive'),
  'queue.declare no-wait': pika('queue.declare no-wait'),
  'queue.delete if-empty': amqplib('queue.delete if-empty', '406'),
  'queue.delete if-unused': amqplib('queue.delete if-unused', '406'),
  'queue.delete no-wait': php('queue.delete no-wait'),
  'exchange.declare auto-delete': amqplib('exchange.declare auto-delete ends with its last binding'),
  'exchange.declare internal': amqplib('basic.publish internal exchange'),
  'exchange.declare passive, without and with a type': java('exchange.declare passive with another type'),
  'exchange.declare no-wait': java('exchange.declare no-wait, passive missing'),
  'exchange.delete if-unused': java('exchange.delete if-unused', '406'),
  'exchange.delete no-wait': pika('exchange.declare and delete no-wait'),
  'exchange types': amqplib('exchange.declare every type'),
};

const tables: Rows = {
  'alternate-exchange': java('alternate exchange in a chain'),
  'arguments that mean nothing': java('unknown arguments are not compared'),
  'field tables of every type': java('field table of every type in a declaration'),
  'x-consumer-timeout, x-alternate-exchange': java('queue.declare x-consumer-timeout, x-alternate-exchange'),
  'x-dead-letter-exchange': amqplib('dead letter with its own routing key'),
  'x-dead-letter-routing-key': amqplib('dead letter rejected'),
  'x-expires': pika('queue.declare x-expires', '404'),
  'x-match': amqplib('route headers'),
  'x-max-length': amqplib('x-max-length drops the head'),
  'x-max-length-bytes': amqplib('x-max-length-bytes'),
  'x-max-length of a quorum queue': java('queue.declare x-max-length of a quorum queue'),
  'x-max-priority': amqplib('x-max-priority'),
  'x-message-ttl': amqplib('dead letter expired by x-message-ttl'),
  'x-overflow': amqplib('x-overflow reject-publish is nacked'),
  'x-queue-type classic': java('x-queue-type classic is the default'),
  'x-queue-type quorum': amqplib('quorum delivery-limit'),
  'x-queue-type stream': amqplib('queue.declare stream'),
};

/** Closes by the broker. Some texts of RabbitMQ 4 differ from the recorded texts of RabbitMQ 3. */
const closes: Rows = {
  'no queue': amqplib('queue.declare passive missing', 'NOT_FOUND - no queue'),
  'no exchange': amqplib('exchange.declare passive missing', 'NOT_FOUND - no exchange'),
  'no previously declared queue': pika('basic.get before any queue was declared', 'NOT_FOUND - no previously'),
  'inequivalent arg for queue': amqplib(
    'queue.declare inequivalent argument',
    "inequivalent arg 'x-message-ttl' for queue",
  ),
  'inequivalent arg for queue, received none': java('x-expires only the first time', 'received none but current is'),
  'inequivalent arg for queue, current is none': java('x-expires only the second time', 'but current is none'),
  'inequivalent arg for exchange': amqplib(
    'exchange.declare inequivalent type',
    "inequivalent arg 'type' for exchange",
  ),
  'unknown delivery tag': amqplib('basic.ack twice', 'unknown delivery tag 1'),
  'locked queue': amqplib(
    'basic.consume locked by another connection',
    'RESOURCE_LOCKED - cannot obtain exclusive access',
  ),
  'login refused, PLAIN': amqplib('connection.start-ok wrong password', 'authentication mechanism PLAIN'),
  'login refused, AMQPLAIN': php('connection.start-ok wrong password', 'authentication mechanism AMQPLAIN'),
  'channel is not transactional': pika('tx.commit without tx.select', 'channel is not transactional'),
  'unknown exchange type': pika('exchange.declare unknown type', 'unknown exchange type'),
  immediate: java('basic.publish immediate', 'NOT_IMPLEMENTED - immediate=true'),
  'internal exchange': java('basic.publish to an internal exchange', 'cannot publish to internal exchange'),
  'reserved prefix of an exchange': amqplib('exchange.declare reserved name', "contains reserved prefix 'amq.*'"),
  'reserved prefix of a queue': amqplib('queue.declare reserved name', "contains reserved prefix 'amq.*'"),
  'default exchange': amqplib('queue.bind default exchange', 'operation not permitted on the default exchange'),
  'queue in exclusive use': amqplib('basic.consume exclusive', 'in exclusive use'),
  'x-match of a wrong type': amqplib('queue.bind x-match of a wrong type', 'Invalid x-match field type'),
  'x-match of a wrong value': amqplib('queue.bind invalid x-match', 'Invalid x-match field value'),
  'from confirm to tx': pika('tx.select after confirm.select', 'cannot switch from confirm to tx mode'),
  'from tx to confirm': pika('confirm.select after tx.select', 'cannot switch from tx to confirm mode'),
  'exchange in use': amqplib('exchange.delete if-unused', 'in use'),
  'queue not empty': amqplib('queue.delete if-empty', 'not empty'),
  'invalid arg': java('queue.declare x-expires of a wrong type', "invalid arg 'x-expires' for queue"),
  'invalid type for arg': java(
    'queue.declare x-dead-letter-exchange of a wrong type',
    "invalid type 'signedint' for arg",
  ),
  'invalid expiration': java('basic.publish invalid expiration', "invalid expiration 'foobar'"),
  'invalid CC': java('basic.publish CC of a wrong type', 'unacceptable_type_in_header'),
  'reply consumer already set': java('direct reply-to twice', 'reply consumer already set'),
  'reply consumer cannot acknowledge': amqplib('direct reply-to with acks', 'reply consumer cannot acknowledge'),
  'frame of type 0': pika('unknown frame type, long', 'FRAME_ERROR - type 0, first 16 octets'),
  'frame too large': pika('frame over frame-max', 'frame_too_large'),
  'unexpected method': pika('connection.start-ok again', 'unexpected method in connection state running'),
  'body expected': pika('method where a body is expected', 'expected content body, got non content body frame'),
  'header expected': pika('method where a content header is expected', 'got non content header frame instead'),
  'header of another class': pika('content header of another class', 'got one for class 3106 instead'),
  'method expected': pika('body frame where a method is expected', 'expected method frame, got non method frame'),
  'heartbeat on a channel': pika('heartbeat on a channel', 'UNEXPECTED_FRAME - type 8'),
  'vhost deleted': amqplib('vhost deleted while it has connections', 'CONNECTION_FORCED - vhost'),
  'vhost not found': java('connection.open unknown vhost', 'NOT_ALLOWED - vhost'),
  'prefetch-size': java('basic.qos prefetch-size', 'prefetch_size!=0 (1000)'),
  'recover without requeue': java('basic.recover without requeue', 'NOT_IMPLEMENTED - requeue=false'),
  'consumer tag in use': amqplib('basic.consume tag in use', 'attempt to reuse consumer tag'),
  'flow stopped by a client': pika('channel.flow stop', 'NOT_IMPLEMENTED - active=false'),
};

/** All rows by table. */
export const covered: Readonly<Record<string, Rows>> = { methodsOfClients, methodsOfBrokers, flags, tables, closes };
