#!/bin/bash
# Jobs of both versions of rabbitmqadmin. Each runs in the image that contains it. An answer is the exit status of a command,
# and its output if the output does not depend on the broker. A command fails if a field that it parses is missing. See
# program.ts.
#
#   MQ_CONFORMANCE_MANAGEMENT=http://127.0.0.1:15672 bash test/conformance/rabbitmqadmin.sh amqp://USER:PASSWORD@HOST:PORT PREFIX
set -u

if [ "${INSIDE:-}" = '' ]; then
  for version in 4.0 4.3; do
    image="mq-rabbitmq:$version"
    docker image inspect "$image" >/dev/null 2>&1 || { [ "${CI:-}" = true ] && exit 1; continue; }
    docker run --rm -i --network host -e INSIDE="$version" -e ONLY="${MQ_CONFORMANCE_JOB:-}" -e API="$MQ_CONFORMANCE_MANAGEMENT" \
      --entrypoint bash "$image" -s "$1" "$2" <"$0" || exit
  done
  exit
fi

login="${1#*://}" address="${API#*://}"
login="${login%%@*}"
options=(-H "${address%:*}" -P "${address##*:}" -u "${login%%:*}" -p "${login#*:}")
name="$2-admin"

# Runs a command and prints its exit status. After the word `says`, it prints the output of the command, too.
job() { # arguments
  local says="" title status=0 out
  [ "$1" != says ] || { says=yes; shift; }
  title="rabbitmqadmin of $INSIDE: $*"
  title="${title/user?${login%%:*} /user <user> }"
  out="$(timeout 60 rabbitmqadmin "${options[@]}" "$@" 2>&1 </dev/null)" || status=$?
  [[ "$title" == *"$ONLY"* ]] || return
  [ -n "$says" ] || [ "$status" != 0 ] || out=""
  printf '{"job":"%s","answer":[%d,"%s"]}\n' "$(text "$title")" "$status" "$(text "$out")"
}

# Escapes a text for a JSON string.
text() {
  local text="${1//\\/\\\\}"
  text="${text//\"/\\\"}"
  text="${text//$'\t'/ }"
  printf %s "${text//$'\n'/\\n}"
}

lists=(nodes vhosts users connections channels consumers queues exchanges bindings policies permissions parameters operator_policies vhost_limits)
if [ "$INSIDE" = 4.0 ]; then
  options+=(-f tsv)
  job declare vhost "name=$name"
  job declare permission "vhost=$name" "user=${login%%:*}" 'configure=.*' 'write=.*' 'read=.*'
  options+=(-V "$name")
  for what in "${lists[@]}"; do job list "$what"; done
  job list queues name messages message_stats.publish_details.rate
  job show overview
  job declare queue name=q durable=true
  job declare exchange name=x type=fanout
  job declare binding source=x destination=q routing_key=k
  job says publish exchange=x routing_key=k payload=hello 'properties={"delivery_mode":2}'
  job says publish exchange=amq.direct routing_key=nowhere payload=x
  job says get queue=q ackmode=ack_requeue_true
  job says get queue=q ackmode=ack_requeue_false
  job purge queue name=q
  job declare policy name=p pattern=^x 'definition={"max-length":3}' apply-to=queues priority=1
  job declare operator_policy name=p pattern=^x 'definition={"max-length":3}' apply-to=queues
  job declare vhost_limit "vhost=$name" name=max-queues value=70
  job export /tmp/definitions.json
  job import /tmp/definitions.json
  job delete vhost_limit "vhost=$name" name=max-queues
  job delete operator_policy name=p
  job delete policy name=p
  job delete binding source=x destination_type=queue destination=q properties_key=k
  job delete exchange name=x
  job delete queue name=q
  job delete queue name=none
  job delete vhost "name=$name"
else
  options+=(--non-interactive)
  job declare vhost --name "$name"
  job declare permissions --user "${login%%:*}" --configure '.*' --write '.*' --read '.*' --vhost "$name"
  options+=(--vhost "$name")
  for what in "${lists[@]}" feature_flags deprecated_features user_limits; do job list "$what"; done
  for what in overview churn; do job show "$what"; done
  for check in local_alarms cluster_wide_alarms node_is_quorum_critical; do job says health_check "$check"; done
  job says health_check protocol_listener --protocol amqp
  job says health_check port_listener --port 1
  job plugins list_all
  job declare queue --name q --type quorum
  job declare exchange --name x --type fanout
  job declare binding --source x --destination-type queue --destination q --routing-key k
  job publish message --exchange x --routing-key k --payload hello
  job get messages --queue q
  job purge queue --name q
  job declare policy --name p --pattern ^x --apply-to queues --priority 1 --definition '{"max-length":3}'
  job declare vhost_limit --name max-queues --value 7
  job definitions export_from_vhost --file /tmp/definitions.json
  job definitions import_into_vhost --file /tmp/definitions.json
  job delete vhost_limit --name max-queues
  job delete policy --name p
  job delete binding --source x --destination-type queue --destination q --routing-key k
  job delete exchange --name x
  job delete queue --name q
  job delete queue --name none
  job rebalance queues
  job delete vhost --name "$name"
fi
