//! Secrets of the settings: each stands in one, or in a file that another names; or, while developing, in one that was made once.

use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, bail};

/// The secret called `name`, if there is one. A file's last line may end.
pub fn given(name: &str, secret: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    match (secret, file) {
        (Some(secret), None) => Ok(Some(secret.to_owned())),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("{name}_file {}", file.display()))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, None) => Ok(None),
        (Some(_), Some(_)) => bail!("`{name}` and `{name}_file` are both set; one is enough"),
    }
}

/// What the file at `path` holds; if there is none, what is made now is kept there.
pub fn made_once(path: &Path, make: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let read = || std::fs::read(path);
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        kept => return kept.with_context(|| format!("reading {}", path.display())),
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let secret = make()?;
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(&secret).and_then(|()| file.sync_all()).with_context(|| format!("writing {}", path.display()))?;
            Ok(secret)
        }
        // A role beside this one was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read().with_context(|| format!("reading {}", path.display())),
        Err(error) => Err(error).with_context(|| format!("making {}", path.display())),
    }
}
