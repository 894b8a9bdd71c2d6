// Lists all fields of rascal.json. Rascal's fields are here; mq's own fields (under "mq") are in mq-fields.ts. The
// checks and the JSON Schema are generated from this table. Checks that need several fields are in references.ts and
// roles.ts.

import { anything, choice, type Field, flag, free, group, keyed, milliseconds, name, text, whole } from './field.ts';
import { mqField, prefetch } from './mq-fields.ts';

const ttl = milliseconds('How long a message stays');
const expires = milliseconds('How long the queue stays unused before it is deleted', 1);
const count = (description: string, facets: Partial<Field> = {}): Field =>
  whole(description, { is: ['integer', 'digits'], ...facets });

const retry: Field = {
  is: ['object', 'boolean'],
  description: 'Back-off of Rascal',
  definition: 'retry',
  fields: {
    min: milliseconds('Shortest pause'),
    max: milliseconds('Longest pause'),
    factor: { is: ['number'], description: 'By what the pause grows', min: 0 },
    strategy: choice('How the pause grows', ['exponential', 'linear']),
    delay: milliseconds('The only pause'),
    randomise: flag('Whether the pause varies'),
  },
};

/** Connection settings that can also be written as the query of a URL. */
export const connectionOptions = group('Settings that the URL would carry as its query', {
  heartbeat: count('Seconds between heartbeats, or with a unit ("30s"); 0: none', { unit: 's' }),
  frameMax: count('Largest frame, in bytes'),
  channelMax: count('Most channels; 0: no limit'),
  locale: text('Locale of the connection'),
  connection_timeout: count('Milliseconds to wait for the connection, or with a unit ("30s")', { unit: 'ms' }),
  maxFrameSize: count('Largest frame to take, in bytes'),
});

const port: Field = { is: ['integer', 'digits'], description: 'TCP port', min: 1, max: 65535 };
const host = {
  slashes: flag('Not used'),
  hostname: text('Host name or IP address'),
  port,
  user: text('User name'),
  password: text('Password', { secret: true }),
  vhost: text("The vhost's name at the broker; default: the vhost's key"),
  auth: text('Not used', { secret: true }),
  pathname: text('Not used', { secret: true }),
  query: { is: [], description: 'Not used', secret: true } satisfies Field,
  loggableUrl: text('Not used', { secret: true }),
};
const management: Field = {
  is: ['string', 'object'],
  description: 'The management HTTP API',
  secret: true,
  fields: {
    ...host,
    protocol: choice('Protocol', ['http', 'https', 'http:', 'https:']),
    url: text('Address', { secret: true }),
    options: free('Options of the HTTP client'),
  },
};
const connection: Field = {
  is: ['string', 'object'],
  description: 'A connection to a broker: amqp://user:password@host:port/vhost, or the same as fields',
  definition: 'connection',
  secret: true,
  url: true,
  fields: {
    ...host,
    protocol: choice('Protocol; amqps is TLS', ['amqp', 'amqps', 'amqp:', 'amqps:']),
    url: text('Address: amqp://user:password@host:port/vhost', { secret: true, url: true }),
    options: connectionOptions,
    socketOptions: free('Options of the socket and of TLS: timeout, ca, cert, key, servername, …'),
    retry,
    management,
    index: anything('Not used'),
  },
};

const exchange = group(
  'An exchange',
  {
    name: name('Its name, where exchanges are a list'),
    fullyQualifiedName: text('Not used'),
    assert: flag('Whether it is declared; default true'),
    check: flag('Whether it must be there already'),
    type: choice('Its type; default topic', ['direct', 'fanout', 'topic', 'headers'], { prefix: 'x-' }),
    options: group('How it is declared', {
      durable: flag('Whether it survives a restart of the broker; default true'),
      internal: flag('Whether only other exchanges may publish to it'),
      autoDelete: flag('Whether it is deleted with its last binding'),
      alternateExchange: name('Where unroutable messages go'),
      expires: milliseconds('Not used'),
      arguments: group(
        'Arguments of the declaration',
        { 'alternate-exchange': name('Where unroutable messages go') },
        { open: true },
      ),
    }),
  },
  { definition: 'exchange' },
);

const overflow = choice('What happens when the queue is full', ['drop-head', 'reject-publish', 'reject-publish-dlx']);
const priority = whole('Highest priority', { max: 255 });
const queueArguments = group(
  'Arguments of the declaration',
  {
    'x-queue-type': choice('Type of the queue', ['classic', 'quorum', 'stream']),
    'x-overflow': overflow,
    'x-message-ttl': ttl,
    'x-expires': expires,
    'x-max-length': whole('Most messages'),
    'x-max-length-bytes': whole('Most bytes'),
    'x-max-priority': priority,
    'x-consumer-timeout': milliseconds('How long a consumer may take to acknowledge a message'),
    'x-delivery-limit': whole('Most deliveries of one message; -1: no limit', { min: -1 }),
    'x-dead-letter-exchange': name('Where dead messages go'),
    'x-dead-letter-routing-key': name('Routing key of dead messages'),
    'x-dead-letter-strategy': choice('How safely dead messages go', ['at-most-once', 'at-least-once']),
    'x-single-active-consumer': flag('Whether one consumer at a time gets messages'),
    'x-quorum-initial-group-size': whole('Nodes that hold the queue', { min: 1 }),
    'x-queue-leader-locator': choice('Where the leader starts', ['client-local', 'balanced']),
    'x-max-age': text('Age of the oldest message in a stream, as 7D'),
    'x-stream-max-segment-size-bytes': whole('Size of a file of a stream', { min: 1 }),
  },
  { open: true },
);
const queue = group(
  'A queue',
  {
    name: name('Its name, where queues are a list'),
    fullyQualifiedName: text('Not used'),
    assert: flag('Whether it is declared; default true'),
    check: flag('Whether it must be there already'),
    type: text('Not used'),
    purge: flag('Whether it is emptied at each connection'),
    replyTo: { is: ['boolean', 'string'], description: 'true: its name is made unique; a string is added to its name' },
    options: group('How it is declared', {
      exclusive: flag('Whether only this connection may use it'),
      durable: flag('Whether it survives a restart of the broker; default true'),
      autoDelete: flag('Whether it is deleted with its last consumer'),
      messageTtl: ttl,
      expires,
      deadLetterExchange: name('Where dead messages go'),
      deadLetterRoutingKey: name('Routing key of dead messages'),
      maxLength: whole('Most messages'),
      maxPriority: priority,
      overflow,
      queueMode: choice('Mode of a classic queue; RabbitMQ 4.3 refuses it', ['default', 'lazy']),
      arguments: queueArguments,
    }),
  },
  { definition: 'queue' },
);

const key = name('A binding key');
const binding = group(
  'A binding; its key may say all of it: "source[key1, key2] -> destination"',
  {
    name: text('Its name, where bindings are a list'),
    fullyQualifiedName: text('Not used'),
    source: name('The exchange it is from'),
    destination: name('The queue or exchange it is to'),
    destinationType: choice('What it is to; default queue', ['queue', 'exchange']),
    bindingKey: { is: ['string', 'array'], description: 'Its key; default #', maxBytes: 255, items: key },
    bindingKeys: { is: ['string', 'array'], description: 'Its keys', maxBytes: 255, items: key },
    qualifyBindingKeys: flag('Whether the namespace is put before the keys'),
    options: free('Arguments of the binding (headers exchange)'),
  },
  { definition: 'binding' },
);

const encryptionProfile = group(
  'An encryption profile',
  {
    name: text('Its name'),
    key: text('The key, as hexadecimal digits', { secret: true }),
    algorithm: text('The algorithm, as aes-256-cbc'),
    ivLength: whole('Bytes of the initialisation vector', { min: 1 }),
  },
  { required: ['key', 'algorithm', 'ivLength'], definition: 'encryption' },
);
const copies: Field = { is: ['string', 'array'], description: 'Further routing keys', maxBytes: 255, items: key };
const publication = group(
  'A way to publish: to one exchange or one queue',
  {
    name: text('Its name'),
    vhost: text('Its vhost; default /'),
    exchange: name('The exchange; "" is the default exchange'),
    queue: name('The queue'),
    routingKey: name('The routing key'),
    confirm: flag('Whether the broker confirms; mq always has it so'),
    timeout: milliseconds('How long to wait for the confirm'),
    replyTo: name('The queue for answers'),
    encryption: { ...encryptionProfile, is: ['string', 'object'], definition: 'encryptionOrName' },
    destination: text('Not used'),
    autoCreated: flag('Not used'),
    deprecated: anything('Not used'),
    options: group('Properties of its messages', {
      persistent: flag('Whether messages survive a restart of the broker'),
      deliveryMode: { is: ['integer', 'boolean'], description: '2 or true: persistent', min: 1, max: 2 },
      mandatory: flag('Whether an unroutable message comes back'),
      expiration: milliseconds('How long a message lives'),
      priority: whole('Priority', { max: 255 }),
      CC: copies,
      BCC: copies,
      headers: free('Headers'),
      contentType: name('MIME type'),
      contentEncoding: name('MIME encoding'),
      correlationId: name('Correlation id'),
      replyTo: name('The queue for answers'),
      messageId: name('Message id'),
      timestamp: whole('Seconds since 1970'),
      type: name('Type of message'),
      userId: name('User; the broker checks it'),
      appId: name('Application'),
    }),
  },
  { definition: 'publication' },
);

const subscription = group(
  'A way to consume: one queue',
  {
    name: text('Its name'),
    vhost: text('Its vhost; default /'),
    queue: name('The queue'),
    contentType: text('MIME type that messages are taken for'),
    prefetch,
    channelPrefetch: { ...prefetch, description: 'Prefetch of the channel; RabbitMQ 4.3 refuses it' },
    retry,
    redeliveries: group('How often a message may come again', {
      limit: whole('Most redeliveries'),
      timeout: milliseconds('How long the counter may take'),
      counter: text('The counter'),
    }),
    closeTimeout: milliseconds('How long a close waits for handlers'),
    encryption: keyed('Encryption profiles', encryptionProfile),
    promisifyAckOrNack: flag('Not used'),
    options: group('How it consumes', {
      noAck: flag('Whether the broker forgets a message once it is sent'),
      exclusive: flag('Whether no one else may consume'),
      noLocal: flag('RabbitMQ ignores it'),
      priority: whole('Priority of the consumer', { min: -2_147_483_648, max: 2_147_483_647 }),
      consumerTag: name('Name of the consumer'),
      arguments: free('Arguments of the consumer'),
    }),
    source: text('Not used'),
    autoCreated: flag('Not used'),
    deprecated: anything('Not used'),
    recovery: anything('Not used'),
    workflow: anything('Not used'),
    workflows: anything('Not used'),
    handler: anything('Not used'),
    handlers: anything('Not used'),
  },
  { definition: 'subscription' },
);
const publications = keyed('Publications by name', publication);
const subscriptions = keyed('Subscriptions by name', subscription);

const strategy = choice('Order of the connections: as written (fixed; default) or random', ['random', 'fixed']);
const concurrency = whole('Channels that declare the topology', { min: 1 });
const pool = group('A pool of channels', {
  autostart: flag('Whether it is filled at once'),
  max: whole('Most channels'),
  min: whole('Fewest channels'),
  evictionRunIntervalMillis: milliseconds('Pause between looks for idle channels'),
  idleTimeoutMillis: milliseconds('When a channel is idle'),
  rejectionDelayMillis: milliseconds('Pause after a failure'),
  testOnBorrow: flag('Whether a channel is tested before use'),
  acquireTimeoutMillis: milliseconds('How long to wait for a channel'),
  destroyTimeoutMillis: milliseconds('How long to wait for a close'),
});
const pools = group("Rascal's pools of channels", { regularPool: pool, confirmPool: pool });
const namespace: Field = {
  is: ['boolean', 'string'],
  description: 'Put before every name of the vhost; true: a unique one',
};
const vhostDefaults = group('Defaults of vhosts', {
  concurrency,
  connectionStrategy: strategy,
  publicationChannelPools: pools,
  namespace,
  connection: { ...connection, is: ['object'], definition: 'connectionDefaults' },
  exchanges: exchange,
  queues: queue,
  bindings: binding,
});

const listOrKeyed = (description: string, entry: Field): Field => ({
  is: ['array', 'object'],
  description,
  keyBytes: 255,
  items: { ...entry, is: ['string', 'object'], maxBytes: 255, definition: `${entry.definition}OrName` },
  entries: entry,
});
const vhost = group('A vhost: a world of its own inside the broker', {
  name: text('Its name'),
  assert: flag('Whether mq creates it (by the management API)'),
  check: flag('Whether it must be there already'),
  namespace,
  concurrency,
  connectionStrategy: strategy,
  publicationChannelPools: pools,
  connection: { ...connection, is: ['string', 'object', 'array'], items: connection, definition: 'connectionOrList' },
  connections: { ...connection, is: ['array', 'string', 'object'], items: connection, definition: 'connectionOrList' },
  exchanges: listOrKeyed('Exchanges', exchange),
  queues: listOrKeyed('Queues', queue),
  bindings: {
    ...listOrKeyed('Bindings', binding),
    keyBytes: 65535,
    items: { ...binding, is: ['string', 'object'], definition: 'bindingOrName' },
  },
  publications,
  subscriptions,
  defaults: vhostDefaults,
});

/** Field of the whole file. */
export const rootField = group('What the broker holds, and the roles that use it', {
  $schema: text('The JSON Schema of this file'),
  vhosts: keyed('Vhosts by name', vhost, { keyBytes: 255 }),
  publications,
  subscriptions,
  mq: mqField,
  encryption: keyed('Encryption profiles by name', encryptionProfile),
  redeliveries: group(
    "Rascal's redelivery counters",
    { counters: { is: ['array', 'object'], description: 'Counters' } },
    { open: true },
  ),
  defaults: group('Defaults', {
    vhosts: vhostDefaults,
    publications: { ...publication, definition: 'publicationDefaults' },
    subscriptions: { ...subscription, definition: 'subscriptionDefaults' },
    redeliveries: free('Defaults of counters'),
    shovels: free('Not used'),
  }),
  shovels: { is: ['array', 'object'], description: "Rascal's shovels; mq does not run them" },
  recovery: anything('Not used'),
  config: anything('Not used'),
});
