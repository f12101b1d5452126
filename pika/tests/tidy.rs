//! What must stay true of the code and can be seen without running it. Each check names what is wrong and where.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

/// Which rooms a room may depend on. A role never imports a role; only `pika` knows all of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("nats", &["schemas"]),
    ("store", &["schemas"]),
    ("accounts", &["schemas", "store"]),
    ("push", &["schemas", "store", "accounts"]),
    ("ingest", &["schemas", "nats"]),
    ("fanout", &["schemas", "nats"]),
    ("workers", &["schemas", "nats", "store"]),
    ("web", &[]),
    ("api", &["schemas", "nats", "store", "accounts", "push", "web"]),
    ("pika", &["schemas", "nats", "store", "accounts", "push", "ingest", "fanout", "workers", "api", "web"]),
    // A stranger who speaks the wire: it must not know how the inside counts, or it could not check the count.
    ("loadtest", &["schemas"]),
    // It knows processes and connections, and the room that finds nats-server and asks who leads the log.
    ("chaos", &["schemas", "nats"]),
    // It drives the pure steps of every role against each other, with nothing real between them.
    ("sim", &["schemas", "nats", "store", "ingest", "fanout", "workers"]),
];

/// The longest Rust file. What is longer holds more than one noun.
const LINES: usize = 500;

/// How a program learns of its surroundings. Arguments and variables are settings, and settings are `pika`'s.
const ENVIRONMENT: &[&str] = &["env::var", "env::args", "env::home_dir", "env::current_dir", "env::temp_dir", "option_env!"];

/// Places where the environment is read outside `pika`, and why.
const ENVIRONMENT_ALLOWED: &[(&str, &str)] =
    &[("nats/src/server.rs", "finding nats-server where `make tools` puts it, below the home directory")];

/// How a subject begins. Whoever spells one outside `nats` goes past the types that keep a session in its own partition.
const SUBJECTS: &[&str] = &["live.", "feed.", "state.", "note.", "verdict.", "presence.", "ask.", "$KV.", "$JS.", "$SYS."];

/// Places outside a `metrics.rs` that name a metric, and why.
const METRICS_ALLOWED: &[(&str, &str)] = &[];

/// Metrics that two rooms name, and why that is right for now.
const METRICS_SHARED: &[(&str, &str)] = &[];

/// What every decision record says.
const SECTIONS: &[&str] = &["## Context", "## Decision", "## Consequences", "## Proof"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file, its path as people write it, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines with their numbers, without comments and without the file's test module, which stands at its end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(3).position(|three| three[0] == "#[cfg(test)]" && three[1..].contains(&"mod tests {"));
        let product = lines.len().min(tests.unwrap_or(usize::MAX));
        lines.into_iter().take(product).enumerate().map(|(i, line)| (i + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn room(&self) -> &str {
        self.path.split('/').next().unwrap()
    }

    /// Whether this is the product and not its tests.
    fn is_product(&self) -> bool {
        let mut parts = self.path.split('/');
        let inner = parts.nth(1);
        matches!(inner, Some("src" | "src-rs")) && !parts.any(|part| matches!(part, "tests" | "tests.rs" | "trial"))
    }
}

fn walk(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let skipped = name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules" | "dist" | "data");
        match path.is_dir() {
            true if !skipped => walk(&path, wanted, found),
            false if wanted(&path) => found.push(path),
            _ => {}
        }
    }
}

fn sources(extensions: &[&str]) -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    let wanted = |path: &Path| path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted));
    walk(&root, &wanted, &mut paths);
    assert!(!paths.is_empty(), "no file below {} ends with one of {extensions:?}", root.display());
    let shown = |path: &Path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
    paths.iter().map(|path| Source { path: shown(path), text: fs::read_to_string(path).unwrap() }).collect()
}

fn rust() -> Vec<Source> {
    sources(&["rs"])
}

fn manifest(path: &str) -> Table {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn members() -> Vec<String> {
    let workspace = manifest("Cargo.toml");
    let members = workspace["workspace"]["members"].as_array().unwrap().clone();
    members.into_iter().map(|member| member.as_str().unwrap().to_owned()).collect()
}

fn allowed(list: &[(&str, &str)], what: &str) -> bool {
    list.iter().any(|(name, _)| *name == what)
}

/// An exception that nothing needs any more is a hole that somebody will fall into.
fn unneeded(list: &[(&str, &str)], met: &BTreeSet<String>) -> Vec<String> {
    list.iter()
        .filter(|(name, _)| !met.contains(*name))
        .map(|(name, _)| format!("{name}: no longer needs its exception; take it off the list"))
        .collect()
}

fn nothing(wrong: Vec<String>, rule: &str) {
    assert!(wrong.is_empty(), "\n{rule}\n  {}\n", wrong.join("\n  "));
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let rooms: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    let mut wrong: Vec<String> = members()
        .iter()
        .filter(|member| !rooms.contains(&member.as_str()))
        .map(|member| format!("Cargo.toml: the room {member} has no arrows in tidy.rs"))
        .collect();
    for (room, may) in ARROWS {
        let path = format!("{room}/Cargo.toml");
        let manifest = manifest(&path);
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let Some(dependencies) = manifest.get(kind).and_then(|table| table.as_table()) else { continue };
            for name in dependencies.keys().filter(|name| rooms.contains(&name.as_str()) && !may.contains(&name.as_str())) {
                wrong.push(format!("{path}: {kind} has {name}; {room} may know {may:?}"));
            }
        }
    }
    nothing(wrong, "A room depends on a room that it must not know.");
}

#[test]
fn dependencies_are_chosen_in_one_place() {
    let mut wrong = Vec::new();
    for room in members() {
        let path = format!("{room}/Cargo.toml");
        let manifest = manifest(&path);
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (name, dependency) in manifest.get(kind).and_then(|table| table.as_table()).into_iter().flatten() {
                if dependency.get("workspace").and_then(|inherits| inherits.as_bool()) != Some(true) {
                    wrong.push(format!("{path}: {kind}: {name} is not inherited from [workspace.dependencies]"));
                }
            }
        }
    }
    nothing(wrong, "A dependency's version stands in the workspace's Cargo.toml alone.");
}

#[test]
fn every_room_inherits_the_lints_that_forbid_unsafe_code() {
    let mut wrong = Vec::new();
    let workspace = manifest("Cargo.toml");
    if workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str() != Some("forbid") {
        wrong.push("Cargo.toml: [workspace.lints.rust] does not forbid unsafe_code".to_owned());
    }
    for room in members() {
        let path = format!("{room}/Cargo.toml");
        let inherits = manifest(&path).get("lints").and_then(|lints| lints.get("workspace")?.as_bool()) == Some(true);
        if !inherits {
            wrong.push(format!("{path}: no `[lints] workspace = true`"));
        }
    }
    nothing(wrong, "A room is not under the workspace's lints.");
}

#[test]
fn only_pika_reads_the_environment() {
    let (mut wrong, mut met) = (Vec::new(), BTreeSet::new());
    for source in rust().iter().filter(|source| source.is_product() && !matches!(source.room(), "pika" | "loadtest")) {
        for (line, text) in source.code().filter(|(_, text)| ENVIRONMENT.iter().any(|way| text.contains(way))) {
            met.insert(source.path.clone());
            if !allowed(ENVIRONMENT_ALLOWED, &source.path) {
                wrong.push(format!("{}:{line}: {}", source.path, text.trim()));
            }
        }
    }
    wrong.extend(unneeded(ENVIRONMENT_ALLOWED, &met));
    nothing(wrong, "Only `pika` reads the environment; a role is given a Config.");
}

#[test]
fn only_nats_spells_a_subject() {
    let mut wrong = Vec::new();
    for source in rust().iter().filter(|source| source.is_product() && source.room() != "nats") {
        let spells = |text: &str| SUBJECTS.iter().any(|subject| text.contains(&format!("\"{subject}")));
        wrong.extend(source.code().filter(|(_, text)| spells(text)).map(|(line, text)| format!("{}:{line}: {}", source.path, text.trim())));
    }
    nothing(wrong, "Only the room `nats` spells a subject of the broker; ask it for a typed function.");
}

#[test]
fn metrics_are_named_in_the_files_for_it() {
    let (mut wrong, mut met) = (Vec::new(), BTreeSet::new());
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in rust().iter().filter(|source| source.is_product()) {
        let is_list = source.path.ends_with("/metrics.rs");
        for (line, text) in source.code() {
            if ["counter!(", "gauge!(", "histogram!("].iter().any(|macro_| text.contains(macro_)) && !is_list {
                met.insert(source.path.clone());
                if !allowed(METRICS_ALLOWED, &source.path) {
                    wrong.push(format!("{}:{line}: {}", source.path, text.trim()));
                }
            }
            if is_list {
                for name in text.split('"').skip(1).step_by(2).filter(|name| name.starts_with("pika_")) {
                    named.entry(name.to_owned()).or_default().insert(source.path.clone());
                }
            }
        }
    }
    wrong.extend(unneeded(METRICS_ALLOWED, &met));
    let shared: BTreeMap<&String, &BTreeSet<String>> = named.iter().filter(|(_, files)| files.len() > 1).collect();
    for (name, files) in shared.iter().filter(|(name, _)| !allowed(METRICS_SHARED, name)) {
        wrong.push(format!("{name} is named by {files:?}: in one process they would write over each other"));
    }
    wrong.extend(unneeded(METRICS_SHARED, &shared.keys().map(|name| (*name).clone()).collect()));
    nothing(wrong, "A metric is named in one metrics.rs and nowhere else.");
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here, so that this file does not find itself.
    let marks = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    let words = ["TO", "FIX"].map(|half| format!("{half}{}", if half == "TO" { "DO" } else { "ME" }));
    let mut wrong = Vec::new();
    for source in sources(&["rs", "ts", "tsx", "sh", "toml", "sql", "css", "html"]) {
        for (line, text) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| text.contains(mark.as_str())) || words.iter().any(|word| text.contains(word.as_str())) {
                wrong.push(format!("{}:{}: {}", source.path, line + 1, text.trim()));
            }
        }
    }
    nothing(wrong, "What is not done is not in the code.");
}

#[test]
fn no_file_is_too_long_to_hold_in_mind() {
    let long = rust().into_iter().map(|source| (source.text.lines().count(), source.path)).filter(|(lines, _)| *lines > LINES);
    nothing(long.map(|(lines, path)| format!("{path}: {lines} lines")).collect(), &format!("A Rust file has more than {LINES} lines."));
}

#[test]
fn decisions_have_all_their_parts() {
    let mut wrong = Vec::new();
    let mut numbers = BTreeSet::new();
    for record in sources(&["md"]).iter().filter(|source| source.path.starts_with("docs/decisions/")) {
        let name = record.path.trim_start_matches("docs/decisions/");
        match name.split_once('-') {
            Some((number, _)) if number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                if !numbers.insert(number.to_owned()) {
                    wrong.push(format!("{}: the number {number} is taken", record.path));
                }
                if !record.text.starts_with(&format!("# {number} ")) {
                    wrong.push(format!("{}:1: does not begin with `# {number} ` and a title", record.path));
                }
            }
            _ => wrong.push(format!("{}: is not named NNNN-title.md", record.path)),
        }
        let headings: Vec<&str> = record.text.lines().filter(|line| line.starts_with("## ")).collect();
        if headings != SECTIONS {
            wrong.push(format!("{}: has {headings:?}, should have {SECTIONS:?}", record.path));
        }
    }
    assert!(!numbers.is_empty(), "docs/decisions/ holds no records");
    nothing(wrong, "A decision record lacks something.");
}

#[test]
fn the_decisions_are_all_listed() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let unlisted = sources(&["md"]).into_iter().filter(|source| source.path.starts_with("docs/decisions/"));
    let unlisted = unlisted.filter(|source| !architecture.contains(&source.path)).map(|source| source.path);
    nothing(unlisted.collect(), "ARCHITECTURE.md does not lead to a decision record.");
}

/// What a document says in backticks and means as a file of this repository.
fn named_paths(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    let prose = text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    prose.flat_map(|(i, line)| line.split('`').skip(1).step_by(2).map(move |name| (i + 1, name))).filter(|(_, name)| {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        let ends = [".rs", ".ts", ".tsx", ".md", ".sql", ".sh", ".toml", ".m3u"].iter().any(|end| name.ends_with(end));
        plain && name.contains('/') && !name.starts_with(['/', '.']) && (ends || name.ends_with('/'))
    })
}

#[test]
fn documents_name_only_files_that_exist() {
    let root = root();
    let mut wrong = Vec::new();
    for document in sources(&["md"]).iter().filter(|source| !source.path.starts_with("web/")) {
        for (line, path) in named_paths(&document.text).filter(|(_, path)| !root.join(path).exists()) {
            wrong.push(format!("{}:{line}: there is no {path}", document.path));
        }
        for (line, text) in document.text.lines().enumerate() {
            for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()).filter(|target| !target.is_empty()) {
                let beside = root.join(&document.path).parent().unwrap().join(target);
                if !target.contains("://") && !beside.exists() {
                    wrong.push(format!("{}:{}: the link to {target} leads nowhere", document.path, line + 1));
                }
            }
        }
    }
    nothing(wrong, "A document names a file that is not there.");
}

#[test]
fn every_room_and_every_invariant_has_a_place_in_the_map() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let unmapped = members().into_iter().filter(|room| !architecture.contains(&format!("`{room}/")));
    nothing(unmapped.collect(), "ARCHITECTURE.md's code map does not know a room.");
    let invariants = architecture.lines().filter(|line| line.starts_with("Invariant:")).count();
    assert!(invariants >= 10, "ARCHITECTURE.md states {invariants} invariants in lines that begin with \"Invariant:\"");
}

#[test]
fn every_setting_is_described() {
    let settings = fs::read_to_string(root().join("pika/src/settings.rs")).unwrap();
    let body = settings.split("pub struct Settings {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':')).map(|(name, _)| name);
    let documents: String = sources(&["md"]).into_iter().map(|source| source.text).collect();
    let silent = names.filter(|name| !documents.contains(&format!("`{name}`"))).map(|name| format!("pika/src/settings.rs: {name}"));
    nothing(silent.collect(), "A setting is described in no document.");
}

#[test]
fn every_metric_is_described_for_operators() {
    let documents: String = sources(&["md"]).into_iter().map(|source| source.text).collect();
    let mut silent = BTreeSet::new();
    for source in rust().iter().filter(|source| source.path.ends_with("/metrics.rs") && source.is_product()) {
        for (_, text) in source.code() {
            let names = text.split('"').skip(1).step_by(2).filter(|name| name.starts_with("pika_"));
            silent.extend(names.filter(|name| !documents.contains(&format!("`{name}`"))).map(|name| format!("{}: {name}", source.path)));
        }
    }
    nothing(silent.into_iter().collect(), "A metric is described in no document.");
}
