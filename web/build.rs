//! Makes sure that there is something to embed, so that cargo works on a machine without Node.

use std::path::Path;
use std::{fs, io};

/// What a visitor sees when the pages were never built. It says so, instead of looking like a broken Pika.
const UNBUILT: &str = include_str!("src-rs/unbuilt.html");

fn main() -> io::Result<()> {
    let dist = Path::new("dist");
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(dist)?;
        fs::write(&index, UNBUILT)?;
    }
    println!("cargo::rerun-if-changed=dist");
    println!("cargo::rerun-if-changed=src-rs/unbuilt.html");
    Ok(())
}
