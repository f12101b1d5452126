//! Endpoints: where browsers want to be pushed to. A stranger writes them, and we send requests there.

use std::collections::HashSet;
use std::net::IpAddr;

use reqwest::Url;

use crate::error::PushError;

/// Bytes of an endpoint. Browsers' have some two hundred, Windows' up to eight hundred.
const LENGTH: usize = 2_048;

/// The push services of the browsers that there are.
pub const USUAL: [&str; 5] =
    ["fcm.googleapis.com", "*.push.services.mozilla.com", "*.push.apple.com", "*.notify.windows.com", "*.wns.windows.com"];

pub fn usual() -> Vec<String> {
    USUAL.map(str::to_owned).to_vec()
}

/// Push services that are believed to be some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    allowed: Vec<Allowed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// This host under HTTPS.
    Host(String),
    /// Hosts below this domain, which begins with a dot, under HTTPS.
    Below(String),
    /// Any host with a public address, under HTTPS.
    Any,
    /// Exactly this origin, wherever it is and however it is spoken to: an operator named it.
    Origin(String),
}

impl Services {
    /// `fcm.googleapis.com`, `*.push.apple.com`, `*`, or an origin like `http://127.0.0.1:9000`.
    pub fn parse(names: &[String]) -> Result<Self, PushError> {
        let wrong = |name: &str| PushError::Setup(format!("`{name}` is no push service: a host, `*.` and a domain, or an origin is"));
        let host =
            |name: &str| name.contains('.') && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
        let parse = |name: &String| match name.as_str() {
            "*" => Ok(Allowed::Any),
            _ if name.contains("://") => match Url::parse(name) {
                Ok(url) if url.origin().is_tuple() && url.path() == "/" => Ok(Allowed::Origin(url.origin().ascii_serialization())),
                Ok(_) | Err(_) => Err(wrong(name)),
            },
            _ => match name.strip_prefix('*') {
                Some(below) if below.starts_with('.') && host(&below[1..]) => Ok(Allowed::Below(below.to_owned())),
                None if host(name) => Ok(Allowed::Host(name.clone())),
                Some(_) | None => Err(wrong(name)),
            },
        };
        Ok(Services { allowed: names.iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// Hosts that an operator named with their origin.
    pub(crate) fn named_hosts(&self) -> HashSet<String> {
        let origins = self.allowed.iter().filter_map(|allowed| match allowed {
            Allowed::Origin(origin) => Url::parse(origin).ok()?.host_str().map(str::to_owned),
            Allowed::Host(_) | Allowed::Below(_) | Allowed::Any => None,
        });
        origins.collect()
    }

    /// The endpoint as an address that we may send to.
    pub(crate) fn endpoint(&self, text: &str) -> Result<Url, PushError> {
        let invalid = |why: &str| PushError::Invalid(format!("endpoint {why}"));
        if text.len() > LENGTH || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(invalid("is no address"));
        }
        let url = Url::parse(text).map_err(|_| invalid("is no address"))?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(invalid("is no address of a push service"));
        }
        let origin = url.origin().ascii_serialization();
        if self.allowed.contains(&Allowed::Origin(origin)) {
            return Ok(url);
        }
        let host = url.host_str().unwrap_or_default();
        let is_number = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if url.scheme() != "https" || is_number || url.port().is_some() || !host.contains('.') || host.ends_with('.') {
            return Err(invalid("must be a push service's address, and begin with https://"));
        }
        let known = self.allowed.iter().any(|allowed| match allowed {
            Allowed::Host(name) => name == host,
            Allowed::Below(domain) => host.len() > domain.len() && host.ends_with(domain.as_str()),
            Allowed::Any => true,
            Allowed::Origin(_) => false,
        });
        if known { Ok(url) } else { Err(invalid("is not of a push service that is known here")) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(names: &[&str]) -> Services {
        Services::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn endpoints_of_browsers_are_taken() {
        let usual = Services::parse(&usual()).unwrap();
        for good in [
            "https://fcm.googleapis.com/fcm/send/dX7:APA91b",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
            "https://web.push.apple.com/QOI",
            "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB",
        ] {
            assert!(usual.endpoint(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let usual = Services::parse(&usual()).unwrap();
        for bad in [
            "",
            "fcm.googleapis.com",
            "http://fcm.googleapis.com/fcm",
            "https://fcm.googleapis.com.evil.example/",
            "https://evilfcm.googleapis.com/",
            "https://push.apple.com.evil.example/",
            "https://evilpush.apple.com/",
            "https://.push.apple.com/",
            "https://fcm.googleapis.com:8443/",
            "https://fcm.googleapis.com./",
            "https://user@fcm.googleapis.com/",
            "https://fcm.googleapis.com@10.0.0.1/",
            "https://fcm.googleapis.com/#x",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://localhost/",
            "file:///etc/passwd",
            "gopher://fcm.googleapis.com/",
            "https://fcm.googleapis.com/\r\nX: y",
            "https://fcm.googleapis.com/ x",
        ] {
            assert!(usual.endpoint(bad).is_err(), "{bad}");
        }
        assert!(usual.endpoint(&format!("https://fcm.googleapis.com/{}", "x".repeat(LENGTH))).is_err());
        let any = of(&["*"]);
        assert!(any.endpoint("https://push.example.org/x").is_ok());
        for bad in
            ["https://10.0.0.1/", "http://push.example.org/", "https://push.example.org:22/", "https://localhost/", "https://0x7f.1/"]
        {
            assert!(any.endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_taken_as_the_operator_wrote_it() {
        let own = of(&["http://127.0.0.1:9000"]);
        assert!(own.endpoint("http://127.0.0.1:9000/any/thing").is_ok());
        assert!(own.endpoint("http://127.0.0.1:9001/").is_err() && own.endpoint("https://127.0.0.1:9000/").is_err());
        for bad in ["", "com", "*com", "*.", "http://x/path", "UPPER.com", "a b.com", "mailto:x"] {
            assert!(Services::parse(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
