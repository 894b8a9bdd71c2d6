// Defines the settings of a node before its first start: rabbitmq.conf, the enabled plugins, and the arguments of the
// Erlang VM.

/** Returns the files of a node for testcontainers. `hosts` are the members that form the cluster. */
export function nodeFiles(cluster: string, hosts: readonly string[]): { content: string; target: string }[] {
  return [
    { target: '/etc/rabbitmq/rabbitmq.conf', content: rabbitmqConf(cluster, hosts) },
    { target: '/etc/rabbitmq/enabled_plugins', content: `[${plugins.join(',')}].\n` },
  ];
}

/** Returns the Erlang name of the node on a host. */
export function nodeName(host: string): string {
  return `rabbit@${host}`;
}

/** Returns the arguments of the Erlang VM of each node. */
export function erlangArguments(nodes: number): string {
  // +sbwt: idle schedulers do not busy-wait. +S: nodes that share a machine have one scheduler each. +Q: some engines
  // allow a billion file descriptors, and Erlang would reserve memory for each of them.
  return `${nodes > 1 ? '+S 1:1 ' : ''}+sbwt none +sbwtdcpu none +sbwtdio none +Q 65536`;
}

const plugins = ['rabbitmq_management', 'rabbitmq_prometheus', 'rabbitmq_web_stomp'];

function rabbitmqConf(cluster: string, hosts: readonly string[]): string {
  const lines = [
    // All clusters have the same host names. By default, the name of the first node would be the name of every cluster.
    `cluster_name = ${cluster}`,
    'cluster_formation.peer_discovery_backend = classic_config',
    ...hosts.map((host, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${nodeName(host)}`),
    // A node tries to find the founding node. After the last attempt it would start alone. The interval is in
    // milliseconds. The default is 30 attempts, one second apart.
    'cluster_formation.discovery_retry_interval = 300',
    'cluster_formation.discovery_retry_limit = 300',
    // After a partition heals, the minority rejoins by itself. RabbitMQ 4.3 accepts the setting but ignores it
    // (Khepri).
    'cluster_partition_handling = pause_minority',
    // The other nodes consider a silent node down after 7 to 13 seconds. With the default it takes a minute.
    'net_ticktime = 10',
    'vm_memory_high_watermark.absolute = 512MiB',
    'disk_free_limit.absolute = 50MB',
    'log.file = false',
    'log.console = true',
    'log.console.level = info',
  ];
  return `${lines.join('\n')}\n`;
}
