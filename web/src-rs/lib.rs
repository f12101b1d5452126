//! The pages, inside the executable. What `make web` left in `web/dist` is embedded when the server is compiled, so one
//! file is all that has to be deployed and a page can never be of another version than the server that gives it out.
//!
//! This room promises a name, a type and an ETag for each file. It knows nothing of HTTP, of routes or of caches.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "dist/"]
struct Dist;

/// A built file.
#[derive(Clone, Debug)]
pub struct Page {
    pub bytes: Cow<'static, [u8]>,
    /// The value of `Content-Type`, with the character set where the type has one.
    pub mime: String,
    /// A strong ETag in its quotes: the same bytes have the same one, in every process.
    pub etag: String,
}

/// The file at this path of the build (`assets/app-1a2b.js`), or none. Only files of the build can be named: the path never
/// reaches a file system.
pub fn file(path: &str) -> Option<Page> {
    let found = Dist::get(path)?;
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let text = mime.type_() == mime_guess::mime::TEXT || matches!(mime.subtype().as_str(), "javascript" | "json" | "manifest+json");
    let mime = if text && mime.get_param("charset").is_none() { format!("{mime}; charset=utf-8") } else { mime.to_string() };
    let etag = found.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Some(Page { bytes: found.data, mime, etag: format!("\"{etag}\"") })
}

/// The page that every address of the app begins with. The build script makes sure that there is one.
pub fn index() -> Page {
    file("index.html").unwrap_or(Page {
        bytes: Cow::Borrowed(include_bytes!("unbuilt.html")),
        mime: "text/html; charset=utf-8".to_owned(),
        etag: "\"unbuilt\"".to_owned(),
    })
}

/// Names of all built files.
pub fn names() -> impl Iterator<Item = Cow<'static, str>> {
    Dist::iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_first_page() {
        let page = index();
        assert_eq!(page.mime, "text/html; charset=utf-8");
        assert!(page.bytes.starts_with(b"<!doctype html>"), "{:?}", String::from_utf8_lossy(&page.bytes[..page.bytes.len().min(60)]));
        assert_eq!(page.etag.len(), 34);
    }

    #[test]
    fn nothing_outside_the_build_can_be_named() {
        for path in ["", "../Cargo.toml", "/etc/passwd", "assets/../../Cargo.toml", "assets"] {
            assert!(file(path).is_none(), "{path:?} was given out");
        }
    }
}
