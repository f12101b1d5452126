//! As much of HTTP/1.1 as a DJ's program needs, without a runtime: a request, and its answer whole.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(10);

pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Asks on a connection of its own and waits for the answer.
pub fn ask(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&server, WITHIN)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.write_all(&request(server, method, path, token, body))?;
    let mut bytes = Vec::new();
    loop {
        if let Some((answer, _)) = parse(&bytes)? {
            return Ok(answer);
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "{server} hung up before its answer was whole");
        bytes.extend_from_slice(&piece[..read]);
    }
}

/// The same, for an answer that is JSON and well.
pub fn ask_json(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &Value) -> anyhow::Result<Value> {
    let answer = ask(server, method, path, token, &body.to_string())?;
    ensure!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
    serde_json::from_str(&answer.body).with_context(|| format!("{method} {path}: {}", answer.body))
}

pub fn request(server: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &str) -> Vec<u8> {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\n{token}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer that is there whole, and how many bytes it took.
pub fn parse(bytes: &[u8]) -> anyhow::Result<Option<(Answer, usize)>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
    let headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let length =
        headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim().parse::<usize>()).next();
    let whole = end + 4 + length.context("an answer without a length")??;
    let Some(body) = bytes.get(end + 4..whole) else { return Ok(None) };
    Ok(Some((Answer { status, body: String::from_utf8_lossy(body).into_owned() }, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Type: a\r\ncontent-length: 3\r\n\r\nabcHTTP";
        for cut in 0..text.len() - 4 {
            assert!(parse(&text[..cut]).unwrap().is_none(), "{cut}");
        }
        let (answer, used) = parse(text).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_str(), used), (200, "abc", text.len() - 4));
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
