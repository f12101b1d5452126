//! Providers that people may sign in with, as the settings name them.

use std::path::PathBuf;

use accounts::{ClientSecret, Provider};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::secrets;
use crate::settings::Settings;

/// What a provider gave out when this Pika was registered with it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub client_id: String,
    /// The secret, or the file that holds it. For Apple it is the key in the `.p8` file.
    pub client_secret: Option<String>,
    pub client_secret_file: Option<PathBuf>,
    /// Where OpenID Connect is spoken, if not at the provider's usual address.
    pub issuer: Option<String>,
    /// Where GitHub is, and its API: for a GitHub of one's own.
    pub url: Option<String>,
    pub api_url: Option<String>,
    /// What Apple names the team and its key.
    pub team_id: Option<String>,
    pub key_id: Option<String>,
    /// How people know a provider of one's own.
    pub title: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.client_id)
    }
}

impl Login {
    pub fn hidden(mut self) -> Self {
        self.client_secret = self.client_secret.map(|_| "(hidden)".to_owned());
        self
    }

    fn secret(&self) -> anyhow::Result<String> {
        secrets::given("client_secret", self.client_secret.as_deref(), self.client_secret_file.as_deref())?
            .context("`client_secret` or `client_secret_file` is missing")
    }

    fn needed(&self, name: &str, value: &Option<String>) -> anyhow::Result<String> {
        value.clone().with_context(|| format!("`{name}` is missing"))
    }

    /// What only other providers have.
    fn refuse(&self, odd: &[(&str, &Option<String>)]) -> anyhow::Result<()> {
        match odd.iter().find(|(_, value)| value.is_some()) {
            Some((name, _)) => bail!("`{name}` is not for this provider"),
            None => Ok(()),
        }
    }
}

/// The providers that are set, in the order that people are shown them in.
pub fn providers(settings: &Settings) -> anyhow::Result<Vec<Provider>> {
    let mut all = Vec::new();
    type Make = fn(&Login) -> anyhow::Result<Provider>;
    let known: [(&str, &Option<Login>, Make); 4] = [
        ("google", &settings.google, google),
        ("apple", &settings.apple, apple),
        ("github", &settings.github, github),
        ("oidc", &settings.oidc, oidc),
    ];
    for (name, login, make) in known {
        let Some(login) = login else { continue };
        let addresses = [&login.issuer, &login.url, &login.api_url];
        if addresses
            .into_iter()
            .flatten()
            .any(|url| !(url.starts_with("https://") || (settings.development() && url.starts_with("http://"))))
        {
            bail!("[{name}]: a provider's address begins with https://");
        }
        all.push(make(login).with_context(|| format!("[{name}]"))?);
    }
    Ok(all)
}

fn google(login: &Login) -> anyhow::Result<Provider> {
    let Login { url, api_url, team_id, key_id, title, .. } = login;
    login.refuse(&[("url", url), ("api_url", api_url), ("team_id", team_id), ("key_id", key_id), ("title", title)])?;
    Ok(Provider::google(login.client_id.clone(), ClientSecret::Given(login.secret()?), login.issuer.clone()))
}

fn apple(login: &Login) -> anyhow::Result<Provider> {
    let Login { url, api_url, title, .. } = login;
    login.refuse(&[("url", url), ("api_url", api_url), ("title", title)])?;
    let (team, key) = (login.needed("team_id", &login.team_id)?, login.needed("key_id", &login.key_id)?);
    let secret = ClientSecret::apple(&team, &key, &login.secret()?)?;
    Ok(Provider::apple(login.client_id.clone(), secret, login.issuer.clone()))
}

fn github(login: &Login) -> anyhow::Result<Provider> {
    let Login { issuer, team_id, key_id, title, .. } = login;
    login.refuse(&[("issuer", issuer), ("team_id", team_id), ("key_id", key_id), ("title", title)])?;
    Ok(Provider::github(login.client_id.clone(), ClientSecret::Given(login.secret()?), login.url.clone(), login.api_url.clone()))
}

fn oidc(login: &Login) -> anyhow::Result<Provider> {
    let Login { url, api_url, team_id, key_id, .. } = login;
    login.refuse(&[("url", url), ("api_url", api_url), ("team_id", team_id), ("key_id", key_id)])?;
    let (title, issuer) = (login.needed("title", &login.title)?, login.needed("issuer", &login.issuer)?);
    Ok(Provider::oidc(title, login.client_id.clone(), ClientSecret::Given(login.secret()?), issuer))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::result_large_err)]
mod tests {
    use figment::Jail;

    use super::*;
    use crate::settings::{Overrides, Profile, load};

    #[test]
    fn providers_come_from_the_file_and_the_environment_and_their_secrets_stay_hidden() {
        Jail::expect_with(|jail| {
            jail.create_file("pika.toml", "[github]\nclient_id = \"Iv1.x\"\nclient_secret_file = \"github.secret\"\n")?;
            jail.create_file("github.secret", "a secret of GitHub\n")?;
            jail.set_env("PIKA_GOOGLE__CLIENT_ID", "x.apps.googleusercontent.com");
            jail.set_env("PIKA_GOOGLE__CLIENT_SECRET", "GOCSPX-x");
            let settings = load(&Overrides::default(), Profile::Production).unwrap();
            let names: Vec<_> = providers(&settings).unwrap().iter().map(|provider| provider.name).collect();
            assert_eq!(names, ["google", "github"]);
            let shown = settings.shown().unwrap() + &format!("{settings:?}");
            assert!(!shown.contains("GOCSPX") && shown.contains("googleusercontent"), "{shown}");
            Ok(())
        });
    }

    #[test]
    fn a_provider_that_cannot_work_is_found_at_the_start() {
        let with = |toml: &str| {
            let mut error = String::new();
            Jail::expect_with(|jail| {
                jail.create_file("pika.toml", toml)?;
                let settings = load(&Overrides::default(), Profile::Production);
                error = match settings.and_then(|settings| providers(&settings)) {
                    Ok(_) => "none".to_owned(),
                    Err(error) => format!("{error:#}"),
                };
                Ok(())
            });
            error
        };
        assert_eq!(with("[google]\nclient_id = \"x\"\nclient_secret = \"y\"\n"), "none");
        for (toml, words) in [
            ("[google]\nclient_id = \"x\"\n", "client_secret"),
            ("[google]\nclient_id = \"x\"\nclient_secret = \"y\"\nteam_id = \"z\"\n", "team_id"),
            ("[google]\nclient_id = \"x\"\nclient_secret = \"y\"\nissuer = \"http://x\"\n", "https://"),
            ("[google]\nclient_idd = \"x\"\n", "client_idd"),
            ("[oidc]\nclient_id = \"x\"\nclient_secret = \"y\"\ntitle = \"z\"\n", "issuer"),
            ("[apple]\nclient_id = \"x\"\nclient_secret = \"y\"\nteam_id = \"a\"\nkey_id = \"b\"\n", ".p8"),
            ("[apple]\nclient_id = \"x\"\nclient_secret = \"AAAA\"\nteam_id = \"a\"\nkey_id = \"b\"\n", "ES256"),
        ] {
            assert!(with(toml).contains(words), "{toml}: {}", with(toml));
        }
    }
}
