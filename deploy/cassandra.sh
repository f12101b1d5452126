#!/usr/bin/env bash
# An Apache Cassandra of one node, for tests that need a real CQL server: from the jars of Maven alone, on an address and in a
# folder of its own, so that several run side by side.
#
#   deploy/cassandra.sh fetch   the jars, once, into ~/.cache/pika/cassandra (about 70 MB)
#   deploy/cassandra.sh run     a server with an empty folder, for as long as the input is open
#
# `run` prints "ready HOST:PORT PID" once the server answers. The line "start" on its input starts a server that has ended again, with
# its data, and prints the same again. When the input ends, because whoever started this has closed it or died, the server is
# killed and its folder removed.
set -euo pipefail

VERSION=5.0.9
# Of the hundred jars, by name: what Maven resolves must be what was tested.
SUM=1a9f2968d1b7c3e85249cb365983ec626aff3d07186da41cd211174ffe3a6328
HEAP=${CASSANDRA_HEAP:-512M}
lib="$HOME/.cache/pika/cassandra/$VERSION"

die() { printf 'cassandra: %s\n' "$*" >&2; exit 1; }

fetch() {
  [ -f "$lib/cassandra-all-$VERSION.jar" ] && return
  command -v mvn >/dev/null || die "Maven is needed to fetch Cassandra; 'deploy/tools.sh cassandra' installs it"
  mkdir -p "$(dirname "$lib")"
  local build; build=$(mktemp -d "$lib.XXXXXX")
  cat > "$build/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>pika</groupId><artifactId>cassandra</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.apache.cassandra</groupId><artifactId>cassandra-all</artifactId>
<version>$VERSION</version></dependency></dependencies></project>
XML
  (cd "$build" && mvn -B -q -Dstyle.color=never dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$build/lib") >&2 \
    || { rm -rf "$build"; die "Maven could not fetch Cassandra $VERSION"; }
  local sum; sum=$(cd "$build/lib" && LC_ALL=C; sha256sum -- *.jar | sha256sum)
  [ "${sum%% *}" = "$SUM" ] || { rm -rf "$build"; die "the jars of Cassandra $VERSION are not those that were tested: ${sum%% *}"; }
  # Whole or not at all, also when two fetch at once: the one that comes second throws its own away.
  mv -T "$build/lib" "$lib" 2>/dev/null || [ -f "$lib/cassandra-all-$VERSION.jar" ] || die "$lib is in the way"
  rm -rf "$build"
}

configure() {
  mkdir -p "$dir/conf" "$dir/log"
  cat > "$dir/conf/cassandra.yaml" <<YAML
cluster_name: pika
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
listen_address: $host
rpc_address: $host
native_transport_port: $port
start_native_transport: true
storage_port: 7000
ssl_storage_port: 7001
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "$host:7000"}]
authenticator: ${CASSANDRA_AUTHENTICATOR:-AllowAllAuthenticator}
authorizer: AllowAllAuthorizer
data_file_directories: ["$dir/data"]
commitlog_directory: $dir/commitlog
saved_caches_directory: $dir/saved_caches
hints_directory: $dir/hints
cdc_raw_directory: $dir/cdc_raw
# A killed server has all that it answered. With "periodic" it may lack the last tenth of a second of it, although its log is mapped
# memory that the kernel keeps: at the next start it reads no further than the last mark that it made, and it makes one every 100 ms.
commitlog_sync: batch
commitlog_segment_size: 16MiB
commitlog_total_space: 256MiB
auto_snapshot: false
incremental_backups: false
concurrent_reads: 8
concurrent_writes: 8
concurrent_counter_writes: 2
concurrent_compactors: 1
memtable_heap_space: 128MiB
memtable_offheap_space: 64MiB
key_cache_size: 16MiB
counter_cache_size: 2MiB
networking_cache_size: 16MiB
file_cache_size: 64MiB
hinted_handoff_enabled: false
user_defined_functions_enabled: false
YAML
  cat > "$dir/conf/logback.xml" <<XML
<configuration><appender name="F" class="ch.qos.logback.core.FileAppender"><file>$dir/log/system.log</file>
<encoder><pattern>%-5level %date{ISO8601} [%thread] %logger{1}: %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="F"/></root></configuration>
XML
}

# What Java 17 has closed and Cassandra needs open, as in the distribution's conf/jvm17-server.options.
opened() {
  local part
  for part in java.base/java.{io,util,util.concurrent,util.concurrent.atomic,nio,lang,math,lang.reflect,lang.module,net} \
    java.base/sun.nio.{ch,fs} java.base/jdk.internal.{loader,ref,reflect,math,module,util.jar,misc} \
    jdk.management/com.sun.management{,.internal}; do printf -- '--add-opens=%s=ALL-UNNAMED\n' "$part"; done
  for part in java.base/jdk.internal.{misc,ref,perf} java.base/sun.nio.ch java.management.rmi/com.sun.jmx.remote.internal.rmi \
    java.rmi/sun.rmi.{registry,server,transport.tcp} java.sql/java.sql jdk.compiler/com.sun.tools.javac.file \
    jdk.unsupported/sun.misc jdk.naming.dns/com.sun.jndi.dns java.management/com.sun.jmx.remote.security \
    java.management/javax.management.remote java.naming/com.sun.jndi.ldap jdk.attach/sun.tools.attach; do
    printf -- '--add-exports=%s=ALL-UNNAMED\n' "$part"
  done
}

alive() { [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; }
answers() { (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; }

start() {
  mapfile -t opened < <(opened)
  java -Xms"$HEAP" -Xmx"$HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xss512k -XX:MaxDirectMemorySize=256M \
    -javaagent:"$(echo "$lib"/jamm-*.jar)" -Djdk.attach.allowAttachSelf=true -Djava.net.preferIPv4Stack=true \
    -Dcassandra.config="file://$dir/conf/cassandra.yaml" -Dcassandra.storagedir="$dir" -Dcassandra.logdir="$dir/log" \
    -Dlogback.configurationFile="$dir/conf/logback.xml" -Dcassandra.jmx.remote.login.config=none \
    -Dcassandra.ring_delay_ms=0 -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.initial_token=0 \
    -Dcassandra.skip_sync=true -Dcassandra.disable_auth_caches_remote_configuration=true -Dcassandra.superuser_setup_delay_ms=0 \
    -Dcassandra.triggers_dir="$dir/conf" -Dcassandra-foreground=yes \
    "${opened[@]}" -cp "$dir/conf:$lib/*" org.apache.cassandra.service.CassandraDaemon \
    > "$dir/log/stdout.log" 2>&1 < /dev/null &
  pid=$!
  disown # what kills it is told to whoever asked for that, and not to the terminal as well
  local began=$SECONDS
  until answers; do
    alive || { tail -n 30 "$dir/log/stdout.log" >&2; die "the server ended before it answered"; }
    [ $((SECONDS - began)) -lt 120 ] || { tail -n 30 "$dir/log/system.log" >&2; die "the server did not answer in two minutes"; }
    sleep 0.2
  done
  printf 'ready %s:%s %s\n' "$host" "$port" "$pid"
}

# A stopped process is killed as well; then nothing of it is left.
leave() {
  if alive; then kill -KILL "$pid"; fi
  while alive; do sleep 0.05; done
  rm -rf "$dir"
}

run() {
  command -v java >/dev/null || die "Java 17 is needed; 'deploy/tools.sh cassandra' installs it"
  fetch
  port=9042
  # Loopback has sixteen million addresses: the ports stay the usual ones, and no two servers meet.
  host=127.$((RANDOM % 254 + 1)).$((RANDOM % 254 + 1)).$((RANDOM % 254 + 1))
  dir=$(mktemp -d "${TMPDIR:-/tmp}/pika-cassandra.XXXXXX")
  pid=
  trap leave EXIT
  trap 'exit 1' INT TERM HUP
  configure
  start
  local line
  while read -r line; do
    case $line in
      start) alive || start ;;
      *) die "unknown command: $line" ;;
    esac
  done
}

case "${1:-}" in fetch | run) "$1" ;; *) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
