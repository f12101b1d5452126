//! `pika`: one executable, a subcommand per role, and `pika dev` for all of them in one process. Only this room reads files,
//! arguments and the environment; the roles get their settings as values.

mod admin;
mod dev;
mod log;
mod node;
mod roles;
mod settings;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Live dance events: what plays, likes, tempo and polls, from the first track to the recap.
#[derive(Parser)]
#[command(name = "pika", version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    overrides: settings::Overrides,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All roles in one process, with a nats-server of its own and SQLite in the data directory.
    Dev,
    /// The publish API: POST /api/sessions and /api/sessions/{id}/messages.
    Ingest,
    /// The sockets: /ws.
    Fanout,
    /// The fold: counts votes, likes and tempo from the log into the store.
    Workers,
    /// REST and pages.
    Api,
    /// DJ tokens: add, list, revoke.
    #[command(subcommand)]
    Token(token::Command),
    /// Prints the settings in force, with secrets hidden.
    Config,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pika: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let profile = if matches!(cli.command, Command::Dev) { settings::Profile::Development } else { settings::Profile::Production };
    let settings = settings::load(&cli.overrides, profile)?;
    if let Command::Config = cli.command {
        print!("{}", settings.shown()?);
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        match cli.command {
            Command::Dev => dev::run(settings).await,
            Command::Ingest => roles::run(settings, roles::Role::Ingest).await,
            Command::Fanout => roles::run(settings, roles::Role::Fanout).await,
            Command::Workers => roles::run(settings, roles::Role::Workers).await,
            Command::Api => roles::run(settings, roles::Role::Api).await,
            Command::Token(command) => token::run(settings, command).await,
            Command::Config => Ok(()),
        }
    })
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
