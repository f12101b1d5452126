//! permessage-deflate: who offers it gets long messages compressed and may send compressed ones; nobody else meets it.

use base64::Engine as _;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::{Dj, PATIENCE, Pika};

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// A browser, as far as its frames go.
struct Browser {
    tcp: TcpStream,
    unread: Vec<u8>,
    /// What the server agreed to.
    agreed: Option<String>,
}

impl Browser {
    async fn open(pika: &Pika, offer: &str) -> Browser {
        let host = pika.url.trim_start_matches("http://");
        let mut tcp = TcpStream::connect(host).await.unwrap();
        let key = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 16]>());
        let request = format!(
            "GET /ws HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: {key}\r\n{offer}\r\n"
        );
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut browser = Browser { tcp, unread: Vec::new(), agreed: None };
        let end = loop {
            if let Some(at) = browser.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            browser.read().await;
        };
        let head = String::from_utf8(browser.unread.drain(..end).collect()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        browser.agreed = head.lines().find_map(|line| line.strip_prefix("sec-websocket-extensions: ")).map(str::to_owned);
        browser
    }

    async fn read(&mut self) {
        let read = timeout(PATIENCE, self.tcp.read_buf(&mut self.unread)).await.expect("something is said").unwrap();
        assert_ne!(read, 0, "the server closed");
    }

    async fn say(&mut self, message: &Value, packed: bool) {
        let text = message.to_string().into_bytes();
        let payload = if packed { deflated(&text) } else { text };
        let mut bytes = Vec::new();
        let mask = [3, 1, 4, 1];
        let header = FrameHeader { rsv1: packed, opcode: OpCode::Data(Data::Text), mask: Some(mask), ..FrameHeader::default() };
        header.format(payload.len() as u64, &mut bytes).unwrap();
        bytes.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
        self.tcp.write_all(&bytes).await.unwrap();
    }

    /// The next message of this kind, whether it came compressed, and the bytes that it took.
    async fn hear(&mut self, kind: &str) -> (Value, bool, usize) {
        loop {
            let mut cursor = std::io::Cursor::new(&self.unread);
            let Some((header, length)) = FrameHeader::parse(&mut cursor).unwrap() else {
                self.read().await;
                continue;
            };
            let (begin, end) = (cursor.position() as usize, cursor.position() as usize + length as usize);
            if self.unread.len() < end {
                self.read().await;
                continue;
            }
            let frame: Vec<u8> = self.unread.drain(..end).collect();
            let text = if header.rsv1 { inflated(&frame[begin..]) } else { frame[begin..].to_vec() };
            let message: Value = serde_json::from_slice(&text).unwrap_or_default();
            if message["type"] == kind {
                return (message, header.rsv1, end);
            }
        }
    }
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(plain.len() + 100);
    Compress::new(Compression::best(), false).compress_vec(plain, &mut packed, FlushCompress::Sync).unwrap();
    packed.truncate(packed.len() - TAIL.len());
    packed
}

fn inflated(packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(1 << 16);
    Decompress::new(false).decompress_vec(&[packed, &TAIL].concat(), &mut plain, FlushDecompress::Sync).unwrap();
    plain
}

const OFFER: &str = "sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n";

#[tokio::test]
async fn who_offers_it_gets_long_messages_compressed_and_may_compress_too() {
    let pika = Pika::dev().await;
    let mut dj = Dj::live(&pika).await;
    let [mut modern, mut plain] = [Browser::open(&pika, OFFER).await, Browser::open(&pika, "").await];
    assert_eq!(modern.agreed.as_deref(), Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"));
    assert_eq!(plain.agreed, None);
    let subscribe = json!({"type": "SUBSCRIBE", "sessionId": dj.session});
    modern.say(&subscribe, true).await;
    plain.say(&subscribe, false).await;
    for browser in [&mut modern, &mut plain] {
        browser.hear("LISTENER_COUNT").await;
    }
    let title = "Za horyzontem ".repeat(30);
    dj.play(&title).await;
    let ((one, packed, small), (other, unpacked, large)) = (modern.hear("NOW_PLAYING").await, plain.hear("NOW_PLAYING").await);
    assert_eq!((one["track"]["title"].as_str(), packed, unpacked), (Some(title.trim()), false, false), "a short message stays as it is");
    assert_eq!((&one, small), (&other, large));
    let options: Vec<String> = (0..10).map(|n| format!("{n}: {}", "the very same words ".repeat(4))).collect();
    dj.publish_ok(json!({"type": "START_POLL", "question": "Which of all these? ".repeat(20), "options": options})).await;
    let ((one, packed, small), (other, unpacked, large)) = (modern.hear("POLL_STARTED").await, plain.hear("POLL_STARTED").await);
    assert_eq!((&one["options"], packed, unpacked), (&json!(options.iter().map(|o| o.trim()).collect::<Vec<_>>()), true, false));
    assert_eq!(one, other);
    assert!(small * 3 < large, "{small} bytes instead of {large}");
    let vote =
        json!({"type": "VOTE_ON_POLL", "messageId": "deflated-vote", "pollId": one["pollId"], "optionIndex": 1, "clientId": "somebody"});
    modern.say(&vote, true).await;
    assert_eq!(modern.hear("ACK").await.0["messageId"], "deflated-vote");
    // A kilobyte that unfolds to a hundred megabytes ends the socket, and nothing else.
    modern.say(&json!({"type": "PING", "x": "0".repeat(10_000_000)}), true).await;
    let end = async { while modern.tcp.read_buf(&mut modern.unread).await.is_ok_and(|read| read > 0) {} };
    timeout(PATIENCE, end).await.expect("the socket ends");
    plain.say(&json!({"type": "PING"}), false).await;
    plain.hear("PONG").await;
}

#[tokio::test]
async fn switched_off_it_is_not_spoken() {
    let pika = Pika::dev_with(&[("PIKA_DEFLATE", "false")]).await;
    assert_eq!(Browser::open(&pika, OFFER).await.agreed, None);
}
