// What Pika is made of, as CycloneDX 1.5: each part with its licence and its sum. Usage: cargo metadata … | node sbom.mjs crates; node sbom.mjs pages
import { readFileSync } from "node:fs";

const by = (key) => (a, b) => key(a).localeCompare(key(b));
const text = (path) => readFileSync(path, "utf8");

function say(root, parts, dependencies) {
  const component = ({ type = "library", name, version, purl, licence, hash }) => ({
    type,
    "bom-ref": purl,
    name,
    version,
    purl,
    ...(licence ? { licenses: [{ expression: licence.replaceAll("/", " OR ") }] } : {}),
    ...(hash ? { hashes: [hash] } : {}),
  });
  const bom = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: component({ ...root, type: "application" }) },
    components: parts.sort(by((p) => p.purl)).map(component),
    ...(dependencies ? { dependencies: dependencies.sort(by((d) => d.ref)) } : {}),
  };
  process.stdout.write(`${JSON.stringify(bom, null, 1)}\n`);
}

/** The crates that the program `pika` is built from; what is only needed to test is not in it. */
function crates() {
  const { packages, resolve } = JSON.parse(readFileSync(0, "utf8"));
  const locked = text("Cargo.lock").matchAll(/name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"/g);
  const sums = new Map([...locked].map(([, name, version, sum]) => [`${name}@${version}`, sum]));
  const byId = new Map(packages.map((p) => [p.id, p]));
  const nodes = new Map(resolve.nodes.map((n) => [n.id, n]));
  const root = packages.find((p) => p.name === "pika" && p.source === null);
  const built = (id) => nodes.get(id).deps.filter((d) => d.dep_kinds.some((k) => k.kind !== "dev")).map((d) => d.pkg);
  const reached = new Set();
  for (const waiting = [root.id]; waiting.length > 0; ) {
    const id = waiting.pop();
    if (!reached.has(id)) {
      reached.add(id);
      waiting.push(...built(id));
    }
  }
  const part = ({ name, version, license }) => {
    const content = sums.get(`${name}@${version}`);
    return { name, version, licence: license, purl: `pkg:cargo/${name}@${version}`, hash: content && { alg: "SHA-256", content } };
  };
  const purl = (id) => part(byId.get(id)).purl;
  const all = [...reached];
  say(
    part(root),
    all.filter((id) => id !== root.id).map((id) => part(byId.get(id))),
    all.map((id) => ({ ref: purl(id), dependsOn: built(id).map(purl).sort() })),
  );
}

/** The packages of the pages, without those that only build and test them. */
function pages() {
  const { packages } = JSON.parse(text("web/package-lock.json"));
  const version = /^version = "(.+)"/m.exec(text("Cargo.toml"))[1];
  const parts = Object.entries(packages)
    .filter(([path, p]) => path.startsWith("node_modules/") && !p.dev && !p.link)
    .map(([path, p]) => {
      const name = path.split("node_modules/").pop();
      const [alg, sum] = p.integrity?.split("-") ?? [];
      const hash = sum && { alg: alg.replace("sha", "SHA-"), content: Buffer.from(sum, "base64").toString("hex") };
      return { name, version: p.version, licence: p.license, purl: `pkg:npm/${name.replace("@", "%40")}@${p.version}`, hash };
    });
  say({ name: "pika-pages", version, purl: `pkg:generic/pika-pages@${version}` }, parts);
}

({ crates, pages })[process.argv[2]]();
