// Reads what deploy/ ships and holds it against schemas and against what Pika needs. Usage: node check.mjs RENDERED-MANIFESTS. Says all that is wrong.
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import Ajv from "ajv/dist/2020.js";
import Ajv7 from "ajv";
import addFormats from "ajv-formats";
import { parse, parseAllDocuments } from "yaml";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const read = (path) => readFileSync(join(root, path), "utf8");
const schema = (name) => JSON.parse(readFileSync(join(here, "schemas", name), "utf8"));
const wrong = [];
const check = (holds, where, words) => holds || wrong.push(`${where}: ${words}`);

const options = { strict: false, allErrors: true, allowUnionTypes: true, validateFormats: true };
const fits = (validate, document, where) => {
  if (!validate(document)) for (const e of validate.errors) wrong.push(`${where}: ${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
};

/** "1g", "256m", "128Mi" in bytes. */
const bytes = (text) => {
  const [, number, unit] = /^([\d.]+)\s*([kKmMgG]?)i?[bB]?$/.exec(String(text)) ?? [];
  return Number(number) * { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[unit.toLowerCase()];
};

// Compose: the schema, then what this machine and this program need.
const compose = (() => {
  const ajv = new Ajv(options);
  addFormats(ajv);
  return ajv.compile(schema("compose.json"));
})();
const MACHINE = 4 * 2 ** 30;
const SYSTEM = 512 * 2 ** 20;
for (const path of ["deploy/compose/compose.yml", "deploy/compose/roles.yml", "deploy/compose/development.yml", "deploy/tunnel/compose.yml"]) {
  const document = parse(read(path), { merge: true });
  fits(compose, document, path);
  let sum = 0;
  for (const [name, service] of Object.entries(document.services)) {
    const where = `${path}: ${name}`;
    if (service.profiles) continue;
    check(service.mem_limit, where, "has no mem_limit");
    check(service.healthcheck, where, "has no healthcheck");
    check(/:[\w.${}:-]*\d/.test(service.image) || /:development$/.test(service.image), where, `${service.image} is not pinned`);
    sum += bytes(service.mem_limit);
    const ours = /pika/.test(service.image) && !/nginx/.test(service.image);
    if (ours) {
      check(service.user === "65532:65532", where, "runs as another user than the image was made for");
      check(service.command[0] === "backup" || parseInt(service.stop_grace_period) >= (path.includes("development") ? 22 : 55), where, "is killed before it has left");
    }
    if (!path.includes("development") && name !== "scylla") {
      check(service.read_only && service.cap_drop?.includes("ALL"), where, "may write to its image or has capabilities");
      check(service.restart === "unless-stopped", where, "does not start again");
    }
    for (const port of service.ports ?? []) {
      check(/^(80:8080|443:8443|127\.0\.0\.1:)/.test(port), where, `opens ${port} to everybody`);
      check(!path.includes("tunnel"), where, "opens a port, and behind a tunnel there is none");
    }
    for (const volume of service.volumes ?? []) {
      const [from] = volume.split(":");
      const made = ["./acme", "./tls", "./secrets"].some((folder) => from.startsWith(folder));
      if (from.startsWith(".") && !made) check(existsSync(join(root, dirname(path), from)), where, `${from} does not exist`);
      if (from.startsWith(".")) check(volume.endsWith(":ro"), where, `${volume} can be written`);
      // A volume that is new takes its owner from the image, and else is root's.
      const [, to] = volume.split(":");
      if (ours && !from.startsWith(".")) check(read("deploy/Dockerfile").includes(`--chown=65532:65532 /out${to} ${to}\n`), where, `cannot write to ${to}, which the image does not have`);
    }
    for (const on of Object.keys(service.depends_on ?? {})) check(document.services[on], where, `depends on ${on}, which there is not`);
  }
  if (!path.includes("development")) {
    const backup = document.services.backup;
    check(backup && !backup.profiles && backup.command.join(" ").startsWith("backup --every-hours 24 "), path, "takes no backup each day");
    // What became of a backup lies in the data directory, and a process that Prometheus asks has to see it.
    const data = (service) => service.volumes?.find((volume) => volume.endsWith(":" + service.environment.PIKA_DATA));
    const seen = Object.entries(document.services).some(([name, s]) => name !== "backup" && s.environment?.PIKA_DATA && data(s) && data(s) === data(backup ?? s));
    check(backup && seen, path, "no process knows of the backups");
  }
  check(sum <= MACHINE - SYSTEM, path, `its limits are ${sum / 2 ** 20} MB; a machine of 4 GB has ${(MACHINE - SYSTEM) / 2 ** 20} to give`);
}

// Kubernetes: each kind by its schema, then what a roll-out and an intruder meet.
const kubernetes = schema("kubernetes.json");
const byKind = (() => {
  const ajv = new Ajv(options);
  // The cluster's own formats: numbers by width, quantities, which need no more than their type here.
  for (const name of ["int32", "int64", "double", "byte", "int-or-string", "quantity", "date-time"]) ajv.addFormat(name, true);
  ajv.addSchema(kubernetes, "kubernetes");
  return (kind) => ajv.getSchema(`kubernetes${kubernetes.kinds[kind]}`);
})();
const manifests = parseAllDocuments(readFileSync(process.argv[2], "utf8")).map((d) => d.toJS());
check(manifests.length > 20, "deploy/k8s", `renders ${manifests.length} manifests`);
const named = (kind) => manifests.filter((m) => m.kind === kind);
for (const m of manifests) {
  const where = `deploy/k8s: ${m.kind} ${m.metadata.name}`;
  if (!kubernetes.kinds[m.kind]) {
    wrong.push(`${where}: there is no schema of this kind in deploy/check/schemas`);
    continue;
  }
  fits(byKind(m.kind), m, where);
  check(m.kind === "Namespace" || m.metadata.namespace === "pika", where, "is in no namespace");
}
const chosen = ({ matchLabels = {}, matchExpressions = [] }, labels) =>
  Object.entries(matchLabels).every(([k, v]) => labels[k] === v) && matchExpressions.every(({ key, values }) => values.includes(labels[key]));
const roles = ["ingest", "fanout", "workers", "api", "front"];
check(named("Deployment").length === roles.length, "deploy/k8s", `has ${named("Deployment").length} deployments`);
for (const role of roles) {
  const where = `deploy/k8s: ${role}`;
  const deployment = named("Deployment").find((d) => d.metadata.name === `pika-${role}`);
  if (!deployment) {
    wrong.push(`${where}: has no deployment`);
    continue;
  }
  const { replicas, strategy, template } = deployment.spec;
  const pod = template.spec;
  check(replicas >= 2, where, "has one copy");
  check(strategy.rollingUpdate.maxUnavailable === 0, where, "loses a copy while it is rolled out");
  check(pod.terminationGracePeriodSeconds >= 55, where, "is killed before it has left");
  check(pod.automountServiceAccountToken === false, where, "is given a token of the cluster");
  check(pod.securityContext.runAsNonRoot && pod.securityContext.seccompProfile?.type === "RuntimeDefault", where, "may run as root");
  for (const c of [...(pod.initContainers ?? []), ...pod.containers]) {
    const s = c.securityContext ?? {};
    check(s.readOnlyRootFilesystem && s.allowPrivilegeEscalation === false && s.capabilities?.drop?.includes("ALL"), where, `${c.name} has more rights than it needs`);
    check(c.resources?.limits?.memory && c.resources?.requests?.memory, where, `${c.name} has no limit of memory`);
    check(/:[^:]*\d/.test(c.image) && !c.image.endsWith(":latest"), where, `${c.image} is not pinned`);
    for (const from of c.envFrom ?? []) check(named("ConfigMap").some((m) => m.metadata.name === from.configMapRef?.name), where, `reads ${from.configMapRef?.name}, which there is not`);
  }
  for (const c of pod.containers) check(c.livenessProbe && c.readinessProbe && c.startupProbe, where, `${c.name} lacks a probe`);
  for (const v of pod.volumes ?? []) {
    for (const source of v.projected?.sources ?? []) check(named("ConfigMap").some((m) => m.metadata.name === source.configMap.name), where, `mounts ${source.configMap.name}, which there is not`);
  }
  const selects = (selector) => Object.entries(selector.matchLabels ?? selector).every(([k, v]) => template.metadata.labels[k] === v);
  check(selects(deployment.spec.selector), where, "does not select its own pods");
  check(named("Service").some((s) => s.metadata.name === `pika-${role}` && selects(s.spec.selector)), where, "has no service that selects it");
  check(named("PodDisruptionBudget").some((b) => selects(b.spec.selector)), where, "has no disruption budget");
  // What reaches what: the ingress the front, the front the roles that answer people, and those what they ask.
  const labels = template.metadata.labels;
  const under = named("NetworkPolicy").filter((n) => chosen(n.spec.podSelector, labels));
  const rules = (way) => under.flatMap((n) => n.spec[way] ?? []);
  const admits = (way, port, peer = () => true) => rules(way).some((r) => r.ports?.some((p) => p.port === port) && (r.to ?? r.from ?? [{}]).some(peer));
  const pods = (component) => (p) => p.podSelector && chosen(p.podSelector, { "app.kubernetes.io/name": "pika", "app.kubernetes.io/component": component });
  check(under.some((n) => n.spec.policyTypes.includes("Ingress")), where, "is under no network policy");
  if (role === "front") {
    const ingress = (p) => p.namespaceSelector?.matchLabels?.["kubernetes.io/metadata.name"] === "ingress-nginx";
    check(admits("ingress", pod.containers[0].ports[0].containerPort, ingress), where, "lets the ingress in nowhere");
    for (const answers of ["ingest", "fanout", "api"]) check(admits("egress", 3001, pods(answers)), where, `does not reach ${answers}`);
  } else {
    check(role === "workers" || admits("ingress", 3001, pods("front")), where, "does not let the front in");
    check(admits("egress", 4222), where, "does not reach the broker");
  }
  if (role === "api") for (const port of [443, 465, 587, 9042]) check(admits("egress", port), where, `is not let out to port ${port}`);
}
// The one job: each night, one at a time, no longer than till the next, with what it needs to reach.
const jobs = named("CronJob");
check(jobs.length === 1 && jobs[0].metadata.name === "pika-backup", "deploy/k8s", "takes no backup each day");
for (const { metadata, spec } of jobs) {
  const where = `deploy/k8s: ${metadata.name}`;
  const { template, activeDeadlineSeconds } = spec.jobTemplate.spec;
  const pod = template.spec;
  check(/^\d+ \d+ \* \* \*$/.test(spec.schedule), where, "does not run once a day");
  check(spec.concurrencyPolicy === "Forbid" && activeDeadlineSeconds < 86400, where, "may run beside itself");
  check(pod.restartPolicy === "Never" && pod.automountServiceAccountToken === false, where, "is given a token of the cluster, or starts again and again");
  check(pod.securityContext.runAsNonRoot && pod.securityContext.seccompProfile?.type === "RuntimeDefault", where, "may run as root");
  const [c] = pod.containers;
  const s = c.securityContext ?? {};
  check(c.args[0] === "backup" && c.args[1] === "--to" && c.args[2].startsWith("s3://"), where, "leaves the backup in its own pod");
  check(s.readOnlyRootFilesystem && s.allowPrivilegeEscalation === false && s.capabilities?.drop?.includes("ALL"), where, "has more rights than it needs");
  check(c.resources?.limits?.memory && c.resources?.requests?.memory, where, "has no limit of memory");
  check(/:[^:]*\d/.test(c.image), where, `${c.image} is not pinned`);
  for (const from of c.envFrom) check(!from.configMapRef || named("ConfigMap").some((m) => m.metadata.name === from.configMapRef.name), where, `reads ${from.configMapRef?.name}, which there is not`);
  const ports = named("NetworkPolicy").filter((n) => chosen(n.spec.podSelector, template.metadata.labels)).flatMap((n) => n.spec.egress ?? []).flatMap((e) => e.ports ?? []).map((p) => p.port);
  for (const port of [4222, 9042, 443]) check(ports.includes(port), where, `is not let out to port ${port}`);
}
for (const h of named("HorizontalPodAutoscaler")) {
  const target = named("Deployment").find((d) => d.metadata.name === h.spec.scaleTargetRef.name);
  check(target && target.spec.replicas >= h.spec.minReplicas, `deploy/k8s: HorizontalPodAutoscaler ${h.metadata.name}`, "scales what there is not, or starts below its least");
}
check(
  named("HorizontalPodAutoscaler").some((h) => h.spec.metrics.some((m) => m.pods?.metric.name === "pika_connections")),
  "deploy/k8s",
  "nothing scales by connections",
);
for (const policy of named("NetworkPolicy")) {
  const peers = (policy.spec.egress ?? []).flatMap((rule) => rule.to ?? []).map((to) => to.podSelector?.matchLabels?.["app.kubernetes.io/name"]);
  check(policy.metadata.name !== "pika" || peers.includes("nats"), "deploy/k8s", "the network policy does not lead to the broker");
}

// The charts' values and the operator's resource: they parse, and the promise of the log stands in them.
const nats = parse(read("deploy/k8s/nats/values.yaml"));
check(nats.config.jetstream.merge.sync_interval === "always", "deploy/k8s/nats/values.yaml", "acknowledges before it writes");
check(parse(read("deploy/k8s/scylla/cluster.yaml")).spec.scyllaArgs.includes("--commitlog-sync batch"), "deploy/k8s/scylla/cluster.yaml", "answers before it writes");
check(/sync_interval: always/.test(read("deploy/compose/roles/nats.conf")), "deploy/compose/roles/nats.conf", "acknowledges before it writes");

// A bare machine has a timer.
const [timer, service] = ["timer", "service"].map((kind) => read(`deploy/systemd/pika-backup.${kind}`));
check(/^OnCalendar=\*-\*-\* \d\d:\d\d:00$/m.test(timer) && /^Persistent=yes$/m.test(timer) && /^WantedBy=timers.target$/m.test(timer), "deploy/systemd/pika-backup.timer", "takes no backup each day");
check(/^ExecStart=\S+\/pika backup --to \/\S+$/m.test(service) && /^Type=oneshot$/m.test(service), "deploy/systemd/pika-backup.service", "takes no backup");

// What Grafana and Prometheus read at their start.
for (const path of ["deploy/grafana/provisioning/datasources/prometheus.yml", "deploy/grafana/provisioning/dashboards/pika.yml", "deploy/compose/roles/targets.yml"]) parse(read(path));

// Workflows of the forge: the schema, and that they only call what `make` has.
if (existsSync(join(root, ".github/workflows"))) {
  const ajv = new Ajv7(options);
  addFormats(ajv);
  const workflow = ajv.compile(schema("workflow.json"));
  const targets = new Set([...read("Makefile").matchAll(/^([a-z-]+):/gm)].map((m) => m[1]));
  for (const file of readdirSync(join(root, ".github/workflows"))) {
    const path = relative(root, join(root, ".github/workflows", file));
    const document = parse(read(path));
    fits(workflow, document, path);
    for (const [job, { steps, ...rest }] of Object.entries(document.jobs)) {
      check(rest["timeout-minutes"], `${path}: ${job}`, "has no time limit");
      for (const step of steps) {
        for (const [, target] of (step.run ?? "").matchAll(/\bmake ([a-z-]+)/g)) check(targets.has(target), `${path}: ${job}`, `calls make ${target}, which there is not`);
        check(!step.uses || /@(v\d|[0-9a-f]{40})/.test(step.uses), `${path}: ${job}`, `${step.uses} is not pinned`);
      }
    }
  }
}

for (const line of wrong) console.error(`deploy: ${line}`);
process.exit(wrong.length ? 1 : 0);
