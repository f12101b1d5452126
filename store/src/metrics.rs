//! What the store measures. No other file knows a metric's name.

use std::time::Duration;

use crate::StoreError;
use crate::retention::Kind;

/// An answer that took so long is named in the log.
const SLOW: Duration = Duration::from_millis(500);

const SECONDS: &str = "pika_store_seconds";
const ERRORS: &str = "pika_store_errors_total";
const BATCH: &str = "pika_store_batch_size";
const REMOVED: &str = "pika_retention_removed_total";

/// What was asked of the store: the label of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Position,
    Save,
    Load,
    OpenRuns,
    Run,
    RecentRuns,
    History,
    Recap,
    SaveFingerprints,
    TopTracks,
    Totals,
    DjRuns,
    PersonLikes,
    Ping,
    AddToken,
    FindToken,
    UseToken,
    ListTokens,
    RevokeTokens,
    AddAccount,
    FindAccount,
    SaveAccount,
    RemoveAccount,
    ListAccounts,
    ClaimName,
    AddSecret,
    FindSecret,
    UseSecret,
    EndSecret,
    ListSecrets,
    Sweep,
    WriteAudit,
    ReadAudit,
    Subscribe,
    FindSubscriptions,
    Unsubscribe,
    Followers,
    ClaimPush,
    NoteTold,
    EndedBefore,
    Leaving,
    LetGo,
    Clear,
}

impl Operation {
    const fn label(self) -> &'static str {
        match self {
            Operation::Position => "position",
            Operation::Save => "save",
            Operation::Load => "load",
            Operation::OpenRuns => "open_runs",
            Operation::Run => "run",
            Operation::RecentRuns => "recent_runs",
            Operation::History => "history",
            Operation::Recap => "recap",
            Operation::SaveFingerprints => "save_fingerprints",
            Operation::TopTracks => "top_tracks",
            Operation::Totals => "totals",
            Operation::DjRuns => "dj_runs",
            Operation::PersonLikes => "person_likes",
            Operation::Ping => "ping",
            Operation::AddToken => "add_token",
            Operation::FindToken => "find_token",
            Operation::UseToken => "use_token",
            Operation::ListTokens => "list_tokens",
            Operation::RevokeTokens => "revoke_tokens",
            Operation::AddAccount => "add_account",
            Operation::FindAccount => "find_account",
            Operation::SaveAccount => "save_account",
            Operation::RemoveAccount => "remove_account",
            Operation::ListAccounts => "list_accounts",
            Operation::ClaimName => "claim_name",
            Operation::AddSecret => "add_secret",
            Operation::FindSecret => "find_secret",
            Operation::UseSecret => "use_secret",
            Operation::EndSecret => "end_secret",
            Operation::ListSecrets => "list_secrets",
            Operation::Sweep => "sweep",
            Operation::WriteAudit => "write_audit",
            Operation::ReadAudit => "read_audit",
            Operation::Subscribe => "subscribe",
            Operation::FindSubscriptions => "find_subscriptions",
            Operation::Unsubscribe => "unsubscribe",
            Operation::Followers => "followers",
            Operation::ClaimPush => "claim_push",
            Operation::NoteTold => "note_told",
            Operation::EndedBefore => "ended_before",
            Operation::Leaving => "leaving",
            Operation::LetGo => "let_go",
            Operation::Clear => "clear",
        }
    }
}

pub fn describe() {
    metrics::describe_histogram!(
        SECONDS,
        metrics::Unit::Seconds,
        "Time from asking the store to its answer, waiting included, by operation"
    );
    metrics::describe_counter!(ERRORS, "Questions and changes that the store failed, by operation and reason");
    metrics::describe_histogram!(BATCH, "Changes that shared one commit");
    metrics::describe_counter!(REMOVED, "What was kept long enough and is removed, by kind");
    for kind in Kind::ALL {
        metrics::counter!(REMOVED, "kind" => kind.name()).increment(0);
    }
    // Nothing failed yet: a rule that asks for an increase would not see the first failure of a counter that begins with it.
    for operation in [Operation::Save, Operation::Load, Operation::Ping] {
        for reason in ["unavailable", "corrupt"] {
            metrics::counter!(ERRORS, "operation" => operation.label(), "reason" => reason).increment(0);
        }
    }
}

/// An operation took this long, from the asking to the answer, and failed if there is an error.
pub fn took(operation: Operation, elapsed: Duration, error: Option<&StoreError>) {
    if elapsed >= SLOW {
        let seconds = elapsed.as_secs_f64();
        tracing::warn!(operation = operation.label(), seconds, "the store was slow");
    }
    metrics::histogram!(SECONDS, "operation" => operation.label()).record(elapsed.as_secs_f64());
    if let Some(error) = error {
        let reason = match error {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::Corrupt(_) => "corrupt",
            StoreError::Taken => "taken",
        };
        metrics::counter!(ERRORS, "operation" => operation.label(), "reason" => reason).increment(1);
    }
}

/// So many changes shared one commit.
pub fn committed_together(changes: usize) {
    metrics::histogram!(BATCH).record(changes as f64);
}

/// So many of a kind were let go of.
pub fn removed(kind: Kind, count: u64) {
    metrics::counter!(REMOVED, "kind" => kind.name()).increment(count);
}
