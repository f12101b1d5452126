//! What is written to people. A letter says why it came, what to do, until when, and what to do if it was not meant.

use schemas::Email;

#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: Email,
    pub subject: String,
    pub text: String,
    /// What it is about, for logs.
    pub about: &'static str,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text holds a secret.
        write!(f, "Letter({})", self.about)
    }
}

pub(crate) struct Letters<'c> {
    pub public_url: &'c str,
}

impl Letters<'_> {
    fn link(&self, what: &str, secret: &str) -> String {
        // Behind `#`, so that it is in no server's log and in no Referer.
        format!("{}/account#{what}={secret}", self.public_url.trim_end_matches('/'))
    }

    pub fn verify(&self, to: &Email, secret: &str) -> Letter {
        let link = self.link("verify", secret);
        let text = format!(
            "Welcome to Pika.\n\nOpen this to confirm that this address is yours:\n\n{link}\n\nIt holds for a day. If you did not sign up, do nothing.\n"
        );
        Letter { to: to.clone(), subject: "Confirm your address".to_owned(), text, about: "verify" }
    }

    pub fn change(&self, to: &Email, secret: &str) -> Letter {
        let link = self.link("change", secret);
        let text = format!(
            "Somebody wants to sign in to Pika with this address from now on.\n\nIf that is you, open this:\n\n{link}\n\nIt holds for a day. If it is not you, do nothing.\n"
        );
        Letter { to: to.clone(), subject: "Confirm your new address".to_owned(), text, about: "change" }
    }

    pub fn changed(&self, to: &Email) -> Letter {
        let text = "The address of your Pika account was changed; letters go to the new one from now on.\n\nIf that was not you, answer to whoever runs this Pika at once.\n";
        Letter { to: to.clone(), subject: "Your address was changed".to_owned(), text: text.to_owned(), about: "changed" }
    }

    pub fn reset(&self, to: &Email, secret: &str) -> Letter {
        let link = self.link("reset", secret);
        let text = format!(
            "Open this to choose a new password for Pika:\n\n{link}\n\nIt holds for an hour. If you did not ask for it, do nothing: your password stays.\n"
        );
        Letter { to: to.clone(), subject: "Choose a new password".to_owned(), text, about: "reset" }
    }

    pub fn password_changed(&self, to: &Email) -> Letter {
        let text = "The password of your Pika account was changed, and everything that was signed in with the old one was signed out.\n\nIf that was not you, open the page of Pika and choose \"forgotten password\" at once.\n";
        Letter { to: to.clone(), subject: "Your password was changed".to_owned(), text: text.to_owned(), about: "password_changed" }
    }
}
