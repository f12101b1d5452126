//! What people tell of themselves, and what they chose.

use std::collections::BTreeMap;

use schemas::Millis;
use schemas::text::clean;
use serde_json::{Map, Value};
use store::{Account, Name, Preferences, Profile};

use crate::Accounts;
use crate::audit::Action;
use crate::caller::Caller;
use crate::error::AccountError;
use crate::register::names;

/// The most characters of a text about oneself.
pub const BIO: usize = 2_000;
/// The most genres, and the most characters of one.
pub const GENRES: usize = 20;
pub const GENRE: usize = 50;
/// The most characters of an address on the web, and the pattern of what is one: for those who describe what is taken.
pub const ADDRESS: usize = 500;
pub const ADDRESS_PATTERN: &str = concat!(
    r"^[\x09-\x0d\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*https?://",
    r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]{1,5})?",
    r"([/?#][^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000<>\x22'\x5c`]*)?",
    r"[\x09-\x0d\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$",
);
/// Where else a DJ may be found.
pub const NETWORKS: [&str; 10] =
    ["bluesky", "discord", "facebook", "instagram", "mastodon", "mixcloud", "soundcloud", "spotify", "tiktok", "youtube"];

/// What is to change; none stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub display_name: Option<String>,
    /// `Some(None)` takes it away.
    pub avatar_url: Option<Option<String>>,
    pub bio: Option<String>,
    pub genres: Option<Vec<String>>,
    pub website: Option<Option<String>>,
    pub social_links: Option<BTreeMap<String, String>>,
}

/// Preferences that there are, and what they are where nothing was chosen. Values must be of the default's kind; a text must be
/// one of the words.
pub struct Defaults;

const NOTIFY_ANNOUNCEMENTS: &str = "notifyAnnouncements";

pub(crate) fn notified(preferences: &Preferences) -> bool {
    Defaults::under(preferences).get(NOTIFY_ANNOUNCEMENTS) != Some(&Value::Bool(false))
}

/// `(name, default, words of a text or bounds of a number)`.
static DEFAULTS: [(&str, Choice); 7] = [
    // The pages are made for a dark room; light ones are for whoever asks for them.
    ("theme", Choice::Word("dark", &["dark", "light", "system"])),
    ("language", Choice::Word("en", &["en", "de", "pl", "fr", "es", "nl"])),
    ("reducedMotion", Choice::Yes(false)),
    (NOTIFY_ANNOUNCEMENTS, Choice::Yes(true)),
    ("notifyPolls", Choice::Yes(true)),
    ("showBpm", Choice::Yes(true)),
    ("textSize", Choice::Number(100, 50, 300)),
];

/// What a preference may be.
pub enum Choice {
    /// Default, and all words that there are.
    Word(&'static str, &'static [&'static str]),
    Yes(bool),
    /// Default, least, most.
    Number(i64, i64, i64),
}

impl Choice {
    fn default(&self) -> Value {
        match self {
            Choice::Word(word, _) => (*word).into(),
            Choice::Yes(yes) => (*yes).into(),
            Choice::Number(number, _, _) => (*number).into(),
        }
    }

    fn allows(&self, value: &Value) -> bool {
        match self {
            Choice::Word(_, words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Choice::Yes(_) => value.is_boolean(),
            Choice::Number(_, least, most) => value.as_i64().is_some_and(|number| (*least..=*most).contains(&number)),
        }
    }
}

impl Defaults {
    /// All preferences that there are.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static Choice)> {
        DEFAULTS.iter().map(|(name, choice)| (*name, choice))
    }

    /// What was chosen, over the defaults. What is not known any more, or no longer allowed, is not shown.
    pub fn under(chosen: &Preferences) -> Map<String, Value> {
        let all = DEFAULTS.iter().map(|(name, choice)| {
            let value = chosen.chosen.get(*name).filter(|value| choice.allows(value)).cloned();
            ((*name).to_owned(), value.unwrap_or_else(|| choice.default()))
        });
        all.collect()
    }
}

impl Accounts {
    pub async fn change_profile(&self, caller: &Caller, wanted: ProfileChange, now: Millis) -> Result<Account, AccountError> {
        caller.require_session()?;
        let changed = checked(&caller.account.profile, &wanted)?;
        let renamed = wanted.display_name.as_deref().map(names).transpose()?;
        let Some((name, slug)) = renamed.filter(|(name, _)| *name != caller.account.display_name) else {
            return self
                .inner
                .change(caller.id(), |account| {
                    account.profile = changed.clone();
                    Ok(())
                })
                .await;
        };
        // Claimed before and released after, so that at every moment somebody bears them.
        let (id, stores) = (caller.id(), &self.inner.stores);
        let (new_name, new_slug) = (Name::Dj(name.clone()), Name::Slug(slug.clone()));
        stores.accounts.claim_name(&new_slug, id, now).await?;
        if let Err(error) = stores.accounts.claim_name(&new_name, id, now).await {
            if slug != caller.account.slug {
                stores.accounts.release_name(&new_slug, id).await?;
            }
            return Err(error.into());
        }
        let mut old = None;
        let account = self
            .inner
            .change(id, |account| {
                old = Some((account.display_name.clone(), account.slug.clone()));
                (account.display_name, account.slug) = (name.clone(), slug.clone());
                account.profile = changed.clone();
                Ok(())
            })
            .await?;
        if let Some((old_name, old_slug)) = old {
            // A name that differs only in case is the same row.
            if old_name.trim().to_lowercase() != account.display_name.trim().to_lowercase() {
                stores.accounts.release_name(&Name::Dj(old_name), id).await?;
            }
            if old_slug != account.slug {
                stores.accounts.release_name(&Name::Slug(old_slug), id).await?;
            }
        }
        Ok(account)
    }

    /// The account that bears this slug, for its public page.
    pub async fn by_slug(&self, slug: &str) -> Result<Option<Account>, AccountError> {
        let found = self.inner.stores.accounts.account_named(&Name::Slug(slug.to_lowercase())).await?;
        Ok(found.filter(|account| account.suspended_at.is_none()))
    }

    /// Changes some preferences; `null` goes back to the default. With `version` only if nobody else changed them meanwhile.
    pub async fn change_preferences(
        &self,
        caller: &Caller,
        wanted: &Map<String, Value>,
        version: Option<u64>,
    ) -> Result<Preferences, AccountError> {
        caller.require_session()?;
        allowed(wanted)?;
        let account = self
            .inner
            .change(caller.id(), |account| {
                let preferences = &mut account.preferences;
                if version.is_some_and(|version| version != preferences.version) {
                    return Err(AccountError::Taken);
                }
                choose(preferences, wanted);
                Ok(())
            })
            .await?;
        self.hush(&account, wanted).await?;
        Ok(account.preferences)
    }

    /// Takes over what an export holds of the caller's profile and preferences: all of it, or nothing. Names stay, because others may bear
    /// them by now; likes and history are what happened elsewhere.
    pub async fn import(
        &self,
        caller: &Caller,
        profile: &ProfileChange,
        preferences: &Map<String, Value>,
        now: Millis,
    ) -> Result<Account, AccountError> {
        caller.require_session()?;
        allowed(preferences)?;
        let profile = checked(&caller.account.profile, profile)?;
        let account = self
            .inner
            .change(caller.id(), |account| {
                account.profile = profile.clone();
                choose(&mut account.preferences, preferences);
                Ok(())
            })
            .await?;
        self.hush(&account, preferences).await?;
        self.inner.note(Action::Imported, Some(account.id), Some(account.id), "", now).await?;
        Ok(account)
    }

    /// Browsers hear of a choice that is theirs too.
    async fn hush(&self, account: &Account, wanted: &Map<String, Value>) -> Result<(), AccountError> {
        if wanted.contains_key(NOTIFY_ANNOUNCEMENTS) {
            self.inner.stores.subscriptions.hush(account.person, !notified(&account.preferences)).await?;
        }
        Ok(())
    }
}

/// Refuses what is no preference, or none of its values.
fn allowed(wanted: &Map<String, Value>) -> Result<(), AccountError> {
    for (name, value) in wanted {
        let choice = DEFAULTS.iter().find(|(known, _)| known == name).map(|(_, choice)| choice);
        let choice = choice.ok_or_else(|| AccountError::invalid(format!("there is no preference {}", crate::sessions::label(name))))?;
        if !value.is_null() && !choice.allows(value) {
            return Err(AccountError::invalid(format!("{name} cannot be that")));
        }
    }
    Ok(())
}

fn choose(preferences: &mut Preferences, wanted: &Map<String, Value>) {
    for (name, value) in wanted {
        match value {
            Value::Null => preferences.chosen.remove(name),
            value => preferences.chosen.insert(name.clone(), value.clone()),
        };
    }
    preferences.version += 1;
}

fn checked(profile: &Profile, wanted: &ProfileChange) -> Result<Profile, AccountError> {
    let mut profile = profile.clone();
    if let Some(bio) = &wanted.bio {
        profile.bio = text("bio", bio, BIO)?;
    }
    if let Some(genres) = &wanted.genres {
        if genres.len() > GENRES {
            return Err(AccountError::invalid(format!("at most {GENRES} genres")));
        }
        profile.genres = genres.iter().map(|genre| text("genre", genre, GENRE)).collect::<Result<_, _>>()?;
    }
    if let Some(avatar) = &wanted.avatar_url {
        profile.avatar_url = avatar.as_deref().map(|url| address("avatarUrl", url)).transpose()?;
    }
    if let Some(website) = &wanted.website {
        profile.website = website.as_deref().map(|url| address("website", url)).transpose()?;
    }
    if let Some(links) = &wanted.social_links {
        let link = |(network, url): (&String, &String)| {
            if !NETWORKS.contains(&network.as_str()) {
                return Err(AccountError::invalid(format!("socialLinks knows {}", NETWORKS.join(", "))));
            }
            Ok((network.clone(), address("socialLinks", url)?))
        };
        profile.social_links = links.iter().map(link).collect::<Result<_, _>>()?;
    }
    Ok(profile)
}

fn text(what: &str, raw: &str, most: usize) -> Result<String, AccountError> {
    // As it came: a limit that hangs on what is cleaned away could be said to nobody.
    if raw.chars().count() > most {
        return Err(AccountError::invalid(format!("{what} must have at most {most} characters")));
    }
    Ok(clean(raw))
}

/// An address on the web, its host as DNS writes it. Others, `javascript:` before all, would act when they are clicked.
fn address(what: &str, raw: &str) -> Result<String, AccountError> {
    let url = raw.trim();
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = url.chars().all(|c| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | '"' | '\'' | '\\' | '`'));
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_port = (1..=5).contains(&port.len()) && port.chars().all(|c| c.is_ascii_digit());
    let named = host.contains('.') && host.split('.').all(is_label) && is_port;
    if named && plain && raw.chars().count() <= ADDRESS {
        Ok(url.to_owned())
    } else {
        Err(AccountError::invalid(format!("{what} must be an address that begins with https://")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_the_web_are_taken() {
        assert!(address("website", " https://pika.dance/dj?x=1#y ").is_ok());
        assert!(address("website", "http://xn--bka-9la.pika.dance:8080").is_ok());
        for bad in [
            "",
            "javascript:alert(1)",
            "https://",
            "https://x",
            "data:text/html,x",
            "https://a.b/\"onload=",
            "//a.b",
            "https://u:p@a.b",
            "https://a .b",
            "https://[a.b",
            "https://a..b",
            "https://a.b:port",
        ] {
            assert!(address("website", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_chosen_lies_over_the_defaults() {
        let chosen =
            |pairs: &[(&str, Value)]| Preferences { version: 1, chosen: pairs.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect() };
        assert_eq!(Defaults::under(&Preferences::default())["theme"], "dark");
        assert_eq!(Defaults::under(&chosen(&[("theme", "light".into())]))["theme"], "light");
        let odd = Defaults::under(&chosen(&[("theme", "neon".into()), ("gone", 1.into()), ("textSize", 9_999.into())]));
        assert_eq!((odd["theme"].clone(), odd.get("gone"), odd["textSize"].clone()), ("dark".into(), None, 100.into()));
    }
}
