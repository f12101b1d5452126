//! How a server is spoken to: what is said first, and what an answer means. Pika and its plain peers share the words; Socket.IO
//! wraps them in its own packets.

use anyhow::{Context, bail};
use memchr::memmem;

use crate::lean::frame::{TEXT, masked};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// A message is a text frame.
    Bare,
    /// A message is the one argument of the event `m`.
    SocketIo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The subscription is answered.
    Seated,
    /// A message to everyone, by its number.
    Fact(Fact),
    /// The first byte of its messageId.
    Ack(u8),
    Nack,
    /// The answer to SUBSCRIBE with `resume`.
    Subscribed {
        epoch: u64,
        recovered: bool,
    },
    /// A poll has opened.
    Poll(u64),
    /// A poll's counts have changed.
    Tally,
    /// Something that nobody here waits for.
    Other,
    /// The transport asks for an answer before it goes on.
    Reply(Reply),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    pub number: u32,
    /// Its place in the log, for those who asked for positions.
    pub seq: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Subscribe,
    Join,
    Pong,
}

/// A number of eight digits stands in every message to everyone, in the field `key` of its track.
const FIELD: &[u8] = b"\"key\":\"";
const DIGITS: usize = 8;
/// The bytes of a message to everyone, as a publisher writes it.
pub const MESSAGE_BYTES: usize = 200;
pub const TITLE: &str = "Everyone who came tonight dances to this song, which lasts a while";
const LONG: &str = "夜の川に灯りが消えて最後の電車が車庫へ帰るころ、誰もいない広場でまだ一人だけ踊っている。聞こえているのはその人だけの音楽で、雪は歩みを乱すまいとそっと肩に降り積もる。\
    朝になれば掃除の人が、どこから始まりどこへ行くとも知れない輪の跡を見つけ、首をかしげて、春までそのままにしておくだろう。そんな跡は掃くものではないからだ。";
pub const ARTIST: &str = "The Load";
const ID: &[u8] = b"\"messageId\":\"";
/// What SUBSCRIBE is acknowledged by.
const SEAT: &[u8] = b"seat\"";

pub struct Dialect {
    wrapping: Wrapping,
    /// What each says to subscribe; who comes after the last begins again with the first.
    subscribe: Vec<Vec<u8>>,
    join: Vec<u8>,
    pong: Vec<u8>,
    /// Where the number stood in the last message: it stands there again.
    place: usize,
}

impl Dialect {
    /// A crowd that spreads over these sessions. `resume`: what each says of positions, as JSON.
    pub fn new<'a>(wrapping: Wrapping, sessions: impl IntoIterator<Item = (&'a str, Option<String>)>) -> Dialect {
        let subscribe = sessions.into_iter().map(|(session, resume)| {
            let resume = resume.map(|resume| format!(",\"resume\":{resume}")).unwrap_or_default();
            let text = format!("{{\"type\":\"SUBSCRIBE\",\"sessionId\":\"{session}\",\"messageId\":\"seat\"{resume}}}");
            masked(TEXT, &wrap(wrapping, "m", text))
        });
        Dialect { wrapping, subscribe: subscribe.collect(), join: masked(TEXT, b"40"), pong: masked(TEXT, b"3"), place: 0 }
    }

    /// How many sessions the crowd is in.
    pub fn sessions(&self) -> usize {
        self.subscribe.len()
    }

    /// A frame that says this.
    pub fn frame(&self, text: String) -> Vec<u8> {
        masked(TEXT, &wrap(self.wrapping, "m", text))
    }

    pub fn path(&self) -> &'static str {
        path(self.wrapping)
    }

    /// What is said once the socket is open, where it is for the client to begin.
    pub fn greeting(&self, who: usize) -> Option<&[u8]> {
        match self.wrapping {
            Wrapping::Bare => Some(self.subscribe(who)),
            Wrapping::SocketIo => None,
        }
    }

    fn subscribe(&self, who: usize) -> &[u8] {
        &self.subscribe[who % self.subscribe.len()]
    }

    pub fn reply(&self, who: usize, reply: Reply) -> &[u8] {
        match reply {
            Reply::Subscribe => self.subscribe(who),
            Reply::Join => &self.join,
            Reply::Pong => &self.pong,
        }
    }

    pub fn hear(&mut self, text: &[u8]) -> Heard {
        let body = match self.wrapping {
            Wrapping::Bare => text,
            Wrapping::SocketIo => match text {
                [b'4', b'2', rest @ ..] => rest.strip_prefix(b"[\"m\",").unwrap_or(rest),
                [b'4', b'0', ..] => return Heard::Reply(Reply::Subscribe),
                [b'0', ..] => return Heard::Reply(Reply::Join),
                [b'2', ..] => return Heard::Reply(Reply::Pong),
                _ => return Heard::Other,
            },
        };
        let Some(kind) = body.strip_prefix(b"{\"type\":\"") else { return Heard::Other };
        let end = memchr::memchr(b'"', kind).unwrap_or(0);
        match &kind[..end] {
            b"METADATA_UPDATED" => match self.number(text) {
                Some(number) => Heard::Fact(Fact { number, seq: integer(text, b",\"seq\":") }),
                None => Heard::Other,
            },
            b"ACK" => {
                let id = memmem::find(kind, ID).map_or(&[][..], |at| &kind[at + ID.len()..]);
                if id.starts_with(SEAT) { Heard::Seated } else { Heard::Ack(id.first().copied().unwrap_or(0)) }
            }
            b"NACK" => Heard::Nack,
            b"SUBSCRIBED" => Heard::Subscribed {
                epoch: integer(kind, b"\"epoch\":").unwrap_or(0),
                recovered: memmem::find(kind, b"\"recovered\":true").is_some(),
            },
            b"POLL_STARTED" => integer(kind, b"\"pollId\":").map_or(Heard::Other, Heard::Poll),
            b"POLL_UPDATE" => Heard::Tally,
            _ => Heard::Other,
        }
    }

    fn number(&mut self, text: &[u8]) -> Option<u32> {
        if !text.get(self.place..).is_some_and(|rest| rest.starts_with(FIELD)) {
            self.place = memmem::find(text, FIELD)?;
        }
        let from = self.place + FIELD.len();
        let digits = text.get(from..from + DIGITS)?;
        digits.iter().try_fold(0u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    }
}

/// The integer behind this.
fn integer(text: &[u8], field: &[u8]) -> Option<u64> {
    let rest = &text[memmem::find(text, field)? + field.len()..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    rest.first().is_some_and(u8::is_ascii_digit).then_some(number)
}

pub fn path(wrapping: Wrapping) -> &'static str {
    match wrapping {
        Wrapping::Bare => "/ws",
        Wrapping::SocketIo => "/socket.io/?EIO=4&transport=websocket",
    }
}

pub fn wrap(wrapping: Wrapping, event: &str, text: String) -> Vec<u8> {
    match wrapping {
        Wrapping::Bare => text.into_bytes(),
        Wrapping::SocketIo => format!("42[\"{event}\",{text}]").into_bytes(),
    }
}

/// The message of this number to everyone. A correction of the track that plays: as large as NOW_PLAYING, and a fact that everyone
/// must hear, so that a server that replaces an older track by a newer one cannot leave any of them out.
pub fn fact(session: &str, number: u32) -> String {
    correction(session, &(TITLE.to_owned() + &padding(correction(session, TITLE, number).len())), number)
}

/// The same with the longest title that there may be, in three bytes a letter: long enough to be worth compressing.
pub fn long_fact(session: &str, number: u32) -> String {
    correction(session, &long_title(), number)
}

pub fn long_title() -> String {
    LONG.chars().cycle().take(500).collect()
}

fn correction(session: &str, title: &str, number: u32) -> String {
    format!(
        "{{\"type\":\"METADATA_UPDATED\",\"sessionId\":\"{session}\",\"track\":{{\"title\":\"{title}\",\"artist\":\"{ARTIST}\",\"key\":\"{number:0DIGITS$}\"}}}}"
    )
}

/// What a title needs for its message to have the bytes that it should.
fn padding(bytes: usize) -> String {
    ".".repeat(MESSAGE_BYTES.saturating_sub(bytes))
}

/// The title that the facts of a session have.
pub fn title(session: &str) -> anyhow::Result<String> {
    let text = fact(session, 0);
    let from = text.find("\"title\":\"").context("a fact has a title")? + 9;
    let Some((title, _)) = text[from..].split_once('"') else { bail!("a title ends") };
    Ok(title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(wrapping: Wrapping) -> Dialect {
        Dialect::new(wrapping, [("abcdefgh", None)])
    }

    #[test]
    fn a_fact_has_its_size_and_its_number_in_either_wrapping() {
        let text = fact("abcdefgh", 12_345_678);
        assert_eq!(text.len(), MESSAGE_BYTES);
        for wrapping in [Wrapping::Bare, Wrapping::SocketIo] {
            let mut dialect = dialect(wrapping);
            let heard = |number, seq| Heard::Fact(Fact { number, seq });
            let wrapped = wrap(wrapping, "m", text.clone());
            // Twice: the second time it is looked for where it was.
            assert_eq!((dialect.hear(&wrapped), dialect.hear(&wrapped)), (heard(12_345_678, None), heard(12_345_678, None)));
            let shifted = text.replace("The Load", "Load").replace("12345678", "00000009").replace("}}", "},\"seq\":77}");
            assert_eq!(dialect.hear(&wrap(wrapping, "m", shifted)), heard(9, Some(77)));
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let mut plain = dialect(Wrapping::Bare);
        assert_eq!(plain.hear(b"{\"type\":\"ACK\",\"messageId\":\"seat\",\"status\":\"ok\"}"), Heard::Seated);
        assert_eq!(plain.hear(b"{\"type\":\"ACK\",\"messageId\":\"7\",\"status\":\"ok\"}"), Heard::Ack(b'7'));
        assert_eq!(plain.hear(b"{\"type\":\"NACK\",\"messageId\":\"seat\"}"), Heard::Nack);
        assert_eq!(plain.hear(b"{\"type\":\"LISTENER_COUNT\"}"), Heard::Other);
        assert_eq!(plain.hear(b"{\"type\":\"POLL_STARTED\",\"pollId\":81,\"x\":1}"), Heard::Poll(81));
        let subscribed = b"{\"type\":\"SUBSCRIBED\",\"epoch\":3,\"seq\":9,\"recovered\":true}";
        assert_eq!(plain.hear(subscribed), Heard::Subscribed { epoch: 3, recovered: true });
        let mut wrapped = dialect(Wrapping::SocketIo);
        assert_eq!(wrapped.hear(b"0{\"sid\":\"x\"}"), Heard::Reply(Reply::Join));
        assert_eq!(wrapped.hear(b"40{\"sid\":\"x\"}"), Heard::Reply(Reply::Subscribe));
        assert_eq!(wrapped.hear(b"42[\"m\",{\"type\":\"ACK\",\"messageId\":\"seat\"}]"), Heard::Seated);
        assert_eq!(wrapped.hear(b"2"), Heard::Reply(Reply::Pong));
    }

    #[test]
    fn the_title_is_the_one_that_facts_have() {
        let title = title("abcdefgh").unwrap();
        assert!(title.starts_with(TITLE) && fact("abcdefgh", 1).contains(&format!("\"title\":\"{title}\"")));
    }
}
