// Lists all fields of rascal.json. Rascal's fields are here; mq's own fields (under "mq") are in mq-fields.ts. The
// checks and the JSON Schema are generated from this table. Checks that need several fields are in the folder rules.

import { anything, choice, type Field, flag, free, group, keyed, milliseconds, name, text, whole } from './field.ts';
import { mqField, prefetch } from './mq-fields.ts';

const ttl = milliseconds('Time after which a message is removed');
const expires = milliseconds('Time after which an unused queue is deleted', 1);
const count = (description: string, facets: Partial<Field> = {}): Field =>
  whole(description, { is: ['integer', 'digits'], ...facets });

const retry: Field = {
  is: ['object', 'boolean'],
  description: "Rascal's back-off before it reconnects or subscribes again",
  definition: 'retry',
  fields: {
    min: milliseconds('Shortest pause'),
    max: milliseconds('Longest pause'),
    factor: { is: ['number'], description: 'Factor by which the pause grows', min: 0 },
    strategy: choice('Growth of the pause', ['exponential', 'linear']),
    delay: milliseconds('Constant pause, instead of the other settings'),
    randomise: flag('Chooses a random pause between the limits; default true'),
  },
};

/** Connection settings that can also be written as the query of a URL. */
export const connectionOptions = group('Connection settings, which a URL contains in its query', {
  heartbeat: count('Seconds between heartbeats, or a duration ("30s"); 0 turns them off', { unit: 's' }),
  frameMax: count('Maximum frame size in bytes'),
  channelMax: count('Maximum number of channels; 0: no limit'),
  locale: text('Locale of the connection'),
  connection_timeout: count('Milliseconds to wait for the connection, or a duration ("30s")', { unit: 'ms' }),
  maxFrameSize: count('Maximum frame size to accept, in bytes'),
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
  description: 'A connection to a broker: amqp://user:password@host:port/vhost, or an object with these fields',
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
    name: name('Name, if the exchanges are a list', { oneLine: true }),
    fullyQualifiedName: text('Not used'),
    assert: flag('Declares the exchange; default true'),
    check: flag('Fails if the exchange does not exist'),
    type: choice('Type; default topic', ['direct', 'fanout', 'topic', 'headers'], { prefix: 'x-' }),
    options: group('Options of the declaration', {
      durable: flag('The exchange survives a restart of the broker; default true'),
      internal: flag('The exchange accepts messages only from other exchanges'),
      autoDelete: flag('The broker deletes the exchange with its last binding'),
      alternateExchange: name('Exchange for unroutable messages'),
      expires: milliseconds('Not used'),
      arguments: group(
        'Arguments of the declaration',
        { 'alternate-exchange': name('Exchange for unroutable messages') },
        { open: true },
      ),
    }),
  },
  { definition: 'exchange' },
);

const overflow = choice('Behaviour when the queue is full', ['drop-head', 'reject-publish', 'reject-publish-dlx']);
const priority = whole('Highest priority', { max: 255 });
const queueArguments = group(
  'Arguments of the declaration',
  {
    'x-queue-type': choice('Type of the queue', ['classic', 'quorum', 'stream']),
    'x-overflow': overflow,
    'x-message-ttl': ttl,
    'x-expires': expires,
    'x-max-length': whole('Maximum number of messages'),
    'x-max-length-bytes': whole('Maximum size in bytes'),
    'x-max-priority': priority,
    'x-consumer-timeout': milliseconds('Time limit for the acknowledgement of a message'),
    'x-delivery-limit': whole('Maximum number of unsuccessful deliveries of a message; -1: no limit', { min: -1 }),
    'x-dead-letter-exchange': name('Exchange for dead letters'),
    'x-dead-letter-routing-key': name('Routing key of dead letters'),
    'x-dead-letter-strategy': choice('Delivery guarantee for dead letters', ['at-most-once', 'at-least-once']),
    'x-single-active-consumer': flag('The queue delivers to one consumer at a time'),
    'x-quorum-initial-group-size': whole('Number of members of a new quorum queue', { min: 1 }),
    'x-queue-leader-locator': choice('Placement of the leader', ['client-local', 'balanced']),
    'x-max-age': text('Maximum age of a message in a stream, for example 7D'),
    'x-stream-max-segment-size-bytes': whole('Size of a segment file of a stream', { min: 1 }),
  },
  { open: true },
);
const queue = group(
  'A queue',
  {
    name: name('Name, if the queues are a list', { oneLine: true }),
    fullyQualifiedName: text('Not used'),
    assert: flag('Declares the queue; default true'),
    check: flag('Fails if the queue does not exist'),
    type: text('Not used'),
    purge: flag('Deletes the messages of the queue at each connection'),
    replyTo: { is: ['boolean', 'string'], description: 'true makes the name unique; a string is added to the name' },
    options: group('Options of the declaration', {
      exclusive: flag('Only this connection can use the queue'),
      durable: flag('The queue survives a restart of the broker; default true'),
      autoDelete: flag('The broker deletes the queue with its last consumer'),
      messageTtl: ttl,
      expires,
      deadLetterExchange: name('Exchange for dead letters'),
      deadLetterRoutingKey: name('Routing key of dead letters'),
      maxLength: whole('Maximum number of messages'),
      maxPriority: priority,
      overflow,
      queueMode: choice('Mode of a classic queue; it has no effect since RabbitMQ 3.12', ['default', 'lazy']),
      arguments: queueArguments,
    }),
  },
  { definition: 'queue' },
);

const key = name('A binding key');
const binding = group(
  'A binding. Its name can be "source[key1, key2] -> destination" instead of these fields',
  {
    name: text('Name, if the bindings are a list'),
    fullyQualifiedName: text('Not used'),
    source: name('Source exchange'),
    destination: name('Destination queue or exchange'),
    destinationType: choice('Kind of the destination; default queue', ['queue', 'exchange']),
    bindingKey: { is: ['string', 'array'], description: 'Binding key; default #', maxBytes: 255, items: key },
    bindingKeys: { is: ['string', 'array'], description: 'Binding keys', maxBytes: 255, items: key },
    qualifyBindingKeys: flag('Adds the namespace before each key'),
    options: free('Arguments of the binding (headers exchange)'),
  },
  { definition: 'binding' },
);

const encryptionProfile = group(
  'An encryption profile',
  {
    name: text('Name of the profile'),
    key: text('The key, as hexadecimal digits', { secret: true }),
    algorithm: text('The algorithm, for example aes-256-cbc'),
    ivLength: whole('Size of the initialisation vector in bytes', { min: 1 }),
  },
  { required: ['key', 'algorithm', 'ivLength'], definition: 'encryption' },
);
const copies: Field = { is: ['string', 'array'], description: 'Additional routing keys', maxBytes: 255, items: key };
const publication = group(
  'A publication: sends messages to one exchange or one queue',
  {
    name: text('Name of the publication'),
    vhost: text('Vhost of the publication; default /'),
    exchange: name('The exchange; "" is the default exchange'),
    queue: name('The queue'),
    routingKey: name('The routing key'),
    confirm: flag('Requests publisher confirms; mq always requests them'),
    timeout: milliseconds('Time limit for the confirm'),
    replyTo: name('Queue for replies'),
    encryption: { ...encryptionProfile, is: ['string', 'object'], definition: 'encryptionOrName' },
    destination: text('Not used'),
    autoCreated: flag('Not used'),
    deprecated: anything('Not used'),
    options: group('Properties of the messages', {
      persistent: flag('The messages survive a restart of the broker'),
      deliveryMode: { is: ['integer', 'boolean'], description: '2 or true: persistent', min: 1, max: 2 },
      mandatory: flag('The broker returns an unroutable message'),
      expiration: milliseconds('Time after which a message expires'),
      priority: whole('Priority', { max: 255 }),
      CC: copies,
      BCC: copies,
      headers: free('Headers'),
      contentType: name('MIME type'),
      contentEncoding: name('MIME encoding'),
      correlationId: name('Correlation id'),
      replyTo: name('Queue for replies'),
      messageId: name('Message id'),
      timestamp: whole('Seconds since 1970'),
      type: name('Type of message'),
      userId: name('User, which the broker verifies'),
      appId: name('Application'),
    }),
  },
  { definition: 'publication' },
);

const subscription = group(
  'A subscription: consumes the messages of one queue',
  {
    name: text('Name of the subscription'),
    vhost: text('Vhost of the subscription; default /'),
    queue: name('The queue'),
    contentType: text('MIME type to assume for messages'),
    prefetch,
    channelPrefetch: {
      ...prefetch,
      description: 'Prefetch of the whole channel; RabbitMQ 4.3 applies it to each consumer',
    },
    retry,
    redeliveries: group('Limit for redeliveries', {
      limit: whole('Maximum number of redeliveries'),
      timeout: milliseconds('Time limit for the counter'),
      counter: text('Name of a redelivery counter'),
    }),
    closeTimeout: milliseconds('Time to wait for the handlers before the channel is closed'),
    encryption: keyed('Encryption profiles', encryptionProfile),
    promisifyAckOrNack: flag('Not used'),
    options: group('Options of the consumer', {
      noAck: flag('The broker does not wait for acknowledgements'),
      exclusive: flag('Only this consumer can use the queue'),
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
const concurrency = whole('Number of channels that declare the topology', { min: 1 });
const pool = group('A pool of channels', {
  autostart: flag('Opens the minimum number of channels at the start'),
  max: whole('Maximum number of channels'),
  min: whole('Minimum number of channels'),
  evictionRunIntervalMillis: milliseconds('Interval between searches for idle channels'),
  idleTimeoutMillis: milliseconds('Time without use after which a channel counts as idle'),
  rejectionDelayMillis: milliseconds('Pause after a channel could not be opened'),
  testOnBorrow: flag('Tests a channel before use'),
  acquireTimeoutMillis: milliseconds('Time to wait for a channel'),
  destroyTimeoutMillis: milliseconds('Time to wait until a channel is closed'),
});
const pools = group("Rascal's pools of channels", { regularPool: pool, confirmPool: pool });
const namespace: Field = {
  is: ['boolean', 'string'],
  description: 'Prefix of all exchange and queue names in the vhost; true: a unique prefix',
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
  oneLine: true,
  items: { ...entry, is: ['string', 'object'], maxBytes: 255, oneLine: true, definition: `${entry.definition}OrName` },
  entries: entry,
});
const vhost = group('A vhost: an isolated group of exchanges and queues', {
  name: text('Name of the vhost'),
  assert: flag('Creates the vhost through the management API; mq ignores it'),
  check: flag('Fails if the vhost does not exist; mq ignores it'),
  namespace,
  concurrency,
  connectionStrategy: strategy,
  publicationChannelPools: pools,
  connection: { ...connection, is: ['string', 'object', 'array'], items: connection, definition: 'connectionOrList' },
  connections: { ...connection, is: ['array', 'string', 'object'], items: connection, definition: 'connectionOrList' },
  exchanges: listOrKeyed('Exchanges', exchange),
  queues: listOrKeyed('Queues', queue),
  bindings: {
    is: ['array', 'object'],
    description: 'Bindings',
    keyBytes: 65535,
    items: { ...binding, is: ['string', 'object'], definition: 'bindingOrName' },
    entries: binding,
  },
  publications,
  subscriptions,
  defaults: vhostDefaults,
});

/** Field of the whole file. */
export const rootField = group('Topology of the broker, and the roles that use it', {
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
    redeliveries: free('Defaults of redelivery counters'),
    shovels: free('Not used'),
  }),
  shovels: { is: ['array', 'object'], description: "Rascal's shovels; mq does not run them" },
  recovery: anything('Not used'),
  config: anything('Not used'),
});
