// What a node is told before its first start: rabbitmq.conf, the enabled plugins, and the Erlang machine's arguments.

/** The files of a node, as testcontainers copies them in. `hosts` are all members the cluster is formed of. */
export function nodeFiles(cluster: string, hosts: readonly string[]): { content: string; target: string }[] {
  return [
    { target: '/etc/rabbitmq/rabbitmq.conf', content: rabbitmqConf(cluster, hosts) },
    { target: '/etc/rabbitmq/enabled_plugins', content: `[${plugins.join(',')}].\n` },
  ];
}

/** The Erlang name of the node on a host. */
export function nodeName(host: string): string {
  return `rabbit@${host}`;
}

/** Arguments of the Erlang machine of each of so many nodes. */
export function erlangArguments(nodes: number): string {
  // Schedulers that do not spin, and where nodes share a small machine one for each. +Q: some engines allow a thousand million descriptors, and
  // Erlang would reserve memory for each.
  return `${nodes > 1 ? '+S 1:1 ' : ''}+sbwt none +sbwtdcpu none +sbwtdio none +Q 65536`;
}

const plugins = ['rabbitmq_management', 'rabbitmq_prometheus', 'rabbitmq_web_stomp'];

function rabbitmqConf(cluster: string, hosts: readonly string[]): string {
  const lines = [
    // All clusters have the same host names; by default the name of the first node would be the name of each.
    `cluster_name = ${cluster}`,
    'cluster_formation.peer_discovery_backend = classic_config',
    ...hosts.map((host, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${nodeName(host)}`),
    // A node looks again for the one that founds the cluster; after the last time it would go on alone. By default 30 times, once a second.
    'cluster_formation.discovery_retry_interval = 300',
    'cluster_formation.discovery_retry_limit = 300',
    // After a partition heals, the minority comes back by itself. RabbitMQ 4.3: accepted, and without effect (Khepri).
    'cluster_partition_handling = pause_minority',
    // A silent node is given up after 7 to 13 seconds; the default is a minute.
    'net_ticktime = 10',
    'vm_memory_high_watermark.absolute = 512MiB',
    'disk_free_limit.absolute = 50MB',
    'log.file = false',
    'log.console = true',
    'log.console.level = info',
  ];
  return `${lines.join('\n')}\n`;
}
