#!/bin/bash
# Jobs of amqp-tools, the programs of the C client librabbitmq. An answer is the output and exit status of a program. See
# program.ts.
#
#   bash test/conformance/amqp-tools.sh URL PREFIX
set -u
url="$1" place=0
prefix="$2"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

# Runs a program with the stdin of the caller, and prints the answer.
job() { # title, program, its arguments
  local title="$1" program="$2" status=0
  shift 2
  [[ "$title" == *"${MQ_CONFORMANCE_JOB:-}"* ]] || return
  POSIXLY_CORRECT=1 timeout 60 "$program" --url="${at:-$url}" "$@" >"$folder/out" 2>"$folder/err" || status=$?
  printf '{"job":%s,"answer":{"status":%d,"out":%s,"err":%s}}\n' "$(json <<<"$title")" "$status" "$(json <"$folder/out")" "$(json <"$folder/err")"
}

json() {
  local text
  text="$(cat)"
  text="${text//\\/\\\\}" text="${text//\"/\\\"}" text="${text//$'\n'/\\n}" text="${text//$'\t'/\\t}"
  printf '"%s"' "$text"
}

q="$prefix-1.queue" missing="$prefix-1.missing"
job 'amqp-declare-queue' amqp-declare-queue --queue="$q" --durable
job 'amqp-declare-queue again' amqp-declare-queue --queue="$q" --durable
job 'amqp-declare-queue inequivalent' amqp-declare-queue --queue="$q"
job 'amqp-publish to a queue' amqp-publish --routing-key="$q" --body='späť' --persistent --content-type=text/plain
job 'amqp-publish from stdin' amqp-publish --routing-key="$q" <<<$'one\ntwo'
job 'amqp-publish each line' amqp-publish --routing-key="$q" --line-buffered <<<$'three\nfour'
job 'amqp-publish an empty body' amqp-publish --routing-key="$q" </dev/null
job 'amqp-publish a large body' amqp-publish --routing-key="$q" < <(head -c 300000 /dev/zero | tr '\0' x)
job 'amqp-publish to a missing exchange' amqp-publish --exchange="$missing" --routing-key=k --body=x
job 'amqp-publish with headers' amqp-publish --routing-key="$q" --body=x --header='a: b' --reply-to=r
job 'amqp-get' amqp-get --queue="$q"
job 'amqp-get again' amqp-get --queue="$q"
job 'amqp-consume five' amqp-consume --queue="$q" --count=5 --prefetch-count=1 cksum
job 'amqp-get from an empty queue' amqp-get --queue="$q"
job 'amqp-get from a missing queue' amqp-get --queue="$missing"
job 'amqp-consume from a missing queue' amqp-consume --queue="$missing" --count=1 cat
job 'amqp-publish before a consumer without acks' amqp-publish --routing-key="$q" --body='refused'
job 'amqp-consume without acks' amqp-consume --queue="$q" --count=1 --no-ack cat
job 'amqp-publish one to delete' amqp-publish --routing-key="$q" --body='last'
job 'amqp-delete-queue if empty' amqp-delete-queue --queue="$q" --if-empty
job 'amqp-delete-queue' amqp-delete-queue --queue="$q"
job 'amqp-delete-queue missing' amqp-delete-queue --queue="$q"
at="${url/\/\/*@///guest:wrong@}" job 'wrong password' amqp-get --queue="$q"
at="$url/$prefix-1.vhost" job 'unknown vhost' amqp-get --queue="$q"
