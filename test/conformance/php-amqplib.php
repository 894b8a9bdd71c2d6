<?php
// Jobs of php-amqplib. See program.ts.
//
//   php test/conformance/php-amqplib.php URL PREFIX

require '/usr/share/php/PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPProtocolChannelException;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;
use PhpAmqpLib\Exception\AMQPBasicCancelException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

error_reporting(E_ALL & ~E_DEPRECATED);
set_time_limit(60);
const SECONDS = 60; // a job that takes longer is ended: see program.ts
[, $url, $prefix] = $argv;
$place = 0;

function named(string $name): string
{
    global $prefix, $place;
    return "$prefix-$place.$name";
}

function connect(array $options = []): AMQPStreamConnection
{
    global $url;
    $at = parse_url($url) + $options;
    return new AMQPStreamConnection(
        $at['host'],
        $at['port'],
        $options['user'] ?? urldecode($at['user']),
        $options['pass'] ?? urldecode($at['pass']),
        $options['vhost'] ?? '/',
        false,
        $options['mechanism'] ?? 'AMQPLAIN',
        null,
        'en_US',
        SECONDS,
        SECONDS
    );
}

/** Runs a job with its own connection. If the broker closes it or its channel, the close is the answer of the job. */
function job(string $title, callable $work): void
{
    global $place;
    $place++;
    if (!str_contains($title, getenv('MQ_CONFORMANCE_JOB') ?: '')) {
        return;
    }
    $connection = null;
    try {
        $connection = connect();
        $answer = $work($connection->channel(), $connection);
    } catch (AMQPProtocolChannelException $error) {
        $answer = ['scope' => 'channel', 'code' => $error->getCode(), 'text' => $error->getMessage()];
    } catch (AMQPConnectionClosedException $error) {
        $answer = ['scope' => 'connection', 'code' => $error->getCode(), 'text' => $error->getMessage()];
    } catch (Throwable $error) {
        $answer = ['threw' => get_class($error) . ': ' . $error->getMessage()];
    }
    echo json_encode(['job' => $title, 'answer' => $answer], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
    try {
        $connection?->close();
    } catch (Throwable $closed) {
        // already closed by the broker
    }
}

function queue($channel, string $name, array $arguments = []): string
{
    return $channel->queue_declare(named($name), false, false, true, false, false, new AMQPTable($arguments))[0];
}

function put($channel, string $to, string ...$bodies): void
{
    foreach ($bodies as $body) {
        $channel->basic_publish(new AMQPMessage($body), '', $to);
    }
}

function bodies($channel, string $name): array
{
    $found = [];
    while ($message = $channel->basic_get($name, true)) {
        $found[] = [$message->getBody(), $message->isRedelivered()];
    }
    return $found;
}

function take($channel, string $name): AMQPMessage
{
    do {
        $message = $channel->basic_get($name, true);
    } while (!$message);
    return $message;
}

function seen(AMQPMessage $message): array
{
    $properties = $message->get_properties();
    if (isset($properties['application_headers'])) {
        $properties['application_headers'] = $properties['application_headers']->getNativeData();
    }
    return $properties + ['exchange' => $message->getExchange(), 'key' => $message->getRoutingKey(), 'body' => $message->getBody()];
}

job('connection by AMQPLAIN and PLAIN', function () {
    return array_map(fn ($mechanism) => connect(['mechanism' => $mechanism])->isConnected(), ['AMQPLAIN', 'PLAIN']);
});
job('connection.start-ok wrong password', fn () => connect(['pass' => 'wrong'])->isConnected());
job('connection.start-ok wrong password, PLAIN', fn () => connect(['pass' => 'wrong', 'mechanism' => 'PLAIN'])->isConnected());
job('connection.open unknown vhost', fn () => connect(['vhost' => named('vhost')])->isConnected());
job('queue.declare counts', function ($channel) {
    $name = queue($channel, 'counts');
    put($channel, $name, '1', '2');
    $channel->basic_get($name);
    return $channel->queue_declare($name, true);
});
job('queue.declare passive missing', fn ($channel) => $channel->queue_declare(named('missing'), true));
job('queue.declare server-named', fn ($channel) => $channel->queue_declare('', false, false, true));
job('queue.declare inequivalent', function ($channel) {
    queue($channel, 'same', ['x-message-ttl' => 1000]);
    return queue($channel, 'same', ['x-message-ttl' => 2000]);
});
job('queue.delete no-wait', function ($channel) {
    $name = queue($channel, 'gone');
    $channel->queue_delete($name, false, false, true);
    return $channel->queue_declare($name, true);
});
job('queue.purge', function ($channel) {
    $name = queue($channel, 'purged');
    put($channel, $name, '1', '2');
    return $channel->queue_purge($name);
});
job('exchange.declare, bind, unbind, delete', function ($channel) {
    $channel->exchange_declare(named('first'), 'topic', false, false, false);
    $channel->exchange_declare(named('second'), 'fanout', false, false, true);
    $name = queue($channel, 'end');
    $channel->queue_bind($name, named('second'));
    $channel->exchange_bind(named('second'), named('first'), 'a.*');
    $channel->basic_publish(new AMQPMessage('through'), named('first'), 'a.b');
    $channel->basic_publish(new AMQPMessage('not'), named('first'), 'b.a');
    $channel->exchange_unbind(named('second'), named('first'), 'a.*');
    $channel->queue_unbind($name, named('second'));
    $channel->exchange_delete(named('first'));
    return bodies($channel, $name);
});
job('exchange.declare inequivalent', fn ($channel) => $channel->exchange_declare('amq.direct', 'fanout', false, true, false));
job('basic.publish every property', function ($channel) {
    $name = queue($channel, 'properties');
    $channel->basic_publish(new AMQPMessage('späť', [
        'content_type' => 'text/plain', 'content_encoding' => 'utf-8', 'delivery_mode' => 2, 'priority' => 3, 'correlation_id' => 'c',
        'reply_to' => 'r', 'expiration' => '60000', 'message_id' => 'm', 'timestamp' => 1700000000, 'type' => 't', 'app_id' => 'a',
        'application_headers' => new AMQPTable(['int' => 1, 'text' => 'späť', 'list' => [1, [2]], 'table' => ['a' => true], 'float' => 1.5, 'none' => null]),
    ]), '', $name);
    return seen(take($channel, $name));
});
job('basic.publish a large body', function ($channel) {
    $name = queue($channel, 'large');
    put($channel, $name, str_repeat('x', 500000));
    return strlen(take($channel, $name)->getBody());
});
job('basic.publish batch', function ($channel) {
    $name = queue($channel, 'batch');
    for ($i = 0; $i < 5; $i++) {
        $channel->batch_basic_publish(new AMQPMessage("m$i"), '', $name);
    }
    $channel->publish_batch();
    return bodies($channel, $name);
});
job('basic.publish missing exchange', function ($channel) {
    $channel->basic_publish(new AMQPMessage('x'), named('missing'));
    return queue($channel, 'after');
});
job('confirm.select: acks, nacks and returns', function ($channel) {
    $told = [];
    $channel->confirm_select();
    $channel->set_ack_handler(function ($message) use (&$told) { $told[] = 'ack ' . $message->getBody(); });
    $channel->set_nack_handler(function ($message) use (&$told) { $told[] = 'nack ' . $message->getBody(); });
    $channel->set_return_listener(function ($code, $text, $exchange, $key, $message) use (&$told) { $told[] = "return $code $text " . $message->getBody(); });
    $name = queue($channel, 'full', ['x-max-length' => 1, 'x-overflow' => 'reject-publish']);
    foreach ([[$name, 'in'], [named('nobody'), 'back'], [$name, 'out']] as [$to, $body]) {
        $channel->basic_publish(new AMQPMessage($body), '', $to, true);
        $channel->wait_for_pending_acks_returns(SECONDS);
    }
    return $told;
});
job('basic.consume, ack, cancel', function ($channel) {
    $name = queue($channel, 'consumed');
    put($channel, $name, '1', '2', '3');
    $channel->basic_qos(0, 1, false);
    $got = [];
    $tag = $channel->basic_consume($name, 'tag', false, false, false, false, function ($message) use (&$got) {
        $got[] = [$message->getBody(), $message->getDeliveryTag(), $message->getConsumerTag()];
        count($got) === 2 ? $message->nack(true) : $message->ack();
    });
    while (count($got) < 4) {
        $channel->wait(null, false, SECONDS);
    }
    return [$tag, $got, $channel->basic_cancel($tag)];
});
job('basic.consume cancelled by the broker', function ($channel, $connection) {
    $name = queue($channel, 'watched');
    $channel->basic_consume($name, 'tag', false, true, false, false, fn () => null);
    $connection->channel()->queue_delete($name);
    try {
        $channel->wait(null, false, SECONDS);
    } catch (AMQPBasicCancelException $cancelled) {
        return $cancelled->consumerTag;
    }
});
job('basic.reject to a dead letter queue', function ($channel) {
    $dead = queue($channel, 'dead');
    $alive = queue($channel, 'alive', ['x-dead-letter-exchange' => '', 'x-dead-letter-routing-key' => $dead]);
    put($channel, $alive, 'refused');
    $channel->basic_get($alive)->reject(false);
    $message = seen(take($channel, $dead));
    unset($message['application_headers']['x-death'][0]['time']);
    return $message;
});
job('basic.ack unknown tag', function ($channel) {
    $channel->basic_ack(5);
    return queue($channel, 'after');
});
job('basic.recover', function ($channel) {
    $name = queue($channel, 'recovered');
    put($channel, $name, '1');
    $channel->basic_get($name);
    $channel->basic_recover(true);
    return [take($channel, $name)->isRedelivered()];
});
job('basic.qos prefetch-size', fn ($channel) => $channel->basic_qos(1000, 1, false));
job('RPC by a reply queue', function ($channel) {
    $requests = queue($channel, 'requests');
    [$replies] = $channel->queue_declare('', false, false, true, true);
    $channel->basic_consume($requests, '', false, true, false, false, function ($message) use ($channel) {
        $reply = new AMQPMessage(strrev($message->getBody()), ['correlation_id' => $message->get('correlation_id')]);
        $channel->basic_publish($reply, '', $message->get('reply_to'));
    });
    $got = [];
    $channel->basic_consume($replies, '', false, true, false, false, function ($message) use (&$got) {
        $got[] = [$message->get('correlation_id'), $message->getBody()];
    });
    $channel->basic_publish(new AMQPMessage('abc', ['correlation_id' => '1', 'reply_to' => $replies]), '', $requests);
    while (!$got) {
        $channel->wait(null, false, SECONDS);
    }
    return $got;
});
job('tx', function ($channel) {
    $name = queue($channel, 'tx');
    $channel->tx_select();
    put($channel, $name, 'rolled back');
    $channel->tx_rollback();
    put($channel, $name, 'committed');
    $channel->tx_commit();
    return bodies($channel, $name);
});
