//! What values must be like, for the routes' description: each shape is made of the constants that the code refuses by, so that the
//! two cannot part. Nothing is decoded into these types. What is to be said of a shape stands here too: a comment on a field that has one
//! becomes a second schema beside it, which contradicts the first.

use std::borrow::Cow;

use accounts::Choice;
use schemas::account::LONGEST_EMAIL;
use schemas::{DjName, Role, SessionId};
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::likes::CLIENT_ID;

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::T($schema.into())
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name))
                }
            }
        )*
    };
}

shapes! {
    SessionIdText = text().pattern(Some(format!("^[A-Za-z0-9_-]{{{},{}}}$", SessionId::LENGTH.start(), SessionId::LENGTH.end())));
    /// Sixteen bytes in base64url: the last character holds two bits.
    AccountIdText = text().pattern(Some("^[A-Za-z0-9_-]{21}[AQgw]$"));
    ClientIdText = text().pattern(Some(format!(r"^[^\x00-\x1f\x7f-\x9f]{{{},{}}}$", CLIENT_ID.start(), CLIENT_ID.end())));
    Moment = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    EmailText = text().max_length(Some(LONGEST_EMAIL)).pattern(Some(EMAIL));
    NewPasswordText = text()
        .description(Some("8 to 128 characters, and not easy to guess."))
        .min_length(Some(*accounts::PASSWORD_LENGTH.start()))
        .max_length(Some(*accounts::PASSWORD_LENGTH.end()));
    DisplayNameText = text()
        .description(Some("2 to 100 characters, none of `< > \" '`. It is the name that they go live under."))
        .pattern(Some(schemas::text::pattern(2, DjName::MOST, DjName::NEVER)));
    DjNameText = text().pattern(Some(schemas::text::pattern(1, DjName::MOST, DjName::NEVER)));
    BioText = text().max_length(Some(accounts::BIO));
    GenreList = ArrayBuilder::new().items(text().max_length(Some(accounts::GENRE)).build()).max_items(Some(accounts::GENRES));
    WebAddress = address();
    SocialLinks = accounts::NETWORKS.iter().fold(closed(), |links, network| links.property(*network, address()));
    GrantableRole = text().enum_values(Some(Role::GRANTED.map(Role::name)));
    ProviderName = text().enum_values(Some(accounts::Provider::NAMES));
    RecapFormat = text().enum_values(Some(crate::recap::FORMATS));
    UsersLimit = up_to(accounts::USERS_PAGE);
    AuditLimit = up_to(crate::admin::AUDIT_MOST);
    SessionsLimit = up_to(crate::sessions::PAGE_MOST);
    RecentLimit = up_to(crate::sessions::RECENT_MOST);
    PreferenceChanges = accounts::Defaults::all()
        .fold(closed(), |all, (name, choice)| all.property(name, choice_or_null(choice)))
        .description(Some("Only those that change; null goes back to the default."));
}

/// HTML's rule for addresses. Beyond it the code takes names of hosts in other scripts.
const EMAIL: &str = concat!(
    r"^\s*[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@",
    r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\s*$",
);

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn up_to(most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1usize)).maximum(Some(most))
}

fn address() -> ObjectBuilder {
    text().max_length(Some(accounts::ADDRESS)).pattern(Some(accounts::ADDRESS_PATTERN))
}

/// An object that has no members but those which are named.
fn closed() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

fn choice_or_null(choice: &Choice) -> Schema {
    let or_null = |kind| utoipa::openapi::schema::SchemaType::from_iter([kind, Type::Null]);
    let made = match choice {
        Choice::Word(_, words) => {
            let words = words.iter().map(|word| serde_json::Value::from(*word)).chain([serde_json::Value::Null]);
            ObjectBuilder::new().schema_type(or_null(Type::String)).enum_values(Some(words))
        }
        Choice::Yes(_) => ObjectBuilder::new().schema_type(or_null(Type::Boolean)),
        Choice::Number(_, least, most) => {
            ObjectBuilder::new().schema_type(or_null(Type::Integer)).minimum(Some(*least as isize)).maximum(Some(*most as isize))
        }
    };
    made.build().into()
}
