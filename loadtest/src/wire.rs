//! The socket of one stranger: where to connect, in which codec, with which cookie; and a cheap look at what arrives.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use schemas::codec::Codec;
use schemas::secrets::{COOKIE, SECURE_COOKIE};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A dancer's buffers: the server's largest common message is well below this, and thousands of them share a process.
const BUFFER_BYTES: usize = 4 * 1024;
/// SESSIONS_LIST is the largest message, at most 32 KiB; beyond this something is wrong.
const MESSAGE_BYTES: usize = 256 * 1024;

/// The nodes that take sockets, resolved once, so that a crowd does not become a crowd of name look-ups.
#[derive(Clone, Debug)]
pub struct Target {
    nodes: Vec<Node>,
    pub codec: Codec,
}

#[derive(Clone, Debug)]
struct Node {
    socket: String,
    address: SocketAddr,
}

impl Target {
    pub async fn resolve(urls: &[String], codec: Codec) -> anyhow::Result<Self> {
        let mut nodes = Vec::new();
        for url in urls {
            nodes.push(Node::resolve(url).await?);
        }
        if nodes.is_empty() {
            bail!("at least one --url is needed");
        }
        Ok(Target { nodes, codec })
    }

    /// Opens a socket at a node; numbers beyond the last begin again at the first. `cookie` is the identity (`name=value`) that
    /// an earlier answer gave. `buffer`: what the kernel may keep unread of it. Returns the identity given now, if any.
    pub async fn connect(&self, node: usize, cookie: Option<&str>, buffer: Option<u32>) -> anyhow::Result<(Socket, Option<String>)> {
        let node = &self.nodes[node % self.nodes.len()];
        let socket = if node.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        let stream = socket.connect(node.address).await.context("connect")?;
        stream.set_nodelay(true)?;
        let mut request = node.socket.as_str().into_client_request()?;
        let protocol = match self.codec {
            Codec::Json => Codec::JSON_PROTOCOL,
            Codec::MsgPack => Codec::MSGPACK_PROTOCOL,
        };
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        if let Some(cookie) = cookie {
            request.headers_mut().insert("cookie", HeaderValue::from_str(cookie)?);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(MESSAGE_BYTES)
            .max_message_size(Some(MESSAGE_BYTES))
            .max_frame_size(Some(MESSAGE_BYTES));
        let (socket, response) = client_async_tls_with_config(request, stream, Some(config), None).await.context("upgrade")?;
        let given = response.headers().get_all("set-cookie").iter().filter_map(|v| identity(v.to_str().ok()?)).next();
        Ok((socket, given))
    }

    pub fn frame(&self, message: &Value) -> Message {
        let bytes = self.codec.encode(message);
        match self.codec {
            Codec::Json => Message::text(String::from_utf8(bytes).unwrap_or_default()),
            Codec::MsgPack => Message::binary(bytes),
        }
    }
}

impl Node {
    async fn resolve(url: &str) -> anyhow::Result<Self> {
        let url = reqwest::Url::parse(url).with_context(|| format!("--url {url} is not a URL"))?;
        let scheme = match url.scheme() {
            "http" => "ws",
            "https" => "wss",
            other => bail!("--url must begin with http:// or https://, not {other}://"),
        };
        let host = url.host_str().context("--url names no host")?;
        let port = url.port_or_known_default().context("--url names no port")?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = tokio::net::lookup_host((bare, port)).await.with_context(|| format!("cannot resolve {host}"))?.next();
        let address = address.with_context(|| format!("{host} has no address"))?;
        Ok(Node { socket: format!("{scheme}://{host}:{port}/ws"), address })
    }
}

/// `name=value` of our identity cookie, from a Set-Cookie header.
fn identity(header: &str) -> Option<String> {
    let pair = header.split(';').next()?.trim();
    let (name, _) = pair.split_once('=')?;
    (name == COOKIE || name == SECURE_COOKIE).then(|| pair.to_owned())
}

/// The type of a message without reading the rest. `None` where the type does not stand first: then only a full read tells.
pub fn peek(codec: Codec, bytes: &[u8]) -> Option<&str> {
    match codec {
        Codec::Json => {
            let rest = bytes.strip_prefix(b"{\"type\":\"")?;
            let end = rest.iter().take(40).position(|b| *b == b'"')?;
            std::str::from_utf8(&rest[..end]).ok()
        }
        Codec::MsgPack => {
            let rest = match bytes.first()? {
                0x80..=0x8f => bytes.get(1..)?,
                0xde => bytes.get(3..)?,
                _ => return None,
            };
            let rest = rest.strip_prefix(b"\xa4type")?;
            let (length, rest) = match rest.first()? {
                short @ 0xa0..=0xbf => (usize::from(short & 0x1f), rest.get(1..)?),
                0xd9 => (usize::from(*rest.get(1)?), rest.get(2..)?),
                _ => return None,
            };
            std::str::from_utf8(rest.get(..length)?).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::Millis;
    use schemas::server::{Positioned, ServerMessage};

    #[test]
    fn the_type_is_seen_without_reading_the_rest() {
        let message = ServerMessage::Pong { timestamp: Millis(0) };
        for codec in [Codec::Json, Codec::MsgPack] {
            assert_eq!(peek(codec, &codec.encode(&message)), Some("PONG"));
            let positioned = Positioned { message: &message, seq: Some(7) };
            assert!(peek(codec, &codec.encode(&positioned)).is_none_or(|t| t == "PONG"));
        }
        assert_eq!(peek(Codec::Json, b"{\"seq\":1}"), None);
        assert_eq!(peek(Codec::MsgPack, b"\x82\xa4ty"), None);
    }

    #[test]
    fn only_our_identity_is_kept_of_the_cookies() {
        assert_eq!(identity("pika_id=abc.def; HttpOnly; Path=/").as_deref(), Some("pika_id=abc.def"));
        assert_eq!(identity("__Host-pika_id=x; Secure").as_deref(), Some("__Host-pika_id=x"));
        assert_eq!(identity("theme=dark"), None);
    }
}
