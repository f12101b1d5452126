//! What went wrong, in words for the person who runs this, and whether trying again may help.

use scylla::errors::{
    DbError, ExecutionError, IntoRowsResultError, NewSessionError, NextPageError, NextRowError, PagerExecutionError, PrepareError,
    RequestAttemptError, RequestError,
};

use super::Config;
use crate::StoreError;

/// Values that are no rows of ours.
pub fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("the store answers in a form that this program does not know: {error}"))
}

pub fn unavailable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

pub fn of_execution(error: ExecutionError) -> StoreError {
    match &error {
        ExecutionError::BadQuery(why) => StoreError::Corrupt(format!("the store cannot hold a value: {why}")),
        ExecutionError::LastAttemptError(attempt) => of_attempt(attempt),
        ExecutionError::PrepareError(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::ConnectionPoolError(_)
        | ExecutionError::RequestTimeout(_)
        | ExecutionError::UseKeyspaceError(_)
        | ExecutionError::SchemaAgreementError(_)
        | ExecutionError::MetadataError(_)
        | _ => unavailable(error),
    }
}

fn of_attempt(error: &RequestAttemptError) -> StoreError {
    match error {
        RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_) => {
            StoreError::Corrupt(format!("the store cannot hold a value: {error}"))
        }
        RequestAttemptError::DbError(why, _) if lasts(why) => {
            StoreError::Corrupt(format!("the store does not understand this program: {error}"))
        }
        _ => unavailable(error),
    }
}

/// Whether the server will say the same next time.
fn lasts(error: &DbError) -> bool {
    matches!(
        error,
        DbError::SyntaxError | DbError::Invalid | DbError::ConfigError | DbError::FunctionFailure { .. } | DbError::ProtocolError
    )
}

pub fn of_prepare(error: PrepareError) -> StoreError {
    match &error {
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => unavailable(error),
    }
}

pub fn of_pager(error: PagerExecutionError) -> StoreError {
    match error {
        PagerExecutionError::PrepareError(error) => of_prepare(error),
        PagerExecutionError::SerializationError(error) => StoreError::Corrupt(format!("the store cannot be asked: {error}")),
        PagerExecutionError::NextPageError(error) => of_page(&error),
        other => unavailable(other),
    }
}

pub fn of_next_row(error: NextRowError) -> StoreError {
    match error {
        NextRowError::NextPageError(error) => of_page(&error),
        NextRowError::RowDeserializationError(error) => unreadable(error),
        other => unavailable(other),
    }
}

fn of_page(error: &NextPageError) -> StoreError {
    match error {
        NextPageError::RequestFailure(RequestError::LastAttemptError(attempt)) => of_attempt(attempt),
        NextPageError::TypeCheckError(_) => unreadable(error),
        _ => unavailable(error),
    }
}

pub fn of_rows(error: IntoRowsResultError) -> StoreError {
    unreadable(error)
}

pub fn of_connecting(config: &Config, error: &NewSessionError) -> StoreError {
    let (nodes, said) = (config.nodes.join(", "), error.to_string());
    // The driver has no variant for it, many layers down, but names the request that failed.
    if let Some((_, why)) = said.split_once("AUTH_RESPONSE, reason: ") {
        let who = config.login.as_ref().map_or("nobody, for no `store_user` is set", |login| &login.user);
        let why = why.split(". You can use").next().unwrap_or(why);
        return StoreError::Unavailable(format!("the CQL server at {nodes} does not let us in as {who}: {why}"));
    }
    StoreError::Unavailable(format!("no CQL server answers at {nodes}: {said}"))
}
