//! `pika`: one executable, a subcommand per role, and `pika dev` for all of them in one process. Only this room reads files,
//! arguments and the environment; the roles get their settings as values.

mod admin;
mod audit;
mod backup;
mod dev;
mod dj;
mod doctor;
mod durability;
#[cfg(test)]
#[path = "../../schemas/tests/fuzz/hostile.rs"]
mod hostile;
mod leaving;
mod log;
mod logins;
mod metrics;
mod node;
mod past;
mod people;
mod pushes;
mod replay;
mod requests;
mod roles;
mod secrets;
mod serve;
mod settings;
mod storage;
mod token;
mod traces;
mod users;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use roles::Role;
use settings::{Overrides, Profile};

/// Live dance events: what plays, likes, tempo and polls, from the first track to the recap.
#[derive(Parser)]
#[command(name = "pika", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All roles in one process, with a nats-server of its own and SQLite in the data directory.
    Dev(Overrides),
    /// A DJ at the terminal: plays a history to the dancers and shows what they say.
    Dj(dj::Args),
    /// The publish API: POST /api/sessions and /api/sessions/{id}/messages.
    Ingest(Overrides),
    /// The sockets: /ws.
    Fanout(Overrides),
    /// The fold: counts votes, likes and tempo from the log into the store.
    Workers(Overrides),
    /// REST and pages.
    Api(Overrides),
    /// Makes the store's tables, or brings them up to date.
    Migrate(Overrides),
    /// DJ tokens of DJs without an account.
    Token(token::Args),
    /// Accounts: who has one, what they may do, and who did what.
    Admin(users::Args),
    /// Prints a new key for `secret`.
    Key,
    /// Prints a new key for `push_keys`.
    PushKey,
    Doctor(doctor::Args),
    Backup(backup::Args),
    Restore(backup::RestoreArgs),
    Audit(audit::Args),
    Replay(replay::Args),
    /// Prints the messages of the socket as JSON Schema.
    Schema {
        #[arg(value_enum)]
        who: Speaker,
    },
    /// Prints the settings in force, with secrets hidden.
    Config(Overrides),
}

/// Whose messages.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Speaker {
    Client,
    Server,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pika: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    // Libraries under us want their cryptography named once a process; a second naming changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = match command {
        Command::Dev(overrides) => runtime.block_on(dev::run(settings::load(&overrides, Profile::Development)?)),
        Command::Dj(args) => runtime.block_on(dj::run(args)),
        Command::Ingest(overrides) => runtime.block_on(roles::run(settings::load(&overrides, Profile::Production)?, Role::Ingest)),
        Command::Fanout(overrides) => runtime.block_on(roles::run(settings::load(&overrides, Profile::Production)?, Role::Fanout)),
        Command::Workers(overrides) => runtime.block_on(roles::run(settings::load(&overrides, Profile::Production)?, Role::Workers)),
        Command::Api(overrides) => runtime.block_on(roles::run(settings::load(&overrides, Profile::Production)?, Role::Api)),
        Command::Migrate(overrides) => runtime.block_on(storage::migrate(settings::load(&overrides, Profile::Production)?)),
        Command::Token(args) => runtime.block_on(token::run(settings::load(&args.overrides, Profile::Production)?, args.command)),
        Command::Admin(args) => runtime.block_on(users::run(settings::load(&args.overrides, Profile::Production)?, args.command)),
        Command::Key => {
            println!("{}", people::new_key());
            Ok(())
        }
        Command::PushKey => {
            println!("{}", push::new_key()?);
            Ok(())
        }
        Command::Doctor(args) => return Ok(runtime.block_on(doctor::run(args))),
        Command::Backup(args) => runtime.block_on(backup::run(args)),
        Command::Restore(args) => runtime.block_on(backup::restore(args)),
        Command::Audit(args) => return Ok(runtime.block_on(audit::run(args))),
        Command::Replay(args) => runtime.block_on(replay::run(args)),
        Command::Schema { who } => {
            let schema = match who {
                Speaker::Client => schemas::wire::client(),
                Speaker::Server => schemas::wire::server(),
            };
            println!("{}", serde_json::to_string_pretty(&schema)?);
            Ok(())
        }
        Command::Config(overrides) => {
            print!("{}", settings::load(&overrides, Profile::Production)?.shown()?);
            Ok(())
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
