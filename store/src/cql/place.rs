//! Where a store is, in words: `HOST[:PORT],…[/KEYSPACE]`.

use std::str::FromStr;
use std::time::Duration;

use super::Config;

const KEYSPACE: &str = "pika";

impl FromStr for Config {
    type Err = String;

    fn from_str(place: &str) -> Result<Self, String> {
        let (nodes, keyspace) = place.split_once('/').unwrap_or((place, KEYSPACE));
        let nodes: Vec<String> = nodes.split(',').map(|node| node.trim().to_owned()).collect();
        if nodes.iter().any(|node| node.is_empty() || node.chars().any(|c| c.is_whitespace() || c == '@')) {
            return Err("it must name at least one HOST or HOST:PORT, separated by commas".to_owned());
        }
        // It stands in statements that take no parameters.
        let plain = keyspace.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !plain || !keyspace.starts_with(|c: char| c.is_ascii_lowercase()) || keyspace.len() > 48 {
            return Err("a keyspace has at most 48 characters of a-z 0-9 _ and begins with a letter".to_owned());
        }
        Ok(Config {
            nodes,
            keyspace: keyspace.to_owned(),
            login: None,
            datacenter: None,
            replication: None,
            patience: Duration::from_secs(15),
            deadline: Duration::from_secs(5),
            writes: 512,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_a_keyspace() {
        let config: Config = "a,b:9043, c/evenings".parse().unwrap();
        assert_eq!((config.nodes, config.keyspace.as_str()), (vec!["a".to_owned(), "b:9043".to_owned(), "c".to_owned()], "evenings"));
        assert_eq!("a".parse::<Config>().unwrap().keyspace, "pika");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for bad in ["", ",", "a,", "/pika", "a/", "a/Pika", "a/1st", "a/x; DROP KEYSPACE pika", "user:secret@a"] {
            assert!(bad.parse::<Config>().is_err(), "{bad:?} was understood");
        }
    }
}
