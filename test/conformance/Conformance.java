// Jobs of the Java client: field tables of every type, equivalence of declarations, confirms, returns and consumers. See
// program.ts.
//
//   java -cp /usr/share/java/amqp-client.jar:/usr/share/java/slf4j-api.jar:/usr/share/java/slf4j-nop.jar test/conformance/Conformance.java URL PREFIX

import com.rabbitmq.client.*;
import com.rabbitmq.client.impl.LongStringHelper;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;

public class Conformance {
  static final int DEADLINE_MS = 60_000; // a job that takes longer is ended: see program.ts
  static String url;
  static String prefix;
  static int place = 0;
  static final Map<String, Job> jobs = new LinkedHashMap<>();

  interface Job {
    Object run() throws Exception;
  }

  /** A job with a connection and a channel. If the broker closes one of them, the close is the answer of the job. */
  interface Linked {
    Object run(Channel channel, Connection connection) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    url = args[0];
    prefix = args[1];
    describe();
    String only = System.getenv().getOrDefault("MQ_CONFORMANCE_JOB", "");
    ExecutorService threads = Executors.newCachedThreadPool();
    for (var job : jobs.entrySet()) {
      place++;
      if (!job.getKey().contains(only)) continue;
      Object answer;
      try {
        answer = threads.submit(() -> job.getValue().run()).get(DEADLINE_MS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException late) {
        answer = Map.of("silent", DEADLINE_MS + " ms");
      } catch (ExecutionException failed) {
        answer = Map.of("threw", String.valueOf(failed.getCause()));
      }
      System.out.println(json(map("job", job.getKey(), "answer", answer)));
    }
    System.exit(0);
  }

  static void describe() {
    job("connection.start-ok wrong password", () -> {
      ConnectionFactory factory = factory();
      factory.setPassword("wrong");
      try {
        return opened(factory);
      } catch (AuthenticationFailureException refused) {
        return map("type", refused.getClass().getSimpleName(), "text", refused.getMessage());
      }
    });
    job("connection.open unknown vhost", () -> {
      ConnectionFactory factory = factory();
      factory.setVirtualHost(named("vhost"));
      try {
        return opened(factory);
      } catch (IOException refused) {
        return closing(refused);
      }
    });
    linked("connection.start server-properties", (channel, connection) -> {
      Map<String, Object> properties = connection.getServerProperties();
      return map("keys", new TreeSet<>(properties.keySet()), "capabilities", properties.get("capabilities"));
    });
    linked("connection.tune", (channel, connection) ->
      List.of(connection.getFrameMax(), connection.getChannelMax(), connection.getHeartbeat()));
    linked("connection.close by the client, with a code", (channel, connection) -> {
      var told = new CompletableFuture<Object>();
      connection.addShutdownListener(cause -> told.complete(List.of(cause.isInitiatedByApplication(), reason(cause))));
      connection.close(200, "enough");
      return told.get();
    });

    // Field tables
    linked("field table of every type in a message", (channel, connection) -> {
      String name = queue(channel, "table", null);
      Map<String, Object> table = everyType();
      channel.basicPublish("", name, new AMQP.BasicProperties.Builder().headers(table).build(), bytes("x"));
      return typed(take(channel, name).getProps().getHeaders());
    });
    linked("field table of every type in a declaration", (channel, connection) -> {
      for (int time = 0; time < 2; time++) {
        channel.exchangeDeclare(named("typed"), "direct", false, true, everyType());
        channel.queueDeclare(named("typed"), false, true, false, everyType());
      }
      channel.queueBind(named("typed"), named("typed"), "k", everyType());
      channel.queueUnbind(named("typed"), named("typed"), "k", everyType());
      return "declared";
    });
    linked("field table with a deep nesting", (channel, connection) -> {
      Map<String, Object> table = new HashMap<>();
      for (int depth = 0; depth < 60; depth++) table = new HashMap<>(Map.of("deeper", table));
      String name = queue(channel, "deep", null);
      channel.basicPublish("", name, new AMQP.BasicProperties.Builder().headers(table).build(), bytes("x"));
      return take(channel, name).getProps().getHeaders().toString().length();
    });
    linked("binding with other arguments is another binding", (channel, connection) -> {
      String name = queue(channel, "bound", null);
      channel.exchangeDeclare(named("other"), "fanout", false, false, null);
      channel.queueBind(name, named("other"), "k", Map.of("a", 1));
      channel.queueBind(name, named("other"), "k", Map.of("a", 2));
      channel.queueUnbind(name, named("other"), "k", Map.of("a", 1));
      put(channel, named("other"), "k", "one");
      channel.queueUnbind(name, named("other"), "k", Map.of("a", 2));
      put(channel, named("other"), "k", "two");
      channel.exchangeDelete(named("other"));
      return bodies(channel, name);
    });

    // Equivalence of declarations
    linked("x-expires of another width is equivalent", (channel, connection) -> {
      queue(channel, "same", Map.of("x-expires", 60_000));
      return queue(channel, "same", Map.of("x-expires", 60_000L));
    });
    linked("x-message-ttl as text is not equivalent", (channel, connection) -> {
      queue(channel, "same", Map.of("x-message-ttl", 60_000));
      return queue(channel, "same", Map.of("x-message-ttl", "60000"));
    });
    linked("x-expires with another value", (channel, connection) -> {
      queue(channel, "same", Map.of("x-expires", 60_000));
      return queue(channel, "same", Map.of("x-expires", 70_000));
    });
    linked("x-expires only the first time", (channel, connection) -> {
      queue(channel, "same", Map.of("x-expires", 60_000));
      return queue(channel, "same", null);
    });
    linked("x-expires only the second time", (channel, connection) -> {
      queue(channel, "same", null);
      return queue(channel, "same", Map.of("x-expires", 60_000));
    });
    linked("unknown arguments are not compared", (channel, connection) -> {
      queue(channel, "same", Map.of("assumed-to-be-semantically-void", "bar"));
      return queue(channel, "same", Map.of("assumed-to-be-semantically-void", "baz", "my-key", 1));
    });
    linked("x-queue-type classic is the default", (channel, connection) -> {
      queue(channel, "same", null);
      return queue(channel, "same", Map.of("x-queue-type", "classic"));
    });
    linked("x-queue-type quorum is not equivalent", (channel, connection) -> {
      channel.queueDeclare(named("kind"), true, false, false, Map.of("x-expires", 60_000));
      try {
        return channel.queueDeclare(named("kind"), true, false, false, Map.of("x-queue-type", "quorum", "x-expires", 60_000));
      } finally {
        connection.createChannel().queueDelete(named("kind"));
      }
    });
    linked("queue.declare without exclusive for an exclusive queue", (channel, connection) -> {
      channel.queueDeclare(named("mine"), true, true, false, null);
      return channel.queueDeclare(named("mine"), true, false, false, null);
    });
    linked("queue.declare x-expires of a wrong type", (channel, connection) -> queue(channel, "odd", Map.of("x-expires", "foobar")));
    linked("queue.declare x-expires negative", (channel, connection) -> queue(channel, "odd", Map.of("x-expires", -10)));
    linked("queue.declare x-max-length zero", (channel, connection) -> {
      String name = queue(channel, "none", Map.of("x-max-length", 0));
      put(channel, "", name, "gone");
      return bodies(channel, name);
    });
    linked("queue.declare x-dead-letter-exchange of a wrong type", (channel, connection) ->
      queue(channel, "odd", Map.of("x-dead-letter-exchange", 144)));
    linked("queue.declare x-dead-letter-routing-key of a wrong type", (channel, connection) ->
      queue(channel, "odd", Map.of("x-dead-letter-exchange", "amq.direct", "x-dead-letter-routing-key", 144)));
    linked("queue.declare x-consumer-timeout, x-alternate-exchange", (channel, connection) ->
      queue(channel, "odd", Map.of("x-consumer-timeout", 60_000, "x-alternate-exchange", "amq.fanout")));
    linked("queue.declare x-max-length of a quorum queue", (channel, connection) -> {
      Map<String, Object> arguments = Map.of("x-queue-type", "quorum", "x-max-length", 2);
      AMQP.Queue.DeclareOk made = channel.queueDeclare(named("short"), true, false, false, arguments);
      channel.confirmSelect();
      for (int i = 0; i < 4; i++) put(channel, "", made.getQueue(), "m" + i);
      channel.waitForConfirms(DEADLINE_MS);
      List<String> found = bodies(channel, made.getQueue());
      channel.queueDelete(made.getQueue());
      return found;
    });
    linked("exchange.declare inequivalent type", (channel, connection) -> channel.exchangeDeclare("amq.fanout", "topic", true));
    linked("exchange.declare arguments differ", (channel, connection) -> {
      channel.exchangeDeclare(named("args"), "direct", false, true, Map.of("nonsensical", "x"));
      channel.exchangeDeclare(named("args"), "direct", false, true, null);
      channel.exchangeDelete(named("args"));
      return "declared";
    });
    linked("exchange.declare passive with another type", (channel, connection) ->
      channel.exchangeDeclarePassive("amq.direct").protocolMethodName());
    linked("exchange.declare no-wait, passive missing", (channel, connection) -> {
      channel.exchangeDeclareNoWait(named("nowait"), "direct", false, true, false, null);
      channel.exchangeDeclarePassive(named("nowait"));
      channel.exchangeDeleteNoWait(named("nowait"), false);
      return channel.exchangeDeclarePassive(named("nowait"));
    });
    linked("exchange.delete if-unused", (channel, connection) -> {
      channel.exchangeDeclare(named("used"), "direct", false, true, null);
      channel.queueBind(queue(channel, "user", null), named("used"), "k");
      return channel.exchangeDelete(named("used"), true);
    });
    linked("exchange.bind default exchange", (channel, connection) -> channel.exchangeBind("", "amq.direct", "k"));
    linked("queue.bind and unbind no-wait", (channel, connection) -> {
      String name = queue(channel, "bound", null);
      channel.queueBindNoWait(name, "amq.direct", named("key"), null);
      put(channel, "amq.direct", named("key"), "x");
      return bodies(channel, name);
    });
    linked("basic.publish to an internal exchange", (channel, connection) -> {
      channel.exchangeDeclare(named("inner"), "fanout", false, true, true, null);
      channel.queueBind(queue(channel, "inner", null), named("inner"), "");
      put(channel, named("inner"), "", "x");
      return queue(channel, "after", null);
    });
    linked("alternate exchange in a chain", (channel, connection) -> {
      channel.exchangeDeclare(named("last"), "fanout", false, true, null);
      channel.exchangeDeclare(named("middle"), "direct", false, false, Map.of("alternate-exchange", named("last")));
      channel.exchangeDeclare(named("first"), "direct", false, false, Map.of("alternate-exchange", named("middle")));
      String name = queue(channel, "rest", null);
      channel.queueBind(name, named("last"), "");
      put(channel, named("first"), "any", "through");
      List<String> found = bodies(channel, name);
      for (String each : List.of("first", "middle")) channel.exchangeDelete(named(each));
      return found;
    });
    linked("missing alternate exchange", (channel, connection) -> {
      channel.exchangeDeclare(named("lonely"), "direct", false, false, Map.of("alternate-exchange", named("missing")));
      var returned = returns(channel);
      channel.basicPublish(named("lonely"), "k", true, null, bytes("x"));
      Object got = returned.take();
      channel.exchangeDelete(named("lonely"));
      return got;
    });

    // Confirms and returns
    linked("confirm.select", (channel, connection) -> {
      channel.confirmSelect();
      String name = queue(channel, "confirmed", null);
      for (int i = 0; i < 50; i++) put(channel, "", name, "x");
      channel.waitForConfirmsOrDie(DEADLINE_MS);
      return List.of(channel.getNextPublishSeqNo(), channel.queueDeclarePassive(name).getMessageCount());
    });
    linked("confirm.select with a queue that refuses", (channel, connection) -> {
      channel.confirmSelect();
      String name = queue(channel, "full", Map.of("x-max-length", 1, "x-overflow", "reject-publish"));
      put(channel, "", name, "in");
      boolean first = channel.waitForConfirms(DEADLINE_MS);
      put(channel, "", name, "out");
      return List.of(first, channel.waitForConfirms(DEADLINE_MS), bodies(channel, name));
    });
    linked("basic.return", (channel, connection) -> {
      var returned = returns(channel);
      var properties = new AMQP.BasicProperties.Builder().correlationId("c").headers(Map.of("a", 1)).build();
      channel.basicPublish("amq.topic", named("nobody"), true, properties, bytes("back"));
      return returned.take();
    });
    linked("basic.publish immediate", (channel, connection) -> {
      channel.basicPublish("", queue(channel, "now", null), false, true, null, bytes("x"));
      return queue(channel, "after", null);
    });
    linked("basic.publish CC of a wrong type", (channel, connection) -> {
      var properties = new AMQP.BasicProperties.Builder().headers(Map.of("CC", 0)).build();
      channel.basicPublish("", named("nobody"), properties, bytes("x"));
      return queue(channel, "after", null);
    });
    linked("basic.publish BCC", (channel, connection) -> {
      String[] names = {queue(channel, "main", null), queue(channel, "copy", null), queue(channel, "blind", null)};
      var headers = Map.<String, Object>of("CC", List.of(names[1]), "BCC", List.of(names[2], named("nobody")));
      channel.basicPublish("", names[0], new AMQP.BasicProperties.Builder().headers(headers).build(), bytes("x"));
      List<Object> found = new ArrayList<>();
      for (String name : names) found.add(typed(take(channel, name).getProps().getHeaders()));
      return found;
    });
    linked("basic.publish invalid expiration", (channel, connection) -> {
      var properties = new AMQP.BasicProperties.Builder().expiration("foobar").build();
      channel.basicPublish("", queue(channel, "old", null), properties, bytes("x"));
      return queue(channel, "after", null);
    });
    linked("basic.publish trailing text in expiration", (channel, connection) -> {
      var properties = new AMQP.BasicProperties.Builder().expiration("10000 ms").build();
      channel.basicPublish("", queue(channel, "old", null), properties, bytes("x"));
      return queue(channel, "after", null);
    });
    linked("persistent and transient in a durable queue", (channel, connection) -> {
      channel.queueDeclare(named("durable"), true, true, false, null);
      channel.basicPublish("", named("durable"), MessageProperties.PERSISTENT_TEXT_PLAIN, bytes("kept"));
      channel.basicPublish("", named("durable"), MessageProperties.MINIMAL_BASIC, bytes("minimal"));
      channel.basicPublish("", named("durable"), null, bytes("none"));
      List<Object> found = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        AMQP.BasicProperties got = take(channel, named("durable")).getProps();
        found.add(Arrays.asList(got.getDeliveryMode(), got.getContentType(), got.getPriority()));
      }
      return found;
    });

    // Consumers
    linked("basic.qos global is shared by the channel's consumers", (channel, connection) -> {
      String name = queue(channel, "fetched", null);
      channel.confirmSelect();
      for (int i = 0; i < 6; i++) put(channel, "", name, "m" + i);
      channel.waitForConfirms(DEADLINE_MS);
      channel.basicQos(3, true);
      var first = new Receiver(channel);
      channel.basicConsume(name, false, first);
      List<Object> got = new ArrayList<>(List.of(first.next(), first.next(), first.next()));
      channel.basicConsume(name, false, new Receiver(channel));
      return List.of(got.size(), channel.queueDeclarePassive(name).getMessageCount());
    });
    linked("basic.qos prefetch-size", (channel, connection) -> {
      channel.basicQos(1000, 0, false);
      return "set";
    });
    linked("basic.qos 0 is no limit", (channel, connection) -> {
      String name = queue(channel, "fetched", null);
      for (int i = 0; i < 20; i++) put(channel, "", name, "m" + i);
      channel.basicQos(0);
      var receiver = new Receiver(channel);
      channel.basicConsume(name, false, receiver);
      for (int i = 0; i < 20; i++) receiver.next();
      return channel.queueDeclarePassive(name).getMessageCount();
    });
    linked("basic.consume arguments and tag", (channel, connection) -> {
      String name = queue(channel, "consumed", null);
      String tag = channel.basicConsume(name, true, "my tag", false, false, Map.of("x-priority", 3), new Receiver(channel));
      return tag;
    });
    linked("basic.consume x-priority of a wrong type", (channel, connection) ->
      channel.basicConsume(queue(channel, "consumed", null), true, "", false, false, Map.of("x-priority", "3"), new Receiver(channel)));
    linked("basic.consume higher priority first, the lower when it is full", (channel, connection) -> {
      String name = queue(channel, "ranked", null);
      channel.basicQos(2);
      var high = new Receiver(channel);
      var low = new Receiver(channel);
      channel.basicConsume(name, false, "high", false, false, Map.of("x-priority", 5), high);
      channel.basicConsume(name, false, "low", false, false, Map.of("x-priority", -5), low);
      for (int i = 0; i < 4; i++) put(channel, "", name, "m" + i);
      return List.of(high.next(), high.next(), low.next(), low.next());
    });
    linked("basic.consume no-local is accepted", (channel, connection) -> {
      String name = queue(channel, "local", null);
      var receiver = new Receiver(channel);
      channel.basicConsume(name, true, "tag", true, false, null, receiver);
      put(channel, "", name, "own");
      return receiver.next();
    });
    linked("basic.cancel by the broker", (channel, connection) -> {
      String name = queue(channel, "gone", null);
      var receiver = new Receiver(channel);
      channel.basicConsume(name, true, "tag", receiver);
      channel.queueDelete(name);
      return receiver.next();
    });
    linked("basic.recover", (channel, connection) -> {
      String name = queue(channel, "recovered", null);
      put(channel, "", name, "again");
      var receiver = new Receiver(channel);
      channel.basicConsume(name, false, receiver);
      Object first = receiver.next();
      channel.basicRecover(true);
      return List.of(first, receiver.next());
    });
    linked("basic.recover without requeue", (channel, connection) -> channel.basicRecover(false));
    linked("basic.nack multiple requeues in order", (channel, connection) -> {
      String name = queue(channel, "nacked", null);
      for (String body : List.of("1", "2", "3")) put(channel, "", name, body);
      long tag = 0;
      for (int i = 0; i < 3; i++) tag = channel.basicGet(name, false).getEnvelope().getDeliveryTag();
      channel.basicNack(tag, true, true);
      List<Object> found = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        GetResponse got = take(channel, name);
        found.add(List.of(text(got.getBody()), got.getEnvelope().isRedeliver(), got.getMessageCount()));
      }
      return found;
    });
    linked("basic.ack twice", (channel, connection) -> {
      String name = queue(channel, "acked", null);
      put(channel, "", name, "x");
      long tag = take(channel, name, false).getEnvelope().getDeliveryTag();
      channel.basicAck(tag, false);
      channel.basicAck(tag, false);
      return queue(channel, "after", null);
    });
    linked("basic.reject of a delivery without acks", (channel, connection) -> {
      String name = queue(channel, "rejected", null);
      put(channel, "", name, "x");
      channel.basicReject(take(channel, name).getEnvelope().getDeliveryTag(), true);
      return queue(channel, "after", null);
    });
    linked("a tag of another channel is unknown", (channel, connection) -> {
      String name = queue(channel, "crossed", null);
      put(channel, "", name, "x");
      long tag = take(channel, name, false).getEnvelope().getDeliveryTag();
      Channel other = connection.createChannel();
      other.basicAck(tag, false);
      try {
        return queue(other, "after", null);
      } catch (IOException error) {
        return closing(error);
      }
    });
    linked("x-single-active-consumer changes when its channel closes", (channel, connection) -> {
      String name = queue(channel, "single", Map.of("x-single-active-consumer", true));
      Channel other = connection.createChannel();
      var first = new Receiver(other);
      var second = new Receiver(channel);
      other.basicConsume(name, false, first);
      channel.basicConsume(name, false, second);
      put(channel, "", name, "x");
      Object before = first.next();
      other.close();
      return List.of(before, second.next());
    });
    linked("x-max-priority", (channel, connection) -> {
      String name = queue(channel, "priorities", Map.of("x-max-priority", 10));
      for (int priority : new int[] {0, 5, 10, 20, 3}) {
        channel.basicPublish("", name, new AMQP.BasicProperties.Builder().priority(priority).build(), bytes("p" + priority));
      }
      return bodies(channel, name);
    });
    linked("x-max-priority with x-max-length drops the head", (channel, connection) -> {
      String name = queue(channel, "priorities", Map.of("x-max-priority", 10, "x-max-length", 2));
      for (int priority : new int[] {5, 1, 7}) {
        channel.basicPublish("", name, new AMQP.BasicProperties.Builder().priority(priority).build(), bytes("p" + priority));
      }
      return bodies(channel, name);
    });
    linked("dead letter keeps the properties", (channel, connection) -> {
      String dead = queue(channel, "dead", null);
      String alive = queue(channel, "alive", Map.of("x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead));
      var properties = new AMQP.BasicProperties.Builder().contentType("a/b").priority(2).expiration("10").headers(everyType()).build();
      channel.basicPublish("", alive, properties, bytes("x"));
      AMQP.BasicProperties got = eventually(channel, dead).getProps();
      return map("type", got.getContentType(), "priority", got.getPriority(), "expiration", got.getExpiration(), "headers", typed(got.getHeaders()));
    });
    linked("RPC by the client's own RpcClient", (channel, connection) -> {
      String requests = queue(channel, "requests", null);
      Channel serving = connection.createChannel();
      RpcServer server = new RpcServer(serving, requests) {
        @Override
        public byte[] handleCall(byte[] body, AMQP.BasicProperties reply) {
          return bytes("re: " + text(body));
        }
      };
      var loop = new Thread(() -> {
        try {
          server.mainloop();
        } catch (Exception ended) {
          // The loop ends when the channel is closed.
        }
      });
      loop.setDaemon(true);
      loop.start();
      RpcClient client = new RpcClient(channel, "", requests, DEADLINE_MS);
      List<String> answers = new ArrayList<>();
      for (String question : List.of("one", "two")) answers.add(client.stringCall(question));
      client.close();
      server.terminateMainloop();
      return answers;
    });
    linked("direct reply-to twice", (channel, connection) -> {
      channel.basicConsume("amq.rabbitmq.reply-to", true, new Receiver(channel));
      return channel.basicConsume("amq.rabbitmq.reply-to", true, new Receiver(channel));
    });
    linked("tx.commit and tx.rollback", (channel, connection) -> {
      String name = queue(channel, "tx", null);
      channel.txSelect();
      put(channel, "", name, "rolled back");
      channel.txRollback();
      put(channel, "", name, "committed");
      channel.txCommit();
      return bodies(channel, name);
    });
    linked("channel numbers are reused", (channel, connection) -> {
      List<Integer> numbers = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        Channel next = connection.createChannel();
        numbers.add(next.getChannelNumber());
        next.queueDeclare(named("number" + i), false, true, true, null);
        next.close();
      }
      return numbers;
    });
  }

  // Connection to the broker

  static ConnectionFactory factory() throws Exception {
    ConnectionFactory factory = new ConnectionFactory();
    factory.setUri(url);
    factory.setAutomaticRecoveryEnabled(false);
    return factory;
  }

  static Object opened(ConnectionFactory factory) throws Exception {
    factory.newConnection().close();
    return "open";
  }

  static void job(String title, Job work) {
    jobs.put(title, work);
  }

  static void linked(String title, Linked work) {
    job(title, () -> {
      Connection connection = factory().newConnection();
      try {
        return work.run(connection.createChannel(), connection);
      } catch (IOException | ShutdownSignalException error) {
        return closing(error);
      } finally {
        connection.abort(2_000);
      }
    });
  }

  static String named(String name) {
    return prefix + "-" + place + "." + name;
  }

  static String queue(Channel channel, String name, Map<String, Object> arguments) throws IOException {
    return channel.queueDeclare(named(name), false, true, false, arguments).getQueue();
  }

  static void put(Channel channel, String exchange, String key, String body) throws IOException {
    channel.basicPublish(exchange, key, null, bytes(body));
  }

  static GetResponse take(Channel channel, String name) throws Exception {
    return take(channel, name, true);
  }

  static GetResponse take(Channel channel, String name, boolean autoAck) throws Exception {
    for (;;) {
      GetResponse got = channel.basicGet(name, autoAck);
      if (got != null) return got;
    }
  }

  static GetResponse eventually(Channel channel, String name) throws Exception {
    return take(channel, name);
  }

  static List<String> bodies(Channel channel, String name) throws IOException {
    List<String> found = new ArrayList<>();
    for (GetResponse got; (got = channel.basicGet(name, true)) != null; ) found.add(text(got.getBody()));
    return found;
  }

  /** Records the callbacks of a consumer, in order. */
  static class Receiver extends DefaultConsumer {
    private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();

    Receiver(Channel channel) {
      super(channel);
    }

    Object next() throws InterruptedException {
      return told.take();
    }

    @Override
    public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
      told.add(map("body", text(body), "redelivered", envelope.isRedeliver(), "tag", envelope.getDeliveryTag()));
    }

    @Override
    public void handleCancel(String tag) {
      told.add(map("cancelled", tag));
    }
  }

  static BlockingQueue<Object> returns(Channel channel) {
    var told = new LinkedBlockingQueue<Object>();
    channel.addReturnListener((code, text, exchange, key, properties, body) ->
      told.add(map("code", code, "text", text, "exchange", exchange, "key", key, "correlation", properties.getCorrelationId(), "body", text(body))));
    return told;
  }

  /** Returns the broker's close, which is the cause of the client's exception. */
  static Object closing(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof ShutdownSignalException) return reason((ShutdownSignalException) cause);
    }
    return map("threw", error.toString());
  }

  static Object reason(ShutdownSignalException signal) {
    Method reason = signal.getReason();
    if (reason instanceof AMQP.Channel.Close) {
      AMQP.Channel.Close close = (AMQP.Channel.Close) reason;
      return map("scope", "channel", "code", close.getReplyCode(), "text", close.getReplyText(), "method", close.getClassId() + "." + close.getMethodId());
    }
    if (reason instanceof AMQP.Connection.Close) {
      AMQP.Connection.Close close = (AMQP.Connection.Close) reason;
      return map("scope", "connection", "code", close.getReplyCode(), "text", close.getReplyText(), "method", close.getClassId() + "." + close.getMethodId());
    }
    return map("threw", signal.toString());
  }

  // Values

  static Map<String, Object> everyType() {
    Map<String, Object> table = new LinkedHashMap<>();
    table.put("S", "text");
    table.put("long S", LongStringHelper.asLongString("späť"));
    table.put("I", 70_000);
    table.put("l", 5_000_000_000L);
    table.put("b", (byte) -5);
    table.put("s", (short) -300);
    table.put("D", new BigDecimal("12.34"));
    table.put("T", new Date(1_700_000_000_000L));
    table.put("F", Map.of("nested", 1));
    table.put("d", 1.25);
    table.put("f", 0.5f);
    table.put("t", true);
    table.put("x", new byte[] {1, 2, 3});
    table.put("V", null);
    table.put("A", List.of(1, "two", List.of(3L), Map.of("four", 4)));
    return table;
  }

  /** Returns each value with its received type. */
  static Object typed(Object value) {
    if (value instanceof Map) {
      Map<String, Object> found = new TreeMap<>();
      ((Map<?, ?>) value).forEach((key, field) -> found.put(String.valueOf(key), key.equals("time") ? "<time>" : typed(field)));
      return found;
    }
    if (value instanceof List) return ((List<?>) value).stream().map(Conformance::typed).toList();
    if (value instanceof byte[]) return "bytes " + Arrays.toString((byte[]) value);
    if (value instanceof Date) return "time " + ((Date) value).getTime();
    return value == null ? "nothing" : (value instanceof LongString ? "text" : value.getClass().getSimpleName()) + " " + value;
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  static Map<String, Object> map(Object... pairs) {
    Map<String, Object> made = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) made.put((String) pairs[i], pairs[i + 1]);
    return made;
  }

  static String json(Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
    StringJoiner parts;
    if (value instanceof Map) {
      parts = new StringJoiner(",", "{", "}");
      ((Map<?, ?>) value).forEach((key, field) -> parts.add(json(String.valueOf(key)) + ":" + json(field)));
      return parts.toString();
    }
    if (value instanceof Collection) {
      parts = new StringJoiner(",", "[", "]");
      for (Object each : (Collection<?>) value) parts.add(json(each));
      return parts.toString();
    }
    StringBuilder text = new StringBuilder("\"");
    for (char c : value.toString().toCharArray()) {
      if (c == '"' || c == '\\') text.append('\\').append(c);
      else if (c < ' ') text.append(String.format("\\u%04x", (int) c));
      else text.append(c);
    }
    return text.append('"').toString();
  }
}
